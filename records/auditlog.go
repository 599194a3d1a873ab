package records

import (
	"context"
	"errors"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// wholeLog is the log for a session that may read all of it.
func (s *Session) wholeLog() (*audit.Log, error) {
	if s.door.config.Audit == nil {
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "this server keeps no audit log")
	}
	if a, _ := s.audits(); !a.All {
		return nil, fault.Wrap(ErrScope, fault.Forbidden, fault.CodeForbidden, "", "the whole audit log is for privacy officers and administrators")
	}
	return s.door.config.Audit, nil
}

// FindEvents finds events of the audit log, with all that was recorded before, for who
// may read all of it.
func (s *Session) FindEvents(ctx context.Context, q audit.Query) (audit.Found, error) {
	log, err := s.wholeLog()
	if err != nil {
		return audit.Found{}, err
	}
	typ, id, _ := strings.Cut(q.Patient, "/")
	audit.TrailOf(ctx).Ask(fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)})
	if err := log.Seal(ctx); err != nil {
		return audit.Found{}, s.door.fault(err)
	}
	found, err := log.Find(ctx, q)
	return found, s.door.fault(err)
}

// Event is one event of the audit log, for who may read all of it; NotFound.
func (s *Session) Event(ctx context.Context, number int64) (*audit.Event, error) {
	log, err := s.wholeLog()
	if err != nil {
		return nil, err
	}
	e, err := log.Event(ctx, number)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "The audit log has no event %d.", number)
	}
	return e, s.door.fault(err)
}

// Checkpoint is the signed head of the audit log, for who may read all of it.
func (s *Session) Checkpoint(ctx context.Context) ([]byte, error) {
	log, err := s.wholeLog()
	if err != nil {
		return nil, err
	}
	text, err := log.Checkpoint(ctx)
	return text, s.door.fault(err)
}
