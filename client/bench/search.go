package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// search is a named question whose answer has the same size whatever the size
// of the database: what one patient has, or one page.
type search struct {
	name, what    string
	fewest, most  int // resources in an answer; others are not asked for
	paths         func(s *sample) []string
	followToPage  int  // follow the links to so many pages, and ask for the last one
	countsInTotal bool // the answer is a total, without resources
}

var searches = []search{
	{name: "token", what: "Patient by identifier", fewest: 1, most: fullPage, paths: func(s *sample) []string {
		return s.ofIdentified(func(p subject) string { return page("/Patient", fullPage, "identifier", p.identifier) })
	}},
	{name: "two", what: "Observations of a patient with a code", fewest: 1, most: fullPage, paths: func(s *sample) []string {
		return s.ofEach(func(p subject) string {
			return page("/Observation", fullPage, "patient", p.id, "code", p.codes[len(p.codes)/2])
		})
	}},
	{name: "date", what: "Observations of a year, the last first", fewest: fullPage, most: fullPage, paths: func(s *sample) []string {
		return each(s.years, func(year string) string {
			return page("/Observation", fullPage, "date", "ge"+year+"-01-01", "date", "le"+year+"-12-31", "_sort", "-date")
		})
	}},
	{name: "chain", what: "Observations by the identifier of their patient", fewest: fullPage, most: fullPage, paths: func(s *sample) []string {
		return s.ofIdentified(func(p subject) string { return page("/Observation", fullPage, "patient.identifier", p.identifier) })
	}},
	{name: "has", what: "Patients who have an Observation with a code", fewest: 10, most: 10, paths: func(s *sample) []string {
		return each(s.codes, func(code string) string { return page("/Patient", 10, "_has:Observation:patient:code", code) })
	}},
	{name: "include", what: "ten Observations of a patient with their Encounters", fewest: 11, most: 20, paths: func(s *sample) []string {
		return s.ofEach(func(p subject) string {
			return page("/Observation", 10, "patient", p.id, "_include", "Observation:encounter")
		})
	}},
	{name: "revinclude", what: "an Encounter with its Observations", fewest: 2, most: fullPage, paths: func(s *sample) []string {
		return each(s.encounters, func(id string) string {
			return page("/Encounter", fullPage, "_id", id, "_revinclude", "Observation:encounter")
		})
	}},
	{name: "text", what: "Conditions with a word in the text of their code", fewest: 5, most: 5, paths: func(s *sample) []string {
		return each(s.words, func(word string) string { return page("/Condition", 5, "code:text", word) })
	}},
	{name: "quantity", what: "Observations above a value", fewest: fullPage, most: fullPage, paths: func(s *sample) []string {
		return each(s.measurements, func(above string) string { return page("/Observation", fullPage, "value-quantity", above) })
	}},
	{name: "count", what: "how many Observations a patient has", fewest: 1, most: 10_000, countsInTotal: true, paths: func(s *sample) []string {
		return s.ofEach(func(p subject) string { return query("/Observation", "patient", p.id, "_summary", "count") })
	}},
	{name: "everything", what: "the first page of all that a patient has", fewest: 2, most: fullPage, paths: func(s *sample) []string {
		return s.ofEach(func(p subject) string {
			return query("/Patient/"+p.id+"/$everything", "_count", strconv.Itoa(fullPage))
		})
	}},
	{name: "page1000", what: "page 1,000 of all Observations", fewest: fullPage, most: fullPage, followToPage: 1000, paths: func(*sample) []string {
		return []string{page("/Observation", fullPage)}
	}},
}

// asked is what a search measures once it knows the server.
type asked struct {
	step func(ctx context.Context, w *worker) error
	size float64
	note string
	end  func() // after the last step; nil for nothing
}

// most values that a search takes in turn.
const mostPaths = 64

// prepare picks the values, and asks for each of them once to see that the
// answer has the size wanted.
func (s search) prepare(ctx context.Context, r *run) (asked, error) {
	known, err := r.sampled(ctx)
	if err != nil {
		return asked{}, err
	}
	w := r.worker(3_000_000)
	defer w.wire.close()
	var fit []string
	var note string
	size, last := 0, 0
	for _, path := range s.paths(known) {
		if len(fit) == mostPaths {
			break
		}
		if s.followToPage > 0 {
			at := 0
			if path, at, err = w.follow(ctx, path, s.followToPage); err != nil {
				return asked{}, err
			}
			note = fmt.Sprintf("page %d", at)
		}
		answer, err := w.ask(ctx, path)
		if err != nil {
			return asked{}, err
		}
		if last = answer.size(); s.countsInTotal {
			last = answer.Total
		}
		if s.fewest <= last && last <= s.most {
			fit = append(fit, path)
			size += answer.size()
		}
	}
	if len(fit) == 0 {
		return asked{}, &refusal{message: fmt.Sprintf(
			"no value was found for which the answer has %d to %d resources (the last one had %d); fill the server first", s.fewest, s.most, last)}
	}
	return asked{step: oneOf(fit), size: float64(size) / float64(len(fit)), note: note}, nil
}

// oneOf asks for a path at random.
func oneOf(paths []string) func(ctx context.Context, w *worker) error {
	return func(ctx context.Context, w *worker) error {
		_, _, err := w.do(ctx, http.MethodGet, pick(w, paths), nil, http.StatusOK)
		return err
	}
}

// follow follows the links to the next page from the first one, and returns
// the path of the wanted page, or of the last full one before it.
func (w *worker) follow(ctx context.Context, path string, pages int) (string, int, error) {
	answer, err := w.ask(ctx, path)
	for at := 1; err == nil; at++ {
		var next string
		if next, err = answer.next(strings.TrimSuffix(w.base.String(), "/")); err != nil {
			break
		}
		if at == pages || next == "" {
			return path, at, nil
		}
		if answer, err = w.ask(ctx, next); err == nil && answer.size() < fullPage {
			return path, at, nil
		}
		path = next
	}
	return "", 0, err
}

// ofEach makes a path for each subject.
func (s *sample) ofEach(path func(subject) string) []string {
	var paths []string
	for _, p := range s.subjects {
		paths = append(paths, path(p))
	}
	return paths
}

// ofIdentified makes a path for each subject that has an identifier.
func (s *sample) ofIdentified(path func(subject) string) []string {
	identified := &sample{}
	for _, p := range s.subjects {
		if p.identifier != "" {
			identified.subjects = append(identified.subjects, p)
		}
	}
	return identified.ofEach(path)
}

func each(values []string, path func(string) string) []string {
	var paths []string
	for _, v := range values {
		paths = append(paths, path(v))
	}
	return paths
}

// page is a search for one page, without a total.
func page(path string, count int, params ...string) string {
	return query(path, append(params, "_count", strconv.Itoa(count), "_total", "none")...)
}

// query appends names and values in turn.
func query(path string, params ...string) string {
	for i := 0; i+1 < len(params); i += 2 {
		separator := "&"
		if i == 0 {
			separator = "?"
		}
		path += separator + params[i] + "=" + url.QueryEscape(params[i+1])
	}
	return path
}

// escape protects a part of a value (FHIR R4, search, 3.1.1.3).
func escape(part string) string {
	return strings.NewReplacer(`\`, `\\`, `|`, `\|`, `,`, `\,`, `$`, `\$`).Replace(part)
}

func token(system, code string) string { return escape(system) + "|" + escape(code) }
