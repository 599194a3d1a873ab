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
