package app

import (
	_ "embed"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

//go:embed reference.tsv
var referenceFile string

// measure is what grows.
type measure string

// The measures: of length (lying) or height in cm, weight in kg, and kg/m².
const (
	height measure = "height"
	weight measure = "weight"
	bmi    measure = "bmi"
)

// month is one twelfth of a year, in days.
const month = 30.4375

// The references, and until which age in days they hold.
const (
	who      = "WHO"
	cdc      = "CDC"
	whoUntil = 730.0
	cdcUntil = 240 * month
)

// lms says how a measure is spread among children of an age: by a Box-Cox power, the
// median and a coefficient of variation (Cole and Green 1992).
type lms struct {
	Days    float64 // age
	L, M, S float64
}

// table is the rows of one reference, measure and sex, by age.
type table []lms

// references are all tables, by reference, measure and sex.
type references map[string]table

func loadReferences() references {
	all := references{}
	for line := range strings.Lines(referenceFile) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 7 {
			panic("growth: a row of the reference has not seven columns: " + line) // embedded
		}
		var n [4]float64
		for i := range n {
			v, err := strconv.ParseFloat(f[3+i], 64)
			if err != nil {
				panic(err) // embedded
			}
			n[i] = v
		}
		if f[0] == cdc {
			n[0] *= month
		}
		key := strings.Join(f[:3], " ")
		all[key] = append(all[key], lms{n[0], n[1], n[2], n[3]})
	}
	return all
}

// at is how a measure is spread at an age; which reference says so; ok is false where
// none does.
func (r references) at(m measure, sex string, days float64) (l lms, name string, ok bool) {
	name = who
	if days > whoUntil {
		name = cdc
	}
	t := r[fmt.Sprintf("%s %s %s", name, m, sex)]
	if len(t) == 0 || days < 0 || days > t[len(t)-1].Days {
		return lms{}, "", false
	}
	if days < t[0].Days { // the half day between the two
		return t[0], name, true
	}
	i := sort.Search(len(t), func(i int) bool { return t[i].Days >= days })
	if t[i].Days == days || i == 0 {
		return t[i], name, true
	}
	a, b := t[i-1], t[i]
	share := (days - a.Days) / (b.Days - a.Days)
	between := func(x, y float64) float64 { return x + share*(y-x) }
	return lms{days, between(a.L, b.L), between(a.M, b.M), between(a.S, b.S)}, name, true
}

// z is by how many standard deviations a value differs.
func (l lms) z(value float64) float64 {
	if math.Abs(l.L) < 1e-9 {
		return math.Log(value/l.M) / l.S
	}
	return (math.Pow(value/l.M, l.L) - 1) / (l.L * l.S)
}

// value is that of a z.
func (l lms) value(z float64) float64 {
	if math.Abs(l.L) < 1e-9 {
		return l.M * math.Exp(l.S*z)
	}
	return l.M * math.Pow(1+l.L*l.S*z, 1/l.L)
}

// percentile is the share of children below a z, in percent.
func percentile(z float64) float64 { return 50 * math.Erfc(-z/math.Sqrt2) }
