package bench

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

const (
	samplePatients = 64 // half of them the first the server names, half the last changed
	fullPage       = 20
)

// sample is what the server has that searches can ask for. Each list holds a
// value once.
type sample struct {
	subjects     []subject
	codes        []string // tokens of Observation.code, the most frequent first
	encounters   []string // ids of Encounters of Observations
	years        []string // of Observations, the most frequent first
	measurements []string // values of value-quantity searches: above one that was measured
	words        []string // in the codes of Conditions
}

// subject is a Patient with a full page of Observations.
type subject struct {
	id         string
	identifier string   // a token, "" if there is none
	codes      []string // of the Observations
}

// sampled asks the server once in a run.
func (r *run) sampled(ctx context.Context) (*sample, error) {
	if r.sample != nil {
		return r.sample, nil
	}
	w := r.worker(2_000_000)
	defer w.wire.close()
	s, err := w.takeSample(ctx)
	if err == nil {
		r.sample = s
	}
	return s, err
}

func (w *worker) takeSample(ctx context.Context) (*sample, error) {
	patients, err := w.samplePatients(ctx)
	if err != nil {
		return nil, err
	}
	s := &sample{}
	codes, encounters, years, measurements := frequencies{}, frequencies{}, frequencies{}, frequencies{}
	for _, p := range patients {
		found, err := w.ask(ctx, query("/Observation", "patient", p.ID, "_count", "50", "_total", "none"))
		if err != nil {
			return nil, err
		}
		if found.size() < fullPage {
			continue
		}
		mine := frequencies{}
		for _, e := range found.Entry {
			o := e.Resource
			for _, c := range o.Code.Coding[:min(1, len(o.Code.Coding))] {
				codes.add(token(c.System, c.Code))
				mine.add(token(c.System, c.Code))
			}
			if _, id, ok := strings.Cut(o.Encounter.Reference, "Encounter/"); ok {
				encounters.add(id)
			}
			if year, _, ok := strings.Cut(o.EffectiveDateTime, "-"); ok && len(year) == 4 {
				years.add(year)
			}
			if q := o.ValueQuantity; q.System != "" && q.Code != "" {
				measurements.add("gt" + q.Value.String() + "|" + escape(q.System) + "|" + escape(q.Code))
			}
		}
		one := subject{id: p.ID, codes: mine.ordered()}
		for _, i := range p.Identifier {
			if one.identifier == "" && i.Value != "" {
				one.identifier = token(i.System, i.Value)
			}
		}
		if len(one.codes) > 0 {
			s.subjects = append(s.subjects, one)
		}
	}
	s.codes, s.encounters, s.years, s.measurements = codes.ordered(), encounters.ordered(), years.ordered(), measurements.ordered()
	if len(s.subjects) == 0 {
		return nil, &refusal{message: "the server has no Patient with 20 Observations among those looked at; fill it first"}
	}
	s.words, err = w.sampleWords(ctx)
	return s, err
}

// samplePatients lists the Patients that the server names first, and those
// changed last if it can sort by that.
func (w *worker) samplePatients(ctx context.Context) ([]entry, error) {
	var found []entry
	known := map[string]bool{}
	for _, sort := range []string{"", "-_lastUpdated"} {
		params := []string{"_count", "32", "_total", "none"}
		if sort != "" {
			params = append(params, "_sort", sort)
		}
		answer, err := w.ask(ctx, query("/Patient", params...))
		if _, refused := errors.AsType[*refusal](err); refused && sort != "" {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, e := range answer.Entry {
			if id := e.Resource.ID; e.Resource.ResourceType == "Patient" && !known[id] && len(found) < samplePatients {
				known[id] = true
				found = append(found, e.Resource)
			}
		}
	}
	return found, nil
}

func (w *worker) sampleWords(ctx context.Context) ([]string, error) {
	const shortest = 5
	conditions, err := w.ask(ctx, query("/Condition", "_count", "200", "_total", "none"))
	if err != nil {
		return nil, err
	}
	words := frequencies{}
	for _, e := range conditions.Entry {
		for _, c := range e.Resource.Code.Coding {
			if word, _, _ := strings.Cut(c.Display, " "); len(word) >= shortest && strings.Trim(word, letters) == "" {
				words.add(word)
			}
		}
	}
	return words.ordered(), nil
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// frequencies counts values.
type frequencies map[string]int

func (f frequencies) add(value string) { f[value]++ }

// ordered lists the values, the most frequent first.
func (f frequencies) ordered() []string {
	return slices.SortedFunc(maps.Keys(f), func(a, b string) int {
		return cmp.Or(cmp.Compare(f[b], f[a]), cmp.Compare(a, b))
	})
}
