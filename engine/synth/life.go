package synth

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// life is a person with all that happens from joining the clinic on.
type life struct {
	*person
	t          *tables
	r          *rand.Rand
	start, end time.Time // what the record covers, as days

	places    map[string]float64  // in the distribution of each measure
	effects   map[string][]effect // of illnesses on each measure
	today     map[string]float64  // what was measured on the day at hand
	relatives []relative
	visits    map[time.Time]*visit

	plans, goals []string             // references to what was planned
	conditions   map[string]string    // references to problems by key
	given        map[string]time.Time // vaccines, when the last dose was
	doses        map[string]int
	insured      string // reference to the Coverage
	subject      raw
	out          []Resource
	numbers      map[string]int
	scratch      []byte
}

// planned is an act of an illness at a visit.
type planned struct {
	act
	illness string
	since   time.Time // when it was, which is before the visit for what was known
}

type relative struct{ who, what string }

// live lets a person live until a day.
func (t *tables) live(r *rand.Rand, p *person, asOf time.Time) *life {
	l := &life{
		person: p, t: t, r: r, start: later(asOf, -p.since), end: asOf,
		places: map[string]float64{}, effects: map[string][]effect{}, today: map[string]float64{}, visits: map[time.Time]*visit{},
		conditions: map[string]string{}, given: map[string]time.Time{}, doses: map[string]int{}, numbers: map[string]int{},
		subject: appendJSON(nil, reference("Patient/"+p.id, p.name())),
	}
	if l.start.Before(p.born) {
		l.start = p.born
	}
	l.suffer()
	l.visitRoutinely()
	for _, o := range l.ills {
		l.plan(o)
	}
	return l
}

// suffer adds what illnesses lead to, what they do to measures, who in the
// family had them, and whether they end the life.
func (l *life) suffer() {
	for i := 0; i < len(l.ills); i++ {
		o := l.ills[i]
		for _, a := range o.illness.acts {
			at := later(o.at, a.from)
			switch a.kind {
			case "leads":
				if l.r.Float64() < a.chance && at.Before(l.end) && !l.has(a.what) {
					l.ills = append(l.ills, onset{l.t.illnesses[a.what], at})
				}
			case "course", "shift":
				l.effects[a.what] = append(l.effects[a.what], effect{a, later(o.at, 0)})
			case "family":
				if l.r.Float64() < a.chance {
					l.relatives = append(l.relatives, relative{pick(l.r, strings.Fields(a.what)), o.illness.key})
				}
			case "death":
				if l.r.Float64() < a.chance && at.Before(l.end) && at.After(later(l.start, 0.5)) && !l.cast {
					l.died, l.end = at, at
				}
			}
		}
	}
}

func (l *life) has(key string) bool {
	return slices.ContainsFunc(l.ills, func(o onset) bool { return o.illness.key == key })
}

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

// record is the life as resources.
func (l *life) record() []Resource {
	l.demographics()
	days := slices.SortedFunc(func(yield func(*visit) bool) {
		for _, v := range l.visits {
			if !yield(v) {
				return
			}
		}
	}, func(a, b *visit) int { return cmp.Compare(a.day.Unix(), b.day.Unix()) })
	for i, v := range days {
		clear(l.today)
		v.first = i == 0
		v.happen()
		if i == len(days)-1 {
			l.out = append(l.out, l.complete(v.ref)...)
		}
	}
	return l.out
}

// add writes a resource that was recorded at a time, and returns the reference
// to it. Profiles are those of US Core by their names.
func (l *life) add(typ string, at time.Time, profiles string, fields object) string {
	low := strings.ToLower(typ)
	l.numbers[low]++
	return l.addAs(typ, l.id+"-"+low+"-"+strconv.Itoa(l.numbers[low]), at, profiles, fields)
}

// next is the reference that the next resource of a type will have.
func (l *life) next(typ string) string {
	low := strings.ToLower(typ)
	return typ + "/" + l.id + "-" + low + "-" + strconv.Itoa(l.numbers[low]+1)
}

func (l *life) addAs(typ, id string, at time.Time, profiles string, fields object) string {
	var claims list
	for _, p := range strings.Fields(profiles) {
		claims = append(claims, usCore(p))
	}
	head := object{"resourceType", typ, "id", id, "meta", object{"lastUpdated", instant(at), "profile", claims}}
	l.scratch = appendJSON(l.scratch[:0], append(head, fields...))
	l.out = append(l.out, Resource{fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, bytes.Clone(l.scratch)})
	return typ + "/" + id
}
