package synth

import "sort"

// growth is how children grow: for each measure and sex, medians by age and
// the standard deviations as fractions of them.
type growth struct {
	months []float64
	median map[string][]float64 // by measure and sex, "height-male"
	spread map[string][]float64 // by measure
}

func readGrowth() growth {
	g := growth{median: map[string][]float64{}, spread: map[string][]float64{}}
	for _, r := range readTable("growth") {
		g.months = append(g.months, r.number("months"))
		for _, what := range []string{"height", "weight", "head", "bmi"} {
			for _, sex := range []string{"male", "female"} {
				g.median[what+sex] = append(g.median[what+sex], r.number(what+"-"+sex))
			}
			g.spread[what] = append(g.spread[what], r.number(what+"-sd"))
		}
	}
	return g
}

// at is the median and standard deviation at an age in years; those of adults
// from twenty on.
func (g growth) at(what, sex string, age float64) (median, spread float64) {
	months := age * 12
	i := min(len(g.months)-1, max(1, sort.SearchFloat64s(g.months, months)))
	part := max(0, min(1, (months-g.months[i-1])/(g.months[i]-g.months[i-1])))
	between := func(v []float64) float64 { return v[i-1] + part*(v[i]-v[i-1]) }
	return between(g.median[what+sex]), between(g.spread[what])
}
