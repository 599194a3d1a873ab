package app

import (
	"context"
	"net/url"

	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/client/smart"
)

// condition is a Condition.
type condition struct {
	Code               kit.Concept
	ClinicalStatus     kit.Concept
	VerificationStatus kit.Concept
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
		return kit.Day(c.OnsetDateTime)
	}
	return kit.Day(c.RecordedDate)
}

func conditions(ctx context.Context, fhir *smart.FHIR, patient string) (kit.List[condition], error) {
	l, err := kit.Find[condition](ctx, fhir, "Condition", url.Values{"patient": {patient}, "_count": {"100"}}, 100)
	kept := l.Rows[:0]
	for _, c := range l.Rows {
		if !c.VerificationStatus.Has("entered-in-error") {
			kept = append(kept, c)
		}
	}
	l.Rows = kept
	return l, err
}
