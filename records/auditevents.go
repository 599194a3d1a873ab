package records

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// The audit log and the AuditEvents that clients store are two things under one
// type. Who may read the log finds its events in a search of the type, and reads
// them by ids that begin with audit.IDPrefix; they are never written. What clients
// stored is a resource like any other: it is read by its id, and found by a search
// of whoever may not read the log, or of several types, and by history.

// Audits is which events of the audit log a principal may read.
type Audits struct {
	All      bool
	Patients []fhir.ID // whose data they touched; of each only what concerns them
}

const auditEvent = "AuditEvent"

// audits is what the session may read of the log, and whether that is anything.
func (s *Session) audits() (Audits, bool) {
	if s.door.config.Audit == nil {
		return Audits{}, false
	}
	if s.access == nil {
		return Audits{All: true}, true
	}
	a := s.principal.Audits
	return a, a.All || len(a.Patients) > 0
}

// searchesAudit says whether a search is one of the log.
func (s *Session) searchesAudit(req SearchRequest) bool {
	_, may := s.audits()
	return may && req.Type == auditEvent && (req.Compartment == nil || req.Compartment.Type == "Patient")
}

// searchAudit returns one page of events of the log.
func (s *Session) searchAudit(ctx context.Context, req SearchRequest) (*SearchResult, error) {
	pairs := req.Pairs
	if req.Compartment != nil {
		pairs = append(pairs[:len(pairs):len(pairs)], search.Pair{Name: "patient", Value: req.Compartment.String()})
	}
	asked, err := audit.ParseSearch(pairs, s.door.base)
	if err != nil {
		return nil, err
	}
	if err := s.onlyOwn(asked); err != nil {
		return nil, err
	}
	result, err := s.auditPage(ctx, asked, req.After)
	if err == nil {
		result.Self = req.Pairs
	}
	return result, err
}

// auditPage returns the page of a selection behind a cursor.
func (s *Session) auditPage(ctx context.Context, asked *audit.Selection, after string) (*SearchResult, error) {
	cursor, err := s.door.cursors.open(after)
	if err != nil {
		return nil, s.door.fault(err)
	}
	page, next, err := s.door.config.Audit.Page(ctx, asked, cursor)
	if err != nil {
		return nil, s.door.fault(err)
	}
	result := &SearchResult{Total: -1, Next: s.door.cursors.seal(next), Count: asked.Count}
	if page, err = s.disclose(ctx, page); err != nil {
		return nil, s.door.fault(err)
	}
	for _, p := range page {
		res, err := s.projected(p)
		if err != nil {
			return nil, s.door.fault(err)
		}
		result.Entries = append(result.Entries, SearchEntry{Resource: res, Mode: ModeMatch})
	}
	return result, nil
}

// onlyOwn narrows a search to the patients whose events the session may read.
func (s *Session) onlyOwn(asked *audit.Selection) error {
	a, _ := s.audits()
	switch {
	case a.All:
		asked.Whole()
	case len(a.Patients) == 1:
		asked.Only("Patient/" + string(a.Patients[0]))
	default:
		for _, id := range a.Patients {
			if asked.Asks("Patient/" + string(id)) {
				return nil
			}
		}
		return fault.New(fault.Invalid, fault.CodeRequired, "", "Say which patient: patient=Patient/... of those whose record you may see.")
	}
	return nil
}

// projected is an event as the resource that is read.
func (s *Session) projected(p audit.Projected) (Resource, error) {
	json, err := p.FHIR(s.door.base, p.Patient)
	return Resource{
		Key: fhir.Key{Type: auditEvent, ID: fhir.ID(audit.ID(p.Number, p.Patient))}, Version: 1, Updated: p.Time, Method: "POST",
		Release: definitions.R4, JSON: json,
	}, err
}

// ofLog says whether a key is that of an event of the log.
func ofLog(key fhir.Key) bool {
	return key.Type == auditEvent && strings.HasPrefix(string(key.ID), audit.IDPrefix)
}

