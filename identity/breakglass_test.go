package identity

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// lasting is a token of a user that outlives a test.
func lasting(t *testing.T, h house, login string) (*User, string) {
	t.Helper()
	u := h.user(t, login, Practitioner)
	c := h.app(t)
	_, n := h.signIn(t, login)
	h.authorize(t, c, n, smart.Scopes{"offline_access", "user/*.rs"})
	grants, err := h.Grants(h.ctx, u.ID)
	if err != nil || len(grants) != 1 {
		t.Fatal(grants, err)
	}
	token, end := newSecret(accessPrefix), h.clock.now().Add(100_000*time.Hour)
	grants[0].Expires = end
	var w changes
	grants[0].put(&w)
	w.put(kindAccess, hashed(token), 0, accessToken{Grant: grants[0].ID, Client: c.ID, Scopes: grants[0].Scopes, Created: h.clock.now(), Expires: end}, end)
	if err := h.write(h.ctx, &w); err != nil {
		t.Fatal(err)
	}
	return u, token
}

// TestGlassIsBrokenExactlyWhileItShouldBe does anything in any order, in two
// processes, and compares what a token opens with a model.
func TestGlassIsBrokenExactlyWhileItShouldBe(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u, token := lasting(t, a, "noor")
		other, others := lasting(t, a, "dora")
		life, runs := GlassFor, 0
		rapid.Check(t, func(rt *rapid.T) {
			if runs++; runs > 20 {
				return // each takes some hundred transactions
			}
			h := func() house { return []house{a, b}[rapid.IntRange(0, 1).Draw(rt, "process")] }
			must := func(err error) {
				if err != nil {
					rt.Fatal(err)
				}
			}
			var model []*Glass
			a.clock.jump(25 * time.Hour) // what was before is over
			good := func() (patients []string) {
				for _, g := range model {
					if g.Ended.IsZero() && a.clock.now().Before(g.Until) {
						patients = append(patients, string(g.Patient))
					}
				}
				slices.Sort(patients)
				return patients
			}
			some := func() *Glass {
				if len(model) == 0 {
					rt.Skip()
				}
				return rapid.SampledFrom(model).Draw(rt, "glass")
			}
			rt.Repeat(map[string]func(*rapid.T){
				"break": func(*rapid.T) {
					patient, p := fhir.ID(rapid.SampledFrom([]string{"ann", "bob", "cem"}).Draw(rt, "patient")), h()
					g, err := p.BreakGlass(p.ctx, u, "app", patient, "found unconscious")
					if len(good()) >= maxGlasses {
						if err == nil {
							rt.Fatal("there is no bound")
						}
						return
					}
					must(err)
					if want := a.clock.now().Add(life); !g.Until.Equal(want) {
						rt.Fatalf("until %v, want %v", g.Until, want)
					}
					model = append(model, &Glass{ID: g.ID, Patient: patient, Until: a.clock.now().Add(life)})
				},
				"end": func(*rapid.T) {
					g, p := some(), h()
					must(p.EndGlass(p.ctx, g.ID, "vera"))
					g.Ended = a.clock.now()
				},
				"review": func(*rapid.T) {
					g, p := some(), h()
					must(p.ReviewGlass(p.ctx, g.ID, "vera", "fine"))
					g.Reviewed = a.clock.now()
				},
				"another policy": func(*rapid.T) {
					life = time.Duration(rapid.IntRange(5, 24*60).Draw(rt, "minutes")) * time.Minute
					p := h()
					must(p.SetPolicy(p.ctx, Policy{GlassFor: life}))
				},
				"wait":  func(*rapid.T) { a.clock.jump(time.Duration(rapid.IntRange(1, 60).Draw(rt, "minutes")) * time.Minute) },
				"sweep": func(*rapid.T) { must(h().Sweep(a.ctx)) },
				"": func(*rapid.T) {
					p := h()
					x, err := p.CheckToken(p.ctx, token)
					must(err)
					var got []string
					for _, g := range x.Glasses {
						got = append(got, string(g.Patient))
					}
					slices.Sort(got)
					if !slices.Equal(got, good()) {
						rt.Fatalf("the token opens %v, want %v", got, good())
					}
				},
				"look": func(*rapid.T) {
					if x, err := h().CheckToken(a.ctx, others); err != nil || x.Glasses != nil {
						rt.Fatalf("%s has broken %v: %v", other.Login, x, err)
					}
					open, err := h().Glasses(a.ctx, true)
					must(err)
					for _, g := range model {
						if in := slices.ContainsFunc(open, func(o *Glass) bool { return o.ID == g.ID }); in != g.Reviewed.IsZero() {
							rt.Fatalf("%s waits for a review: %v", g.ID, in)
						}
					}
				},
			})
		})
	})
}

func TestGlassIsNotBrokenWithoutAReason(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	for _, reason := range []string{"", "too short", "  short    ", strings.Repeat("long", 501), "bad \xff bytes here"} {
		if _, err := h.BreakGlass(h.ctx, u, "", "ann", reason); err == nil || !strings.HasPrefix(err.Error(), "reason: say why") {
			t.Errorf("%q: %v", reason, err)
		}
	}
	for _, d := range []time.Duration{-1, time.Minute, 25 * time.Hour} {
		if err := h.SetPolicy(h.ctx, Policy{GlassFor: d}); err == nil {
			t.Errorf("%v is taken", d)
		}
	}
	for _, err := range []error{h.EndGlass(h.ctx, "none", ""), h.ReviewGlass(h.ctx, "none", "", "")} {
		if !errors.Is(err, ErrNoGlass) {
			t.Error(err)
		}
	}
}

func TestAClockThatWentBackBreaksNoGlassOfTheFuture(t *testing.T) {
	h := openHouse(t, Config{})
	_, token := lasting(t, h, "noor")
	h.clock.jump(2 * time.Hour)
	u, _ := h.UserByLogin(h.ctx, "noor")
	if _, err := h.BreakGlass(h.ctx, u, "", "ann", "found unconscious"); err != nil {
		t.Fatal(err)
	}
	h.clock.jump(-time.Hour)
	if a, err := h.CheckToken(h.ctx, token); err != nil || len(a.Glasses) != 0 {
		t.Errorf("%+v %v", a, err)
	}
}

// TestGlassThatWasEndedStaysWhole ends glass by a clock that is wrong at that moment.
func TestGlassThatWasEndedStaysWhole(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		for i, wrong := range []time.Duration{-time.Hour, 2 * time.Hour} {
			u, token := lasting(t, a, []string{"noor", "dora"}[i])
			g, err := a.BreakGlass(a.ctx, u, "", "ann", "found unconscious")
			if err != nil {
				t.Fatal(err)
			}
			a.clock.jump(wrong)
			if err := b.EndGlass(b.ctx, g.ID, "vera"); err != nil {
				t.Fatal(err)
			}
			a.clock.jump(-wrong)
			for _, h := range []house{a, b} {
				if x, err := h.CheckToken(h.ctx, token); err != nil || len(x.Glasses) != 0 {
					t.Errorf("clock wrong by %v: %+v %v", wrong, x, err)
				}
			}
		}
	})
}
