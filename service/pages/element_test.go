package pages

import (
	"slices"
	"testing"
)

func TestTheOfficialNameComesFirstAndTheOthersBesideIt(t *testing.T) {
	e, err := ParseElement([]byte(`{"name":[{"use":"usual","family":"陈","given":["美"]},{"use":"old","family":"Li"},{"use":"official","family":"Chen","given":["Mei"]},{"use":"nickname","given":["May"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.At("name").Name(); got != "Mei Chen" {
		t.Errorf("called %q", got)
	}
	if got := e.At("name").OtherNames(); !slices.Equal(got, []string{"陈美", "May"}) {
		t.Errorf("also %q", got)
	}
}
