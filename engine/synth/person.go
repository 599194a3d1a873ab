package synth

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// person is who a patient is, before anything happens.
type person struct {
	id           string
	names        []string // given names
	family       string
	sex          string
	born         time.Time
	origin       row
	marital      string
	street       string
	town, state  string
	postal       string
	phone, email string
	mrn          string
	allergy      string // a key of allergies.tsv, or ""
	smoker       string // a key of codes.tsv
	since        float64
	build        build
	ills         []onset
	died         time.Time // zero when alive
	cast         bool      // one of cast.tsv, who does not die
	flu          bool      // comes for the influenza vaccine
	whole        bool      // has all that US Core calls must-support
}

// build is how a body grows: places in the distributions of people, in
// standard deviations, and the body mass index as an adult.
type build struct{ height, weight, head, index float64 }

type onset struct {
	illness *illness
	at      time.Time
}

// member makes a person of the cast.
func (t *tables) member(r *rand.Rand, c row, asOf time.Time) *person {
	p := &person{
		id: c["id"], names: strings.Fields(c["given"]), family: c["family"], sex: c["sex"], born: readDay(c["born"]), marital: c["marital"],
		street: c["street"], town: c["town"], state: c["state"], postal: c["postal"], phone: c["mobile"], mrn: c["mrn"], allergy: c["allergy"],
		since: c.number("since"), cast: true, flu: true, whole: c["complete"] == "yes",
	}
	for _, o := range t.origins {
		if o["origin"] == c["origin"] {
			p.origin = o
		}
	}
	t.grow(r, p)
	for _, ill := range strings.Fields(c["illnesses"]) {
		key, before, _ := strings.Cut(ill, "@")
		p.ills = append(p.ills, onset{t.illnesses[key], later(asOf, -parse(before))})
	}
	p.email = p.mail()
	return p
}

// person draws one.
func (t *tables) person(r *rand.Rand, id string, asOf time.Time) *person {
	p := &person{id: id, sex: pick(r, []string{"female", "male"}), origin: weighted(r, t.origins)}
	given := "men"
	if p.sex == "female" {
		given = "women"
	}
	names := strings.Fields(p.origin[given])
	p.names = []string{pick(r, names)}
	if second := pick(r, names); r.IntN(3) > 0 && second != p.names[0] {
		p.names = append(p.names, second)
	}
	p.family = pick(r, strings.Fields(p.origin["families"]))
	p.born = later(asOf, -t.age(r))
	age := years(p.born, asOf)
	p.marital = "S"
	if age > 22 && r.Float64() < 0.7 {
		p.marital = pick(r, []string{"M", "M", "M", "M", "D"})
		if age > 70 && r.IntN(3) == 0 {
			p.marital = "W"
		}
	}
	town := pick(r, t.towns)
	p.town, p.state, p.postal = town["town"], town["state"], fmt.Sprintf("%s%02d", town["postal"], 1+r.IntN(98))
	p.street = strconv.Itoa(1+r.IntN(240)) + " " + pick(r, t.streets)["street"]
	p.phone, p.email = fmt.Sprintf("555-01%02d", r.IntN(100)), p.mail()
	p.mrn = fmt.Sprintf("HS-%s", strings.ToUpper(id))
	p.since = 4 + 8*r.Float64()
	p.flu = r.Float64() < 0.6
	if r.IntN(100) < 34 {
		p.allergy = weighted(r, t.allergies)["key"]
	}
	t.grow(r, p)
	t.fallIll(r, p, asOf)
	return p
}

// age draws how old somebody is, in years: one in four is a child.
func (t *tables) age(r *rand.Rand) float64 {
	if r.IntN(4) == 0 {
		return 0.1 + 17.9*r.Float64()
	}
	return 18 + 74*(0.75*r.Float64()+0.25*r.Float64()*r.Float64())
}

// grow draws a build.
func (t *tables) grow(r *rand.Rand, p *person) {
	h := bounded(r, 2)
	p.build = build{height: h, weight: 0.6*h + 0.7*bounded(r, 2), head: 0.5*h + 0.6*bounded(r, 2), index: 26 + 3.6*bounded(r, 2)}
	p.smoker = pick(r, []string{"never-smoker", "never-smoker", "never-smoker", "former-smoker", "smoker"})
}

// fallIll draws the illnesses of a life until a day.
func (t *tables) fallIll(r *rand.Rand, p *person, until time.Time) {
	age := years(p.born, until)
	for _, key := range t.order {
		i := t.illnesses[key]
		if i.sex != "any" && i.sex != p.sex {
			continue
		}
		if i.yearly {
			for y := max(i.young, age-p.since); y < min(i.old, age); y++ {
				if r.Float64() < i.chance {
					p.ills = append(p.ills, onset{i, later(p.born, y+r.Float64())})
				}
			}
			continue
		}
		if at := i.young + (i.old-i.young)*r.Float64(); r.Float64() < i.chance && at < age {
			p.ills = append(p.ills, onset{i, later(p.born, at)})
		}
	}
}

func (p *person) mail() string {
	clean := func(s string) string {
		return strings.Map(func(c rune) rune {
			if c < 'a' || c > 'z' {
				return -1
			}
			return c
		}, strings.ToLower(s))
	}
	return clean(p.names[0]) + "." + clean(p.family) + "@example.org"
}

func (p *person) name() string { return strings.Join(p.names, " ") + " " + p.family }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// weighted draws a row by its column share.
func weighted(r *rand.Rand, rows []row) row {
	sum := 0.0
	for _, x := range rows {
		sum += x.number("share")
	}
	at := r.Float64() * sum
	for _, x := range rows {
		if at -= x.number("share"); at < 0 {
			return x
		}
	}
	return rows[len(rows)-1]
}

// bounded draws from the normal distribution, no further from 0 than most.
func bounded(r *rand.Rand, most float64) float64 { return max(-most, min(most, r.NormFloat64())) }
