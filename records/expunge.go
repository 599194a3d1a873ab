package records

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// ExpungeRequest says what $expunge removes for good.
type ExpungeRequest struct {
	Key         fhir.Key // ID "": the type; both "": everything
	OldVersions bool     // versions that are not current
	Deleted     bool     // resources whose current version is a delete, whole
	Everything  bool     // the resources whole, current versions included
	Limit       int      // at most so many versions; 0 for no limit
}

// Expunge removes versions for good, with the content of Binaries that nothing
// refers to any more, and returns how many versions went. Forbidden unless
// policy enables it, and for a session that does not see everything. A single
// resource to which others refer is a Conflict, as for Delete, and so is what is
// under a legal hold.
func (s *Session) Expunge(ctx context.Context, r ExpungeRequest) (int64, error) {
	d := s.door
	if !d.policy.Expunge {
		return 0, fault.New(fault.Forbidden, fault.CodeForbidden, "", "this server keeps all history: $expunge is not enabled")
	}
	if err := d.admits(smart.Delete); err != nil {
		return 0, err
	}
	if s.filter(nil, smart.Delete) != nil {
		return 0, fault.New(fault.Forbidden, fault.CodeForbidden, "", "$expunge needs access to everything")
	}
	if !r.OldVersions && !r.Deleted && !r.Everything {
		return 0, fault.New(fault.Invalid, fault.CodeRequired, "", "say what to expunge: expungePreviousVersions, expungeDeletedResources or expungeEverything")
	}
	if r.Key.ID != "" && r.Everything {
		if err := s.unreferred(ctx, d.store, r.Key, nil); err != nil {
			return 0, d.fault(err)
		}
	}
	var n int64
	err := d.removing(ctx, func(ctx context.Context) (err error) {
		if err = d.unheldWhole(ctx, s, r.Key); err == nil {
			n, err = d.expunge(ctx, r)
		}
		return err
	})
	return n, d.fault(err)
}

// Clear removes every resource with its history, whatever policy says, for the program
// itself: a sandbox begins anew. What is under a legal hold makes it a Conflict; while
// the door is read-only it is Unavailable.
func (d *Door) Clear(ctx context.Context) error {
	if err := d.admits(smart.Delete); err != nil {
		return err
	}
	return d.fault(d.removing(ctx, func(ctx context.Context) error {
		if err := d.Clearable(ctx); err != nil {
			return err
		}
		_, err := d.expunge(ctx, ExpungeRequest{Everything: true})
		return err
	}))
}

// Clearable says what stands in the way of Clear; nil for nothing.
func (d *Door) Clearable(ctx context.Context) error {
	if err := d.admits(smart.Delete); err != nil {
		return err
	}
	return d.fault(d.unheldWhole(ctx, d.Session(Principal{}, nil), fhir.Key{}))
}

func (d *Door) expunge(ctx context.Context, r ExpungeRequest) (int64, error) {
	var candidates map[string]bool
	if r.Key.Type == "" || r.Key.Type == "Binary" {
		var err error
		if candidates, err = d.contents(ctx, r.Key.ID); err != nil {
			return 0, err
		}
	}
	var consenters []fhir.ID
	if r.Key.Type == "" || r.Key.Type == consentType {
		var err error
		if consenters, err = d.consenters(ctx); err != nil {
			return 0, err
		}
	}
	n, err := d.store.Expunge(ctx, store.Expunge{
		Key: r.Key, OldVersions: r.OldVersions, Deleted: r.Deleted, Everything: r.Everything, Limit: r.Limit,
	})
	if len(consenters) > 0 {
		err = errors.Join(err, d.governAll(ctx, consenters))
	}
	if r.Key.Type == "" || r.Key.Type == searchParameter {
		d.indexes.touched(ctx)
	}
	if err == nil {
		err = d.sweep(ctx, candidates)
	}
	return n, err
}
