package synth

import (
	"bytes"
	"maps"
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

	goals      []string             // references to goals
	conditions map[string]string    // references to problems by key
	given      map[string]time.Time // when each vaccine was given last
	doses      map[string]int       // how many of each vaccine
	insured    string               // reference to the Coverage
	payer      object               // reference to who pays
	subject    raw
	out        []Resource
	numbers    map[string]int // how many of each type
	scratch    []byte
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

// record is the life as resources.
func (l *life) record() []Resource {
	l.demographics()
	days := slices.SortedFunc(maps.Values(l.visits), func(a, b *visit) int { return a.day.Compare(b.day) })
	for i, v := range days {
		clear(l.today)
		v.first, v.last = i == 0, i == len(days)-1
		v.happen()
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
