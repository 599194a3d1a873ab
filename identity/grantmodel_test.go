package identity

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/inglehealth/ingle/spec/smart"
)

// family is what the model knows of a grant.
type family struct {
	client     *Client
	code       string
	scopes     smart.Scopes
	made       time.Time
	until      time.Time // nothing of it is good from then on
	asked      *family   // when the user allowed it; nil for itself
	forgotten  bool
	used, dead bool
	generation int
	rotated    time.Time
	refresh    []modelRefresh
	access     []modelAccess
}

type modelRefresh struct {
	token      string
	generation int
}

type modelAccess struct {
	token   string
	expires time.Time
	revoked bool
}

var familyScopes = smart.Scopes{"openid", "offline_access", "patient/Patient.rs", "patient/Observation.cruds"}

// ended says whether it was revoked, by itself or with what it comes of.
func (f *family) ended() bool { return f.dead || f.asked != nil && f.asked.dead }

func (f *family) took(t *rapid.T, tokens *Tokens, asked smart.Scopes) {
	for _, s := range tokens.Scopes {
		if !f.scopes.Covered(s) || len(asked) > 0 && !asked.Covered(s) {
			t.Fatalf("the scope %s was never allowed", s)
		}
	}
	f.access = append(f.access, modelAccess{tokens.Access, tokens.Expires, false})
	if tokens.Refresh != "" {
		f.refresh = append(f.refresh, modelRefresh{tokens.Refresh, f.generation})
	}
}

