package app

import (
	"math"
	"testing"
)

// The example that the authors' calculator and its independent ports agree on.
var published = struct {
	values
	female, male map[outcome]float64
}{
	values: values{Age: 50, Total: 200, HDL: 45, Systolic: 160, Treated: true, Diabetes: true, EGFR: 90, BMI: 35},
	female: map[outcome]float64{cvd10: .147, ascvd10: .092, hf10: .081, cvd30: .53, ascvd30: .354, hf30: .39},
	male:   map[outcome]float64{cvd10: .163, ascvd10: .102, hf10: .106, cvd30: .514, ascvd30: .349, hf30: .424},
}

func TestTheModelGivesThePublishedRisks(t *testing.T) {
	m := loadModel()
	for _, female := range []bool{true, false} {
		want := published.male
		if female {
			want = published.female
		}
		for o, p := range want {
			v := published.values
			v.Female = female
			got, ok := m.risk(o, v)
			if !ok || math.Abs(got-p) > .0005 {
				t.Errorf("female %v, %s: %.4f, not %.3f", female, o, got, p)
			}
		}
	}
}

func TestTheModelSaysNothingOfWhatItWasNotMadeFor(t *testing.T) {
	m := loadModel()
	for name, c := range map[string]struct {
		change func(*values)
		o      outcome
		ok     bool
	}{
		"as published":        {func(*values) {}, cvd10, true},
		"29 years":            {func(v *values) { v.Age = 29 }, cvd10, false},
		"80 years":            {func(v *values) { v.Age = 80 }, cvd10, false},
		"60 years, for 30":    {func(v *values) { v.Age = 60 }, cvd30, false},
		"60 years, for 10":    {func(v *values) { v.Age = 60 }, cvd10, true},
		"cholesterol of 321":  {func(v *values) { v.Total = 321 }, cvd10, false},
		"HDL of 19":           {func(v *values) { v.HDL = 19 }, ascvd10, false},
		"systolic of 181":     {func(v *values) { v.Systolic = 181 }, ascvd10, false},
		"eGFR of 14":          {func(v *values) { v.EGFR = 14 }, cvd10, false},
		"BMI of 41 and heart": {func(v *values) { v.BMI = 41 }, hf10, false},
		"BMI of 41 and CVD":   {func(v *values) { v.BMI = 41 }, cvd10, true},
		"no BMI and heart":    {func(v *values) { v.WithoutBMI = true }, hf30, false},
		"no BMI and CVD":      {func(v *values) { v.WithoutBMI = true }, cvd10, true},
	} {
		v := published.values
		c.change(&v)
		if _, ok := m.risk(c.o, v); ok != c.ok {
			t.Errorf("%s: %v", name, ok)
		}
	}
}

func TestTheFiltrationRateIsThatOfThePublishedEquation(t *testing.T) {
	for _, c := range []struct {
		creatinine, age float64
		female          bool
		want            float64
	}{{1, 50, false, 91.691}, {1, 50, true, 68.633}, {.6, 30, true, 123.758}, {2.5, 70, false, 26.964}} {
		if got := ckdEPI(c.creatinine, c.age, c.female); math.Abs(got-c.want) > .001 {
			t.Errorf("%+v: %.3f", c, got)
		}
	}
}