// auditEvent reads an event of the log; NotFound when there is none, or the session
// may not see it.
func (s *Session) auditEvent(ctx context.Context, key fhir.Key) (audit.Projected, error) {
	number, patient, ok := audit.ParseID(string(key.ID))
	a, may := s.audits()
	if !may {
		if err := s.may(key.Type, smart.Read); err != nil {
			return audit.Projected{}, err
		}
	}
	if !ok || !may {
		return audit.Projected{}, notFound(key)
	}
	e, err := s.door.config.Audit.Event(ctx, number)
	if errors.Is(err, store.ErrNotFound) {
		return audit.Projected{}, notFound(key)
	}
	if err != nil {
		return audit.Projected{}, s.door.fault(err)
	}
	if e.Erased || patient >= len(e.Patients) || patient < 0 && len(e.Patients) > 0 {
		return audit.Projected{}, notFound(key)
	}
	if !a.All {
		own := false
		for _, id := range a.Patients {
			own = own || patient >= 0 && e.Patients[patient].Key == "Patient/"+string(id)
		}
		if !own {
			return audit.Projected{}, notFound(key)
		}
	}
	told, err := s.disclose(ctx, []audit.Projected{{Event: e, Patient: patient}})
	if err != nil {
		return audit.Projected{}, s.door.fault(err)
	}
	if len(told) == 0 {
		return audit.Projected{}, notFound(key)
	}
	return told[0], nil
}

func (s *Session) readAudit(ctx context.Context, key fhir.Key) (Resource, error) {
	p, err := s.auditEvent(ctx, key)
	if err != nil {
		return Resource{}, err
	}
	res, err := s.projected(p)
	return res, s.door.fault(err)
}

// ProveAudit proves that an event is in the log, in the form that audit.CheckProof
// takes. The errors are those of a read.
func (s *Session) ProveAudit(ctx context.Context, key fhir.Key) ([]byte, error) {
	p, err := s.auditEvent(ctx, key)
	if err != nil {
		return nil, err
	}
	if a, _ := s.audits(); a.All {
		p.Patient = -1
	}
	proof, err := s.door.config.Audit.Prove(ctx, p.Number, p.Patient)
	return proof, s.door.fault(err)
}

// refuseLog refuses to write an event of the log.
func refuseLog(key fhir.Key) error {
	if !ofLog(key) {
		return nil
	}
	return fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "", "%s is an event of the audit log, which nobody changes", key)
}

// accountingYears are those of which disclosures are accounted (45 CFR 164.528).
const accountingYears = 6

// Accounting returns a page of the events that disclosed a patient's data, but for
// treatment, payment and operations, the newest first, as a search of the log does. after is the Next of the page before.
func (s *Session) Accounting(ctx context.Context, id fhir.ID, after string, count int) (*SearchResult, error) {
	key := fhir.Key{Type: "Patient", ID: id}
	if _, err := s.Read(ctx, key, ReadOptions{}); err != nil && fault.KindOf(err) != fault.Gone {
		return nil, err
	}
	a, may := s.audits()
	own := a.All
	for _, p := range a.Patients {
		own = own || p == id
	}
	if !may || !own {
		return nil, fault.Wrap(ErrScope, fault.Forbidden, fault.CodeForbidden, "", "the accounting of disclosures is for the patient, and for who may read the audit log: it takes AuditEvent.rs")
	}
	since := s.door.now().AddDate(-accountingYears, 0, 0)
	pairs := []search.Pair{{Name: "patient", Value: key.String()}, {Name: "date", Value: "ge" + since.Format("2006-01-02")}}
	if count > 0 {
		pairs = append(pairs, search.Pair{Name: "_count", Value: strconv.Itoa(count)})
	}
	asked, err := audit.ParseSearch(pairs, s.door.base)
	if err != nil {
		return nil, err
	}
	asked.Where((*audit.Event).Disclosure)
	return s.auditPage(ctx, asked, after)
}
