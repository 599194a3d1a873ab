package records_test

import (
	"context"
	"errors"
	"testing"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestTheWholeAuditLogIsForWhoMayReadAllOfIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		ctx := context.WithoutCancel(t.Context())
		st := db.open(t)
		log := must(audit.Open(ctx, audit.Config{Store: st, Secret: unsealed{}, Origin: base}))(t)
		d := must(records.Open(ctx, records.Config{Store: st, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Audit: log}))(t)
		t.Cleanup(func() {
			if err := errors.Join(log.Close(), d.Close()); err != nil {
				t.Error(err)
			}
		})
		if err := log.Record(ctx, &audit.Event{Kind: audit.Read, Status: 200, Target: "Patient/p", Patients: []audit.Patient{{Key: "Patient/p"}}}); err != nil {
			t.Fatal(err)
		}
		all := d.Session(records.Principal{ID: "officer", Audits: records.Audits{All: true}}, only{})
		found, err := all.FindEvents(ctx, audit.Query{Patient: "Patient/p", Limit: 5})
		if err != nil || len(found.Events) != 1 {
			t.Fatal(found, err)
		}
		if e, err := all.Event(ctx, 0); err != nil || e.Target != "Patient/p" {
			t.Error(e, err)
		}
		_, err = all.Event(ctx, 1)
		refused(t, err, fault.NotFound)
		if v, err := all.AuditVerified(ctx); v != nil || err != nil {
			t.Error(v, err)
		}
		if err := all.VerifyAudit(ctx, ""); err != nil {
			t.Fatal(err)
		}
		refused(t, all.VerifyAudit(ctx, ""), fault.Conflict, "being verified already")
		if v, err := all.AuditVerified(ctx); err != nil || !v.Running || v.By != "officer" {
			t.Error(v, err)
		}
		own := d.Session(records.Principal{ID: "p", Audits: records.Audits{Patients: []fhir.ID{"p"}}}, only{})
		for what, ask := range map[string]func() error{
			"find":       func() error { _, err := own.FindEvents(ctx, audit.Query{Limit: 5}); return err },
			"event":      func() error { _, err := own.Event(ctx, 0); return err },
			"checkpoint": func() error { _, err := own.Checkpoint(ctx); return err },
			"verify":     func() error { return own.VerifyAudit(ctx, "") },
			"verified":   func() error { _, err := own.AuditVerified(ctx); return err },
		} {
			if err := ask(); fault.KindOf(err) != fault.Forbidden {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestASandboxIsClearedButForWhatIsHeld(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		observation(t, s, "o", "Patient/p")
		must(s.SetHold(t.Context(), key("Patient/p"), "a suit"))(t)
		refused(t, d.Clear(t.Context()), fault.Conflict, "legal holds")
		if err := s.LiftHold(t.Context(), key("Patient/p")); err != nil {
			t.Fatal(err)
		}
		if err := d.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := s.Read(t.Context(), key("Patient/p"), records.ReadOptions{})
		refused(t, err, fault.NotFound)
		if n := count(t, s, "Observation", ""); n != 0 {
			t.Errorf("%d Observations", n)
		}
		patient(t, s, "p")
	})
}
