package terminology

import (
	"slices"
	"strings"
	"testing"
)

func TestVersionsAreOrderedAsPeopleReadThem(t *testing.T) {
	ordered := []string{"", "0.9", "1.0.0-alpha", "1.0.0-beta", "1.0.0", "1.2.0", "1.10.0", "2.0", "2023-12-31", "2024-01-01"}
	shuffled := slices.Clone(ordered)
	slices.Reverse(shuffled)
	slices.SortFunc(shuffled, compareVersions)
	if !slices.Equal(shuffled, ordered) {
		t.Errorf("%q", shuffled)
	}
}

func TestAWildcardStandsForAnyPart(t *testing.T) {
	for _, k := range []struct {
		pattern, version string
		want             bool
	}{
		{"1.0.0", "1.0.0", true}, {"1.0.0", "1.0.1", false}, {"1.x.x", "1.2.3", true}, {"1.x", "1.2.3", true}, {"1.0.*", "1.0.9", true},
		{"1.0.x", "1.1.0", false}, {"1.x.x", "1.2", false}, {"1", "1.0.0", false}, {"x", "7", true}, {"X.1", "2.1", true}, {"", "1", false},
	} {
		if got := matchVersion(k.pattern, k.version); got != k.want {
			t.Errorf("%q matches %q: %v", k.pattern, k.version, got)
		}
	}
}

func FuzzVersions(f *testing.F) {
	f.Add("1.0.0-beta", "1.10")
	f.Add("2024-03-01", "x.*")
	f.Fuzz(func(t *testing.T, a, b string) {
		if compareVersions(a, b) != -compareVersions(b, a) {
			t.Errorf("%q and %q are not ordered", a, b)
		}
		if !matchVersion(a, a) {
			t.Errorf("%q does not match itself", a)
		}
	})
}

func TestLanguagesComeInTheOrderOfTheirWeights(t *testing.T) {
	for _, k := range []struct {
		text, want string
		strict     bool
	}{
		{"de", "de", false}, {"en;q=0.5, de-CH, it;q=0.9", "de-CH it en", false}, {"de,*;q=0", "de", true}, {"de, *", "de", false}, {"", "", false}, {"fr;q=0,es", "es", false},
	} {
		l, err := ParseLanguages(k.text)
		if got := strings.Join(l.tags, " "); err != nil || got != k.want || l.strict != k.strict {
			t.Errorf("%q: %q %v %v", k.text, got, l.strict, err)
		}
	}
	for _, text := range []string{"-", "de;q=2", "de;q=x", "a b", "*-"} {
		if _, err := ParseLanguages(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func FuzzLanguages(f *testing.F) {
	f.Add("de-CH, de;q=0.9, *;q=0")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLanguages(text)
		if err == nil && slices.Contains(l.tags, "") {
			t.Errorf("%q gives an empty language", text)
		}
	})
}
