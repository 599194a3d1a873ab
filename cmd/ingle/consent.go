package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

type consentCommand struct {
	Unclear consentUnclear `cmd:"" help:"List the Consents that cannot be computed and were not reviewed, with what is not understood and where."`
	Review  consentReview  `cmd:"" help:"Take such a Consent off the list, until it is changed."`
}

type consentUnclear struct{ keepingFlags }

func (c *consentUnclear) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "consent unclear", c)
}

func (c *consentUnclear) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	rows := [][]string{{"CONSENT", "OF", "SINCE", "WHERE", "WHAT"}}
	for after := ""; ; {
		list, next, err := s.UnclearConsents(ctx, after)
		if err != nil {
			return err
		}
		for _, one := range list {
			of := "-"
			if one.Patient != "" {
				of = "Patient/" + string(one.Patient)
			}
			for _, issue := range one.Problems {
				rows = append(rows, []string{one.Key.String(), of, one.Updated.Format(time.DateOnly), issue.Path, issue.Message})
			}
		}
		if after = next; after == "" {
			return lines(out, rows)
		}
	}
}

type consentReview struct {
	keepingFlags
	Consent string `arg:"" help:"The Consent: Consent/17"`
	Comment string `required:"" help:"What came of it."`
}

func (c *consentReview) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "consent review", c)
}

func (c *consentReview) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	id, ok := strings.CutPrefix(c.Consent, "Consent/")
	if !ok || !fhir.ID(id).Valid() {
		return usage("%s: it looks like Consent/17", c.Consent)
	}
	return told(s.ReviewConsent(ctx, fhir.ID(id), c.Comment), out, "%s is reviewed; it comes back when it is changed and unclear.", c.Consent)
}
