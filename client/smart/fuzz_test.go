package smart

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func FuzzATokenResponseIsRefusedOrMakesSense(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"a","token_type":"Bearer","expires_in":3600,"scope":"patient/*.rs","refresh_token":"r","patient":"p"}`,
		`{"access_token":"a","token_type":"bearer","expires_in":"9e99","fhirContext":[{"reference":"Device/1"}],"need_patient_banner":false}`,
		`{"access_token":7}`, `null`, `[]`, `{"access_token":"a","token_type":"Bearer","expires_in":-1e400}`,
	} {
		f.Add([]byte(body))
	}
	now := time.Unix(1_700_000_000, 0)
	yes := true
	f.Fuzz(func(t *testing.T, body []byte) {
		before := &Token{Access: "old", Refresh: "old", Scopes: Scopes{"openid"}, Context: Context{Patient: "p", Banner: &yes}}
		made, err := parseToken(body, before, now)
		if before.Access != "old" || !*before.Context.Banner || before.Context.Patient != "p" {
			t.Fatalf("the earlier token was changed: %+v", before)
		}
		if err != nil {
			return
		}
		if made.Access == "" || made.Refresh == "" || !made.Expires.IsZero() && (made.Expires.Before(now) || made.Expires.After(now.Add(maxLife))) {
			t.Errorf("%q makes %+v", body, made)
		}
	})
}

func FuzzAKeySetGivesKeysThatFit(f *testing.F) {
	key, err := NewKey()
	if err != nil {
		f.Fatal(err)
	}
	set, err := key.Public().Keys[0].MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"keys":[` + string(set) + `]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","kid":"a","k":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},null,7]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := parseKeys(body)
		if err != nil {
			return
		}
		for _, k := range all {
			for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.ES384, jose.HS256, "none"} {
				found, ok := pick(all, k.KeyID, alg)
				ec, isEC := found.(*ecdsa.PublicKey)
				rs, isRSA := found.(*rsa.PublicKey)
				if ok && !(alg == jose.ES384 && isEC && ec.Curve == elliptic.P384()) && !(alg == jose.RS256 && isRSA && rs.N.BitLen() >= 2048) {
					t.Errorf("%q gives %v for %s", body, found, alg)
				}
			}
		}
	})
}
