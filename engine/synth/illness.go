package synth

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// illness is what illnesses.tsv says of one.
type illness struct {
	key        string
	sex        string // "any" or that of a person
	young, old float64
	chance     float64 // to fall ill in a life, or each year
	yearly     bool
	acts       []act
}

// act is what is done, or changes, at times since the onset.
type act struct {
	from, to, step float64 // in years; step is 0 for once
	kind, what     string
	detail         string
	chance         float64
	curve          curve
}

func (t *tables) readIllnesses() {
	for _, r := range readTable("illnesses") {
		key := r["illness"]
		i := t.illnesses[key]
		if i == nil {
			i = &illness{key: key}
			t.illnesses[key] = i
		}
		if r["act"] == "who" {
			i.befalls(r)
			t.order = append(t.order, key)
			continue
		}
		i.acts = append(i.acts, newAct(r))
	}
}

func (i *illness) befalls(r row) {
	sex, ages, _ := strings.Cut(r["what"], " ")
	young, old, _ := strings.Cut(ages, "-")
	chance, yearly := strings.CutSuffix(r["detail"], " yearly")
	i.sex, i.young, i.old, i.chance, i.yearly = sex, parse(young), parse(old), parse(chance), yearly
}

func newAct(r row) act {
	a := act{kind: r["act"], what: r["what"], detail: r["detail"]}
	from, rest, again := strings.Cut(r["years"], "..")
	a.from = parse(from)
	if again {
		to, step, _ := strings.Cut(rest, "/")
		a.to, a.step = math.Inf(1), parse(step)
		if to != "" {
			a.to = parse(to)
		}
	}
	switch a.kind {
	case "course", "shift":
		a.curve = newCurve(a.detail)
	case "leads", "family", "death":
		a.chance = parse(a.detail)
	}
	return a
}

// curve changes evenly between its points; before and after them it is
// constant.
type curve []struct{ at, value float64 }

func newCurve(text string) curve {
	var c curve
	for _, p := range strings.Fields(text) {
		at, value, _ := strings.Cut(p, ":")
		c = append(c, struct{ at, value float64 }{parse(at), parse(value)})
	}
	return c
}

func (c curve) at(x float64) float64 {
	if x <= c[0].at {
		return c[0].value
	}
	for i := 1; i < len(c); i++ {
		if a, b := c[i-1], c[i]; x < b.at {
			return a.value + (b.value-a.value)*(x-a.at)/(b.at-a.at)
		}
	}
	return c[len(c)-1].value
}

func parse(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(fmt.Sprintf("synth: %q is not a number", s)) // the tables are embedded
	}
	return f
}
