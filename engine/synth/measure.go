package synth

import (
	"math"
	"time"
)

// measure is what measures.tsv says of one.
type measure struct {
	row
	concept              raw
	usual, spread, noise float64
	digits               int
	least, most          float64 // what values are possible
	low, high            float64 // NaN without a limit
	reference            raw     // the referenceRange
}

// panel is a laboratory report and what it reports.
type panel struct {
	row
	concept  raw
	measures []string
}

func newMeasure(r row) *measure {
	m := &measure{row: r, spread: r.number("spread"), noise: r.number("noise"), digits: int(r.number("digits")), least: r.number("least"), most: r.number("most"), low: math.NaN(), high: math.NaN()}
	m.concept = appendJSON(nil, concept("http://loinc.org", r["loinc"], r["display"]))
	if r["usual"] != "-" {
		m.usual = r.number("usual")
	}
	limits := object{}
	text := ""
	if r["low"] != "" {
		m.low = r.number("low")
		limits = append(limits, "low", m.quantity(m.low))
		text = ">= " + r["low"]
	}
	if r["high"] != "" {
		m.high = r.number("high")
		limits = append(limits, "high", m.quantity(m.high))
		text = "<= " + r["high"]
	}
	if r["low"] != "" && r["high"] != "" {
		text = r["low"] + " - " + r["high"]
	}
	if text != "" {
		m.reference = appendJSON(nil, list{append(limits, "text", text+" "+r["unit"])})
	}
	return m
}

func (m *measure) quantity(v float64) object {
	return quantity(number{v, m.digits}, m.row["unit"], m.row["ucum"])
}

// interpretation says where a value stands in the reference range.
func (m *measure) interpretation(v float64) any {
	v = round(v, m.digits)
	code, display := "N", "Normal"
	switch {
	case v < m.low:
		code, display = "L", "Low"
	case v > m.high:
		code, display = "H", "High"
	case m.reference == nil:
		return nil
	}
	return list{hl7("v3-ObservationInterpretation", code, display)}
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// effect is what an illness does to a measure from its onset.
type effect struct {
	act
	since time.Time
}

// value is a measure of somebody on a day: what is usual, the person's own
// place among people, what illnesses do, and the day's noise. Within a day it
// stays the same.
func (l *life) value(key string, at time.Time) float64 {
	if v, ok := l.today[key]; ok {
		return v
	}
	m := l.t.measures[key]
	v := l.mean(key, m, at)
	if m.noise > 0 {
		v += m.noise * bounded(l.r, 2) * min(1, v/(m.usual+1))
	}
	v = round(max(m.least, min(m.most, v)), m.digits)
	l.today[key] = v
	return v
}

// mean is the value without the day's noise.
func (l *life) mean(key string, m *measure, at time.Time) float64 {
	age := years(l.born, at)
	v := l.derived(key, at, age)
	if math.IsNaN(v) {
		place, ok := l.places[key]
		if !ok {
			place = bounded(l.r, 2)
			l.places[key] = place
		}
		v = m.usual + l.byAge(key, age) + m.spread*place
	}
	for _, e := range l.effects[key] {
		change := e.curve.at(years(e.since, at))
		if e.kind == "course" {
			change -= m.usual
		}
		v += change
	}
	return v
}

// byAge is how children and women differ from the usual.
func (l *life) byAge(key string, age float64) float64 {
	young := max(0, 18-age)
	switch key {
	case "heart-rate":
		return 2.6 * young
	case "respiration":
		return 0.03 * young * young * 2
	case "systolic":
		return -1.4 * young
	case "diastolic":
		return -1.2 * young
	case "creatinine":
		return -0.03*young - 0.1*l.female()
	case "peak-flow":
		return -25*young - 70*l.female()
	case "hemoglobin":
		return -0.9*l.female() - 0.1*young
	}
	return 0
}

func (l *life) female() float64 {
	if l.sex == "female" {
		return 1
	}
	return 0
}

// derived is the mean of a measure that follows from growth or from others;
// NaN for all others.
func (l *life) derived(key string, at time.Time, age float64) float64 {
	switch key {
	case "height":
		return l.grown("height", age, l.build.height)
	case "head":
		return l.grown("head", age, l.build.head)
	case "weight":
		if age < 20 {
			return l.grown("weight", age, l.build.weight)
		}
		height := l.value("height", at) / 100
		return (l.build.index + 0.03*(age-40)) * height * height
	case "bmi":
		height := l.value("height", at) / 100
		return l.value("weight", at) / (height * height)
	case "head-percentile":
		return percentile(l.standing("head", at, age))
	case "weight-for-length":
		return percentile(1.2*l.standing("weight", at, age) - 0.7*l.standing("height", at, age))
	case "bmi-percentile":
		return percentile(l.standing("bmi", at, age))
	case "cholesterol":
		return l.value("ldl", at) + l.value("hdl", at) + l.value("triglycerides", at)/5
	case "hematocrit":
		return 3 * l.value("hemoglobin", at)
	case "egfr":
		return filtration(l.value("creatinine", at), age, l.value("height", at), l.sex == "female")
	}
	return math.NaN()
}

// filtration is the estimated glomerular filtration rate in mL/min/1.73 m2 of
// the creatinine in mg/dL: CKD-EPI 2021 for adults, bedside Schwartz for
// children.
func filtration(creatinine, age, height float64, female bool) float64 {
	if age < 18 {
		return min(0.413*height/creatinine, 130)
	}
	k, a, factor := 0.9, -0.302, 1.0
	if female {
		k, a, factor = 0.7, -0.241, 1.012
	}
	x := creatinine / k
	return 142 * math.Pow(min(x, 1), a) * math.Pow(max(x, 1), -1.2) * math.Pow(0.9938, age) * factor
}

// percentile is how many of 100 people are below so many standard deviations.
func percentile(z float64) float64 {
	return max(1, min(99, 50*math.Erfc(-z/math.Sqrt2)))
}

// grown is the height in cm, weight in kg or head circumference in cm at an age
// in years of somebody at a place in the distribution.
func (l *life) grown(what string, age, place float64) float64 {
	median, spread := l.t.growth.at(what, l.sex, age)
	return median * (1 + place*spread)
}

// standing is where a measured value stands among those of the age, in standard
// deviations.
func (l *life) standing(what string, at time.Time, age float64) float64 {
	median, spread := l.t.growth.at(what, l.sex, age)
	return (l.value(what, at)/median - 1) / spread
}
