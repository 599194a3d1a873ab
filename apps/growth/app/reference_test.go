package app

import (
	"math"
	"testing"
)

// zOf are the z of the percentiles that the CDC publishes.
var zOf = map[string]float64{"P3": -1.880793608, "P5": -1.644853627, "P10": -1.281551566, "P25": -.6744897502, "P50": 0, "P75": .6744897502, "P90": 1.281551566, "P95": 1.644853627, "P97": 1.880793608}

// Percentiles as the CDC publishes them beside the parameters, of boys' BMI.
func TestThePercentilesAreThoseThatTheCDCPublishes(t *testing.T) {
	r := loadReferences()
	for months, published := range map[float64]map[string]float64{
		24:    {"P3": 14.52095333, "P5": 14.73731947, "P50": 16.57502768, "P95": 19.33801062, "P97": 19.85985812},
		60.5:  {"P3": 13.65599683, "P10": 14.13780261, "P50": 15.41914163, "P90": 17.25343909, "P97": 18.44112021},
		85.5:  {"P5": 13.72387293, "P25": 14.67053629, "P50": 15.53033563, "P75": 16.66114466, "P95": 19.22294589},
		119.5: {"P3": 13.94381995, "P50": 16.60308661, "P90": 20.26918717, "P97": 23.62400462},
	} {
		l, name, ok := r.at(bmi, "male", months*month)
		if !ok || name != cdc {
			t.Fatalf("%g months: %s %v", months, name, ok)
		}
		for p, want := range published {
			if got := l.value(zOf[p]); math.Abs(got-want) > 1e-4 {
				t.Errorf("%g months, %s: %.5f, not %.5f", months, p, got, want)
			}
			if got := l.z(want); math.Abs(got-zOf[p]) > 1e-4 {
				t.Errorf("%g months, %s: z %.5f", months, p, got)
			}
		}
	}
}

// Medians and spreads as the WHO publishes them.
func TestTheMediansOfInfantsAreThoseThatTheWHOPublishes(t *testing.T) {
	r := loadReferences()
	for _, c := range []struct {
		m      measure
		sex    string
		days   float64
		want   float64 // the median
		second float64 // two standard deviations above
	}{
		{weight, "male", 0, 3.3464, 4.4}, {weight, "female", 0, 3.2322, 4.2}, {height, "male", 0, 49.8842, 53.7}, {height, "female", 0, 49.1477, 52.9},
		{weight, "male", 365, 9.6479, 12.0}, {height, "female", 365, 74.015, 79.2},
	} {
		l, name, ok := r.at(c.m, c.sex, c.days)
		if !ok || name != who || math.Abs(l.M-c.want) > .015 || math.Abs(l.value(2)-c.second) > .06 {
			t.Errorf("%+v: %+v, two above: %.2f, %s", c, l, l.value(2), name)
		}
	}
}

func TestNoReferenceSaysMoreThanItKnows(t *testing.T) {
	r := loadReferences()
	for _, c := range []struct {
		sex  string
		days float64
		want string
	}{
		{"male", -1, ""}, {"male", 0, who}, {"female", 730, who}, {"female", 730.2, cdc}, {"female", 731, cdc}, {"male", 240 * month, cdc}, {"male", 240*month + 1, ""}, {"unknown", 400, ""},
	} {
		for _, m := range []measure{height, weight, bmi} {
			if _, name, ok := r.at(m, c.sex, c.days); name != c.want || ok != (c.want != "") {
				t.Errorf("%s of %s at %g days: %q", m, c.sex, c.days, name)
			}
		}
	}
}

func TestAValueAndItsPercentileGoBothWays(t *testing.T) {
	for _, l := range []lms{{0, 1, 50, .04}, {0, 0, 50, .04}, {0, -2, 16, .08}} {
		for _, z := range []float64{-2, 0, 1.5} {
			if got := l.z(l.value(z)); math.Abs(got-z) > 1e-9 {
				t.Errorf("%+v: %g became %g", l, z, got)
			}
		}
	}
	for z, want := range map[float64]float64{0: 50, -1.880793608: 3, 1.959963985: 97.5} {
		if got := percentile(z); math.Abs(got-want) > 1e-6 {
			t.Errorf("z %g is %g percent", z, got)
		}
	}
}
