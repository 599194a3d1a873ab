package fault

import (
	"strings"
	"testing"
)

func TestTheNearestNameIsSuggested(t *testing.T) {
	candidates := []string{"name", "birthdate", "Patient", "Practitioner", "id"}
	for name, want := range map[string]string{
		"nmae": "name", "NAME": "name", "birthDate": "birthdate", "brithdat": "birthdate", "Pateint": "Patient",
		"practioner": "Practitioner", "ix": "id", "": "", "colour": "", strings.Repeat("name", 1000): "",
	} {
		if got := Nearest(name, candidates); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", name, got, want)
		}
	}
}

func TestLongTextIsShortenedBetweenCharacters(t *testing.T) {
	if got := Shorten("short"); got != "short" {
		t.Errorf("got %q", got)
	}
	if got, want := Shorten(strings.Repeat("ä", 100)), strings.Repeat("ä", 50)+"…"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Shorten("x"+strings.Repeat("ä", 100)), "x"+strings.Repeat("ä", 49)+"…"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
