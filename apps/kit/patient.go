package kit

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/inglehealth/ingle/client/smart"
)

// Person is what the pages show of a Patient.
type Person struct {
	Name, Born, Sex string
}

// ReadPerson reads a Patient; one that may not be read has a name that says so.
func ReadPerson(ctx context.Context, fhir *smart.FHIR, id string) (Person, error) {
	var p struct {
		Name              []humanName
		BirthDate, Gender string
	}
	err := fhir.Read(ctx, "Patient/"+url.PathEscape(id), &p)
	if errors.Is(err, smart.ErrForbidden) {
		return Person{Name: "A patient whose name may not be read"}, nil
	}
	if err != nil {
		return Person{}, err
	}
	return Person{fullName(p.Name), p.BirthDate, p.Gender}, nil
}

// BornAt is the day of birth; ok is false unless the day is known.
func (p Person) BornAt() (at time.Time, ok bool) {
	at, err := time.Parse(time.DateOnly, p.Born)
	return at, err == nil
}

// Age is how many birthdays there were until a time; -1 if it is not known.
func (p Person) Age(at time.Time) int {
	born, ok := p.BornAt()
	if !ok || at.Before(born) {
		return -1
	}
	years := at.Year() - born.Year()
	if at.Month() < born.Month() || at.Month() == born.Month() && at.Day() < born.Day() {
		years--
	}
	return years
}

type humanName struct {
	Use, Text, Family string
	Given             []string
}

// fullName prefers the official name, then the usual one; old ones come last.
func fullName(names []humanName) string {
	rank := map[string]int{"official": 0, "usual": 1, "": 2, "old": 4, "maiden": 4}
	best, found := 9, "A patient without a name"
	for _, n := range names {
		at, known := rank[n.Use]
		if !known {
			at = 3
		}
		text := Sentence(" ", n.Text)
		if text == "" {
			text = Sentence(" ", strings.Join(n.Given, " "), n.Family)
		}
		if at < best && text != "" {
			best, found = at, text
		}
	}
	return found
}
