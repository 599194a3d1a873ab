package app

import (
	"context"
	"net/url"
)

// condition is a Condition.
type condition struct {
	Code               concept
	ClinicalStatus     concept
	VerificationStatus concept
	OnsetDateTime      string
	RecordedDate       string
}

// Status is its clinical status.
func (c condition) Status() string {
	if len(c.ClinicalStatus.Coding) > 0 {
		return c.ClinicalStatus.Coding[0].Code
	}
	return c.ClinicalStatus.Text
}

// Since is the day of its onset, or of its recording.
func (c condition) Since() string {
	if c.OnsetDateTime != "" {
		return day(c.OnsetDateTime)
	}
	return day(c.RecordedDate)
}

func (r reader) conditions(ctx context.Context, patient string) (list[condition], error) {
	l, err := search[condition](ctx, r, "Condition", url.Values{"patient": {patient}, "_count": {"100"}})
	kept := l.Rows[:0]
	for _, c := range l.Rows {
		if !wrong(c.VerificationStatus) {
			kept = append(kept, c)
		}
	}
	l.Rows = kept
	return l, err
}

// wrong says that a condition was entered in error.
func wrong(verification concept) bool {
	for _, coding := range verification.Coding {
		if coding.Code == "entered-in-error" {
			return true
		}
	}
	return false
}

// day is the date of a dateTime.
func day(dateTime string) string { return dateTime[:min(len(dateTime), len("2024-11-12"))] }
