package smart

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestAListOfScopesKeepsItsOrderWithoutRepetitions(t *testing.T) {
	s, err := ParseScopes(" openid  fhirUser patient/*.rs openid unheard-of ")
	if err != nil || s.String() != "openid fhirUser patient/*.rs unheard-of" {
		t.Errorf("%q, %v", s, err)
	}
	if again, err := ParseScopes(s.String()); err != nil || !slices.Equal(again, s) {
		t.Errorf("%q is read as %q, %v", s, again, err)
	}
}

func TestAListOfScopesIsBounded(t *testing.T) {
	var many []string
	for n := range MaxScopes + 1 {
		many = append(many, "s"+strings.Repeat("x", n%50)+string(rune('a'+n/50)))
	}
	if _, err := ParseScopes(strings.Join(many, " ")); err == nil {
		t.Error("too many are accepted")
	}
	if _, err := ParseScopes(strings.Repeat("a", MaxScopeText+1)); err == nil {
		t.Error("too long a text is accepted")
	}
	for _, text := range []string{"a\tb", "a\nb", `"a"`, `a\b`, "é", "a\x00"} {
		if _, err := ParseScopes(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestUnknownScopesAreTold(t *testing.T) {
	for text, known := range map[string]bool{
		"openid": true, "fhirUser": true, "profile": true, "launch": true, "launch/patient": true, "launch/imagingstudy?role=x": true,
		"offline_access": true, "online_access": true, "patient/*.rs": true, "user/Patient.write": true,
		"email": false, "launch/": false, "launch/patient?x=y": false, "patient/*.sr": false, "": false,
	} {
		if Known(text) != known {
			t.Errorf("%q is known: %v", text, !known)
		}
	}
	if typ, role, ok := LaunchContext("launch/imagingstudy?role=x"); typ != "imagingstudy" || role != "x" || !ok {
		t.Errorf("%s %s %v", typ, role, ok)
	}
}

func TestContextIsAskedForInARole(t *testing.T) {
	s := Scopes{"launch/patient", "launch/imagingstudy?role=a", "openid"}
	for text, covered := range map[string]bool{
		"launch/patient": true, "launch/patient?role=x": true, "launch/imagingstudy?role=a": true,
		"launch/imagingstudy": false, "launch/imagingstudy?role=b": false, "launch/patient?role=": false, "launch/patient?other=x": false, "openid?role=x": false,
	} {
		if s.Covered(text) != covered {
			t.Errorf("%s: %v", text, !covered)
		}
	}
}

func TestWithinKeepsThePartThatALimitCovers(t *testing.T) {
	for _, c := range []struct{ asked, limit, want string }{
		{"patient/*.rs openid", "patient/Observation.rs patient/Condition.r openid", "patient/Observation.rs patient/Condition.r openid"},
		{"patient/Observation.cruds", "patient/*.rs", "patient/Observation.rs"},
		{"patient/Observation.*", "patient/*.read", "patient/Observation.rs"},
		{"patient/Observation.rs", "patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs",
			"patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs"},
		{"patient/Observation.rs?status=final", "patient/Observation.rs?category=laboratory", "patient/Observation.rs?status=final&category=laboratory"},
		{"user/Observation.rs fhirUser offline_access", "patient/*.rs offline_access", "offline_access"},
		{"patient/Observation.read", "patient/Observation.cruds", "patient/Observation.read"},
	} {
		asked, _ := ParseScopes(c.asked)
		limit, _ := ParseScopes(c.limit)
		if got := asked.Within(limit).String(); got != c.want {
			t.Errorf("%s within %s: %s, want %s", c.asked, c.limit, got, c.want)
		}
	}
}

func TestTwoQueriesThatAreTogetherTooLongMeetInNothing(t *testing.T) {
	half := func(name string) string {
		var pairs []string
		for n := range maxQuery {
			pairs = append(pairs, name+string(rune('a'+n))+"=1")
		}
		return "patient/Observation.rs?" + strings.Join(pairs, "&")
	}
	asked, limit := Scopes{half("x")}, Scopes{half("y")}
	if got := asked.Within(limit); len(got) != 0 {
		t.Errorf("granted %s", got)
	}
}

// TestWithinNeverAllowsMoreThanEitherSide asks of random scopes what each allows of
// random resources, given by type, interaction and the parameters they match.
func TestWithinNeverAllowsMoreThanEitherSide(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	kept := 0
	for range 20_000 {
		asked, limit := randomScopes(r), randomScopes(r)
		granted := asked.Within(limit)
		kept += len(granted)
		for _, one := range granted {
			if !asked.Covered(one) || !limit.Covered(one) {
				t.Fatalf("%q within %q allows %q", asked, limit, one)
			}
			if _, err := ParseScope(one); err != nil && !asked.Has(one) {
				t.Fatalf("%q within %q has %q: %v", asked, limit, one, err)
			}
		}
		for range 10 {
			x := randomAct(r)
			if got, want := x.allowed(granted), x.allowed(asked) && x.allowed(limit); got != want {
				t.Fatalf("%q within %q is %q: %+v is allowed %v, not %v", asked, limit, granted, x, got, want)
			}
		}
	}
	if kept == 0 {
		t.Error("nothing was ever granted")
	}
}

var (
	someTypes   = []string{"Observation", "Condition", "Patient"}
	somePairs   = []string{"category=a", "category=b", "status=final", "_tag=x"}
	someLetters = []string{"c", "r", "rs", "cruds", "u", "s", "cud", "read", "write", "*"}
)

func randomScopes(r *rand.Rand) Scopes {
	var s Scopes
	for range 1 + r.IntN(4) {
		one := []string{"patient/", "user/"}[r.IntN(2)] + append(someTypes, Any)[r.IntN(4)] + "." + someLetters[r.IntN(len(someLetters))]
		if r.IntN(2) == 0 {
			one += "?" + somePairs[r.IntN(len(somePairs))]
		}
		if r.IntN(8) == 0 {
			one = []string{OpenID, Launch, "unheard-of"}[r.IntN(3)]
		}
		if !s.Has(one) {
			s = append(s, one)
		}
	}
	return s
}

// act is one interaction with one resource.
type act struct {
	level   Level
	typ     string
	i       Interactions
	matches map[string]bool
}

func randomAct(r *rand.Rand) act {
	x := act{level: []Level{Patient, User}[r.IntN(2)], typ: someTypes[r.IntN(3)], i: 1 << r.IntN(5), matches: map[string]bool{}}
	for _, p := range somePairs {
		x.matches[p] = r.IntN(2) == 0
	}
	return x
}

func (x act) allowed(scopes Scopes) bool {
	return slices.ContainsFunc(scopes.Resources(), func(s Scope) bool {
		if s.Level != x.level || s.Type != Any && s.Type != x.typ || s.Interactions&x.i == 0 {
			return false
		}
		for pair := range strings.SplitSeq(s.Query, "&") {
			if pair != "" && !x.matches[pair] {
				return false
			}
		}
		return true
	})
}

func FuzzParseScopes(f *testing.F) {
	f.Add("openid fhirUser launch/patient patient/*.rs", "patient/Observation.rs?category=a")
	f.Add("  a  b ", "user/*.cruds system/Patient.read")
	f.Fuzz(func(t *testing.T, text, other string) {
		s, err := ParseScopes(text)
		if err != nil {
			return
		}
		if again, err := ParseScopes(s.String()); err != nil || !slices.Equal(again, s) {
			t.Fatalf("%q is read as %q, then as %q, %v", text, s, again, err)
		}
		limit, err := ParseScopes(other)
		if err != nil {
			return
		}
		for _, one := range s.Within(limit) {
			if !s.Covered(one) || !limit.Covered(one) {
				t.Fatalf("%q within %q allows %q", s, limit, one)
			}
		}
	})
}
