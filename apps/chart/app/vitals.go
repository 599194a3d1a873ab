package app

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// measurement is an Observation of a vital sign.
type measurement struct {
	Status            string
	Code              concept
	EffectiveDateTime string
	EffectivePeriod   struct{ Start string }
	ValueQuantity     *quantity
	ValueString       string
	ValueConcept      concept `json:"valueCodeableConcept"`
	Component         []struct {
		Code          concept
		ValueQuantity *quantity
	}
}

// quantity keeps the digits as they were written.
type quantity struct {
	Value      json.Number
	Comparator string
	Unit       string
}

func (q *quantity) String() string {
	if q == nil {
		return ""
	}
	return sentence(" ", q.Comparator+string(q.Value), q.Unit)
}

// Value is what was measured, of its parts if it has some.
func (m measurement) Value() string {
	parts := []string{m.ValueQuantity.String(), m.ValueString, m.ValueConcept.String()}
	for _, c := range m.Component {
		if value := c.ValueQuantity.String(); value != "" {
			parts = append(parts, c.Code.String()+" "+value)
		}
	}
	return sentence(", ", parts...)
}

// When is the day.
func (m measurement) When() string { return day(m.effective()) }

func (m measurement) effective() string {
	if m.EffectiveDateTime != "" {
		return m.EffectiveDateTime
	}
	return m.EffectivePeriod.Start
}

// at is when it was measured, at the earliest; the zero time if nobody said.
func (m measurement) at() time.Time {
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(layout, m.effective()); err == nil {
			return t
		}
	}
	return time.Time{}
}

// vitals are the latest measurement of each kind, by name, among the latest 100.
func (r reader) vitals(ctx context.Context, patient string) (list[measurement], error) {
	l, err := search[measurement](ctx, r, "Observation", url.Values{
		"patient": {patient}, "category": {"vital-signs"}, "_sort": {"-date"}, "_count": {"100"},
	})
	latest := map[string]measurement{}
	for _, m := range l.Rows {
		if known, ok := latest[m.Code.key()]; m.counts() && (!ok || m.at().After(known.at())) {
			latest[m.Code.key()] = m
		}
	}
	l.Rows = nil
	for _, m := range latest {
		l.Rows = append(l.Rows, m)
	}
	slices.SortFunc(l.Rows, func(a, b measurement) int { return strings.Compare(a.Code.String(), b.Code.String()) })
	return l, err
}

// counts leaves out what is not to be relied on, or says nothing.
func (m measurement) counts() bool {
	return m.Status != "entered-in-error" && m.Status != "cancelled" && m.Value() != ""
}