// Whatever is asked in whatever order of two processes: no code is good twice,
// nothing of a grant is good after a replay, no scope widens, and nobody who
// revoked something passes for having allowed it.
func TestTokensBehaveAsTheirModel(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		clients := []*Client{a.app(t), a.app(t)}
		number := 0
		rapid.Check(t, func(rt *rapid.T) {
			number++
			login := "noor-" + strconv.Itoa(number)
			a.user(t, login)
			_, n := a.signIn(t, login)
			var families []*family
			// revoked has the user asked again by the app.
			revoked := func(f *family) {
				if f.dead {
					return
				}
				f.dead = true
				for _, other := range families {
					other.forgotten = other.forgotten || other.client == f.client
				}
			}
			ever := a.clock.now().Add(RefreshFor)
			any := func(t *rapid.T) *family {
				if len(families) == 0 {
					t.Skip("nothing was allowed yet")
				}
				return rapid.SampledFrom(families).Draw(t, "grant")
			}
			process := func(t *rapid.T) house { return rapid.SampledFrom([]house{a, b}).Draw(t, "process") }
			rt.Repeat(map[string]func(*rapid.T){
				"allow": func(t *rapid.T) {
					c := rapid.SampledFrom(clients).Draw(t, "client")
					a.clock.jump(time.Microsecond) // of two the later one counts
					families = append(families, &family{
						client: c, code: process(t).authorize(t, c, n, familyScopes), scopes: familyScopes, made: a.clock.now(), until: a.clock.now().Add(codeFor),
					})
				},
				"allow again": func(t *rapid.T) {
					c := rapid.SampledFrom(clients).Draw(t, "client")
					var want *family
					for _, f := range families {
						if f.client == c && f.asked == nil && !f.dead && !f.forgotten && a.clock.now().Before(f.until) {
							want = f
						}
					}
					g, err := process(t).Earlier(a.ctx, n, c.ID, "p")
					if err != nil || (g != nil) != (want != nil) || g != nil && !g.Created.Equal(want.made) {
						t.Fatalf("remembered is %+v, %v; not %+v", g, err, want)
					}
					if g == nil {
						t.Skip("the user has to be asked")
					}
					scopes := smart.Scopes{"openid", "patient/Patient.r"}
					code, err := process(t).allowAgain(t, c, n, g, scopes)
					if err != nil {
						t.Fatal(err)
					}
					if want.until.Before(n.Expires) {
						want.until = n.Expires
					}
					families = append(families, &family{client: c, code: code, scopes: scopes, made: a.clock.now(), until: n.Expires, asked: want})
				},
				"exchange": func(t *rapid.T) {
					f := any(t)
					c := rapid.SampledFrom(clients).Draw(t, "client")
					verifier := rapid.SampledFrom([]string{appVerifier, appVerifier, "another-verifier-that-is-long-enough-to-be-one-0123"}).Draw(t, "verifier")
					tokens, err := process(t).Exchange(a.ctx, c, f.code, appRedirect, verifier, "")
					good := c == f.client && verifier == appVerifier && !f.used && !f.ended() && a.clock.now().Sub(f.made) < codeFor && a.clock.now().Before(f.until)
					if good != (err == nil) || !good && codeOf(t, err) != InvalidGrant {
						t.Fatalf("good %v, but %v: %+v", good, err, f)
					}
					switch {
					case good:
						f.used = true
						if f.asked == nil {
							f.until = ever
						}
						f.took(t, tokens, nil)
					case c == f.client && f.used:
						revoked(f)
					}
				},
				"refresh": func(t *rapid.T) {
					f := any(t)
					if len(f.refresh) == 0 {
						t.Skip("there is no refresh token")
					}
					r := rapid.SampledFrom(f.refresh).Draw(t, "refresh token")
					c := rapid.SampledFrom(clients).Draw(t, "client")
					scopes := rapid.SampledFrom([]smart.Scopes{nil, {"patient/Patient.rs"}, {"patient/Patient.r", "openid"}, {"patient/*.rs"}, {"patient/Patient.cruds"}}).Draw(t, "scopes")
					wider := slices.ContainsFunc(scopes, func(s string) bool { return !familyScopes.Covered(s) })
					current := r.generation == f.generation
					grace := r.generation == f.generation-1 && a.clock.now().Sub(f.rotated) < graceFor
					tokens, err := process(t).Refresh(a.ctx, c, r.token, scopes, "")
					got := codeOf(t, err)
					want := Code("")
					switch {
					case c != f.client || f.dead:
						want = InvalidGrant
					case !current && !grace:
						want = InvalidGrant
						revoked(f)
					case wider:
						want = InvalidScope
					case current:
						f.generation, f.rotated = f.generation+1, a.clock.now()
						fallthrough
					default:
						if err == nil {
							f.took(t, tokens, scopes)
						}
					}
					if got != want {
						t.Fatalf("%q, not %q: %v", got, want, err)
					}
				},
				"revoke a token": func(t *rapid.T) {
					f := any(t)
					if len(f.access) == 0 {
						t.Skip("there is no token")
					}
					x := &f.access[rapid.IntRange(0, len(f.access)-1).Draw(t, "token")]
					if err := process(t).Revoke(a.ctx, f.client, x.token); err != nil {
						t.Fatal(err)
					}
					x.revoked = true
				},
				"revoke a grant": func(t *rapid.T) {
					f := any(t)
					if len(f.refresh) == 0 {
						t.Skip("there is no refresh token")
					}
					if err := process(t).Revoke(a.ctx, f.client, f.refresh[0].token); err != nil {
						t.Fatal(err)
					}
					revoked(f)
				},
				"time passes": func(t *rapid.T) {
					a.clock.jump(time.Duration(rapid.SampledFrom([]int{1, 5, 11, 61, 1800}).Draw(t, "seconds")) * time.Second)
				},
				"": func(t *rapid.T) {
					for _, f := range families {
						for _, x := range f.access {
							good := !f.ended() && !x.revoked && a.clock.now().Before(x.expires) && a.clock.now().Before(f.until)
							for _, h := range []house{a, b} {
								access, err := h.CheckToken(a.ctx, x.token)
								if good != (err == nil) || err != nil && !errors.Is(err, ErrToken) {
									t.Fatalf("good %v, but %v", good, err)
								}
								if err == nil && access.Context.Patient != "p" {
									t.Fatalf("patient %q", access.Context.Patient)
								}
							}
						}
					}
				},
			})
		})
	})
}
