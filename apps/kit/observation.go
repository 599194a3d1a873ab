package kit

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// Concept is a CodeableConcept.
type Concept struct {
	Text   string
	Coding []struct{ System, Code, Display string }
}

// String is what people read of it.
func (c Concept) String() string {
	if c.Text != "" {
		return c.Text
	}
	for _, coding := range c.Coding {
		if coding.Display != "" {
			return coding.Display
		}
	}
	return c.Key()
}

// Key is its first code.
func (c Concept) Key() string {
	for _, coding := range c.Coding {
		if coding.Code != "" {
			return coding.System + "|" + coding.Code
		}
	}
	return c.Text
}

// Has says whether it has one of some codes, of whatever system.
func (c Concept) Has(codes ...string) bool {
	for _, coding := range c.Coding {
		if slices.Contains(codes, coding.Code) {
			return true
		}
	}
	return false
}

// Quantity keeps the digits as they were written.
type Quantity struct {
	Value      json.Number
	Comparator string
	Unit, Code string // to read, and of UCUM
}

func (q *Quantity) String() string {
	if q == nil {
		return ""
	}
	return Sentence(" ", q.Comparator+string(q.Value), cmp.Or(q.Unit, q.Code))
}

// Float is the value; ok is false if it is none, or only a bound.
func (q *Quantity) Float() (value float64, ok bool) {
	if q == nil || q.Comparator != "" {
		return 0, false
	}
	value, err := strconv.ParseFloat(string(q.Value), 64)
	return value, err == nil
}

// Observation is what the apps read of an Observation.
type Observation struct {
	ID                string
	Status            string
	Code              Concept
	EffectiveDateTime string
	EffectivePeriod   struct{ Start string }
	ValueQuantity     *Quantity
	ValueString       string
	ValueConcept      Concept `json:"valueCodeableConcept"`
	ReferenceRange    []Range
	Component         []struct {
		Code          Concept
		ValueQuantity *Quantity
	}
}

// Range is a reference range.
type Range struct {
	Low, High *Quantity
	Text      string
}

// Value is what was measured, of its parts if it has some.
func (o Observation) Value() string {
	parts := []string{o.ValueQuantity.String(), o.ValueString, o.ValueConcept.String()}
	for _, c := range o.Component {
		if value := c.ValueQuantity.String(); value != "" {
			parts = append(parts, c.Code.String()+" "+value)
		}
	}
	return Sentence(", ", parts...)
}

// Of is the quantity of one of some codes: its own, or that of a part.
func (o Observation) Of(codes ...string) *Quantity {
	if o.Code.Has(codes...) && o.ValueQuantity != nil {
		return o.ValueQuantity
	}
	for _, c := range o.Component {
		if c.Code.Has(codes...) {
			return c.ValueQuantity
		}
	}
	return nil
}

// When is the day.
func (o Observation) When() string { return Day(o.effective()) }

func (o Observation) effective() string { return cmp.Or(o.EffectiveDateTime, o.EffectivePeriod.Start) }

// At is when it was measured, at the earliest; the zero time if nobody said.
func (o Observation) At() time.Time { return Time(o.effective()) }

// Counts leaves out what is not to be relied on, or says nothing.
func (o Observation) Counts() bool {
	return o.Status != "entered-in-error" && o.Status != "cancelled" && o.Value() != ""
}

// Time is the earliest moment that a dateTime means; the zero time for none.
func Time(dateTime string) time.Time {
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(layout, dateTime); err == nil {
			return t
		}
	}
	return time.Time{}
}

// Day is the date of a dateTime.
func Day(dateTime string) string { return dateTime[:min(len(dateTime), len("2024-11-12"))] }
