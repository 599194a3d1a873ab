package app

import (
	"context"
	"errors"
	"net/url"
	"strings"
)

// person is what the page shows of a Patient.
type person struct {
	Name, Born, Sex string
}

func (r reader) patient(ctx context.Context, id string) (person, error) {
	body, err := r.get(ctx, "Patient/"+url.PathEscape(id), nil)
	if errors.Is(err, errNotAllowed) {
		return person{Name: "A patient whose name may not be read"}, nil
	}
	if err != nil {
		return person{}, err
	}
	var p struct {
		Name              []humanName
		BirthDate, Gender string
	}
	if err := decode(body, &p); err != nil {
		return person{}, err
	}
	return person{fullName(p.Name), p.BirthDate, p.Gender}, nil
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
		text := sentence(" ", n.Text)
		if text == "" {
			text = sentence(" ", strings.Join(n.Given, " "), n.Family)
		}
		if at < best && text != "" {
			best, found = at, text
		}
	}
	return found
}

// concept is a CodeableConcept.
type concept struct {
	Text   string
	Coding []struct{ System, Code, Display string }
}

// String is what people read of it.
func (c concept) String() string {
	if c.Text != "" {
		return c.Text
	}
	for _, coding := range c.Coding {
		if coding.Display != "" {
			return coding.Display
		}
	}
	return c.key()
}

// key is its first code.
func (c concept) key() string {
	for _, coding := range c.Coding {
		if coding.Code != "" {
			return coding.System + "|" + coding.Code
		}
	}
	return c.Text
}
