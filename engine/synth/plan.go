package synth

import (
	"slices"
	"strings"
	"time"
)

// wellChild are the months of age at which small children are seen.
var wellChild = []float64{0.2, 2, 4, 6, 9, 12, 15, 18, 24, 30, 36}

// visitRoutinely plans the check-ups and what is done at them.
func (l *life) visitRoutinely() {
	for _, m := range wellChild {
		if v := l.visit(later(l.born, m/12), "well-child"); v != nil && m == 12 {
			l.screen(v, 1)
		}
	}
	shift := 0.1 * l.r.Float64()
	for age := 4.0; age < 110; age++ {
		kind := "check-up"
		if age < 18 {
			kind = "well-child"
		}
		if age >= 18 && l.r.Float64() < 0.2 && !l.has("diabetes") {
			continue // did not come
		}
		if v := l.visit(later(l.born, age+shift), kind); v != nil {
			l.screen(v, age)
		}
	}
}

// screen adds what is looked for at an age.
func (l *life) screen(v *visit, age float64) {
	for _, s := range l.t.screening {
		if age >= s.from && age <= s.to && (s.sex == "any" || s.sex == l.sex) && int(age-s.from)%s.every == 0 {
			v.acts = append(v.acts, planned{act: s.act, since: v.day})
		}
	}
}

// plan puts the acts of an illness where they are done. What was known before
// the record begins is taken up at the first visit.
func (l *life) plan(o onset) {
	for _, a := range o.illness.acts {
		switch a.kind {
		case "leads", "course", "shift", "family", "death":
			continue
		}
		for y := a.from; y <= max(a.from, a.to); y += a.step {
			at := later(o.at, y)
			if at.After(l.end) {
				break
			}
			if v := l.place(a, at); v != nil {
				v.acts = append(v.acts, planned{a, o.illness.key, at})
			}
			if a.step == 0 {
				break
			}
		}
	}
}

// place is the visit at which an act is done, or recorded; nil for none.
func (l *life) place(a act, at time.Time) *visit {
	if !at.Before(l.start) {
		return l.visit(at, a.what)
	}
	switch a.kind {
	case "condition", "drug", "plan", "goal", "device":
		if end := l.ends(a, at); end.IsZero() || end.After(l.start) {
			return l.visit(l.first(), "check-up")
		}
	}
	return nil
}

// first is the day of the first visit.
func (l *life) first() time.Time {
	if len(l.visits) == 0 {
		return l.start
	}
	first := l.end
	for d := range l.visits {
		if d.Before(first) {
			first = d
		}
	}
	return first
}

// ends is when a problem resolves or a drug is no longer taken; zero for
// never.
func (l *life) ends(a act, from time.Time) time.Time {
	if years, ok := strings.CutPrefix(a.detail, "resolves "); ok {
		return later(from, parse(years))
	}
	if years, ok := strings.CutPrefix(a.detail, "until "); ok {
		return later(from, parse(years))
	}
	if a.kind == "drug" {
		if days := l.t.drugs[a.what].number("days"); days > 0 {
			return from.AddDate(0, 0, int(days))
		}
	}
	return time.Time{}
}

// visit finds or makes the visit of a day. The kind that is told first by rank
// stays.
func (l *life) visit(at time.Time, kind string) *visit {
	rank := slices.Index(kinds, kind)
	if rank < 0 {
		rank = len(kinds) - 1
	}
	if kinds[rank] != "emergency" && kinds[rank] != "admission" && kinds[rank] != "delivery" {
		at = workday(at)
	}
	if at.Before(l.start) || at.After(l.end) {
		if at.After(l.end) || at.Before(l.born) || at.Before(l.start.AddDate(0, 0, -3)) {
			return nil
		}
	}
	v := l.visits[at]
	if v == nil {
		v = &visit{life: l, day: at, rank: rank}
		l.visits[at] = v
	}
	v.rank = min(v.rank, rank)
	return v
}
