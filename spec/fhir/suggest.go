package fhir

import (
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

func unknownResource(d *definitions.Definitions, name string) string {
	return fmt.Sprintf("there is no resource type %q in %s%s", shorten(name), d.Release, suggestion(name, d.ResourceTypes()))
}

func unknownElement(t *definitions.Type, name string) string {
	s := suggestion(strings.TrimPrefix(name, "_"), propertyNames(t))
	if e := t.Element(name); e != nil && e.Choice && s == "" {
		s = "; name its type too, as in " + name + upperFirst(e.Types[0].Code)
	}
	return fmt.Sprintf("%s has no element %q%s", t.Name, shorten(name), s)
}

// propertyNames are the JSON names of a type's elements.
func propertyNames(t *definitions.Type) []string {
	var names []string
	for _, e := range t.Elements {
		if !e.Choice {
			names = append(names, e.Name)
			continue
		}
		for _, ref := range e.Types {
			names = append(names, e.Name+upperFirst(ref.Code))
		}
	}
	return names
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// suggestion is "; did you mean ...?" for the nearest of names, or "".
func suggestion(name string, names []string) string {
	if len(name) > 64 {
		return ""
	}
	best, bestDistance := "", 1+min(3, max(1, len(name)/3))
	for _, n := range names {
		if d := editDistance(strings.ToLower(name), strings.ToLower(n)); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance is the Levenshtein distance in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// shorten keeps text from a client to a length fit for a message.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
