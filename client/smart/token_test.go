package smart_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

// confidential makes a client with a secret that has to be escaped.
func confidential(t *testing.T, s *smarttest.Server) *smart.Client {
	t.Helper()
	server := discover(t, s, &clock{})
	made, err := server.Register(t.Context(), smart.Registration{
		Name: "Chart", Redirects: []string{redirect}, Authentication: "client_secret_basic",
		GrantTypes: []string{"authorization_code", "refresh_token"},
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	return &smart.Client{Server: server, ID: made.ID, Auth: smart.Secret(made.Secret), Redirect: redirect}
}

func TestAClientWithASecretSendsItAsBasic(t *testing.T) {
	c := confidential(t, smarttest.New(t))
	signIn(t, c)
	c.Auth = smart.Secret("wrong")
	if _, err := finish(t, c); refusal(err) != "invalid_client" {
		t.Errorf("with a wrong secret: %v", err)
	}
}

func TestATokenCanBeAskedAboutAndEnded(t *testing.T) {
	c := confidential(t, smarttest.New(t))
	token := signIn(t, c)
	about, err := c.Introspect(t.Context(), token.Access)
	if err != nil || !about.Active || about.Client != c.ID || about.Patient != "maria" || about.Scope != chart.String() {
		t.Errorf("%+v, error %v", about, err)
	}
	if err := c.Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if about, err = c.Introspect(t.Context(), token.Access); err != nil || about.Active || about.Client != "" {
		t.Errorf("after the revocation: %+v, error %v", about, err)
	}
	if _, err := c.Refresh(t.Context(), token); refusal(err) != "invalid_grant" {
		t.Errorf("a refresh after the revocation: %v", err)
	}
}

func TestRevocationReachesAccessTokensWithoutARefreshToken(t *testing.T) {
	s := smarttest.New(t)
	s.Grants = smart.Scopes{"patient/Patient.r"}
	c := register(t, s)
	token := signIn(t, c)
	if err := c.Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	req := newRequest(t, s.Base+"/Patient/maria")
	req.Header.Set("Authorization", "Bearer "+token.Access)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("answer %+v, error %v", resp, err)
	}
}

func TestARegistrationThatIsRefusedSaysWhy(t *testing.T) {
	server := discover(t, smarttest.New(t), &clock{})
	_, err := server.Register(t.Context(), smart.Registration{Name: "x", GrantTypes: []string{"authorization_code"}}, "")
	if refusal(err) != "invalid_redirect_uri" {
		t.Errorf("error %v", err)
	}
}

func TestWhatAServerLacksIsSaid(t *testing.T) {
	s := smarttest.New(t)
	c := confidential(t, s)
	token := signIn(t, c)
	s.Changes = func(config map[string]any) {
		for _, name := range []string{"registration", "introspection", "revocation", "authorization"} {
			delete(config, name+"_endpoint")
		}
	}
	c.Server = discover(t, s, &clock{})
	_, register := c.Server.Register(t.Context(), smart.Registration{Name: "x"}, "")
	_, introspect := c.Introspect(t.Context(), token.Access)
	_, authorize := c.Authorize(smart.Request{Scopes: chart})
	for name, err := range map[string]error{
		"registration": register, "introspection": introspect, "authorization": authorize, "revocation": c.Revoke(t.Context(), token),
	} {
		if err == nil {
			t.Errorf("%s goes without an endpoint", name)
		}
	}
}

func TestTokenResponsesThatMakeNoSenseAreRefused(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `{}`, `{"access_token":"x"}`, `{"access_token":"x","token_type":"mac"}`, `{"access_token":"","token_type":"Bearer"}`,
		`{"access_token":"x","token_type":"Bearer","scope":"a\"b"}`, `{"access_token":"x","token_type":"Bearer","patient":7}`,
		`{"access_token":"x","token_type":"Bearer","id_token":"no.jwt"}`,
	} {
		if token, err := tokenFrom(t, body); err == nil {
			t.Errorf("%s is taken: %+v", body, token)
		}
	}
	for _, body := range []string{
		`{"access_token":"x","token_type":"bearer","expires_in":"3600"}`, `{"access_token":"x","token_type":"BEARER","expires_in":1e300}`,
		`{"access_token":"x","token_type":"Bearer"}`, `{"access_token":"x","token_type":"Bearer","expires_in":-1}`,
	} {
		if token, err := tokenFrom(t, body); err != nil || token.Access != "x" {
			t.Errorf("%s: %+v, error %v", body, token, err)
		}
	}
}

// tokenFrom is what a client makes of a token response.
func tokenFrom(t *testing.T, body string) (*smart.Token, error) {
	t.Helper()
	s := smarttest.New(t)
	s.Redirect = func(answer url.Values) { answer.Set("code", "x") }
	c := register(t, s)
	web := fake(t, body)
	c.Server.Configuration.TokenEndpoint = web
	attempt, answer := begin(t, c, smart.Request{Scopes: smart.Scopes{"patient/Patient.r"}})
	return c.Finish(t.Context(), attempt, answer)
}
