package records

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Precondition is If-Match and If-None-Match of a write.
type Precondition struct {
	// IfMatch lists acceptable current versions; nil accepts any. A mismatch
	// is PreconditionFailed (412), also when the resource does not exist.
	IfMatch []string
	// IfNoneMatch, "*", refuses when the resource exists (412).
	IfNoneMatch string
}

// check compares the precondition with the current version, which may be
// none or a delete.
func (p Precondition) check(key fhir.Key, current store.Record) error {
	exists := current.Version > 0 && !current.Deleted
	if p.IfNoneMatch != "" {
		if p.IfNoneMatch != "*" {
			return fault.New(fault.Invalid, fault.CodeNotSupported, "", "If-None-Match of a write can only be *")
		}
		if exists {
			return fault.New(fault.PreconditionFailed, fault.CodeConflict, "", "%s exists already, in version %d", key, current.Version)
		}
	}
	if p.IfMatch == nil {
		return nil
	}
	if !exists {
		return fault.New(fault.PreconditionFailed, fault.CodeConflict, "", "%s does not exist, so that no version can match", key)
	}
	if slices.Contains(p.IfMatch, "*") || slices.Contains(p.IfMatch, strconv.FormatInt(current.Version, 10)) {
		return nil
	}
	return fault.New(fault.PreconditionFailed, fault.CodeConflict, "", "version %d of %s is current: read it, and send its version in If-Match", current.Version, key)
}

// change is the one way by which a single resource is written.
type change struct {
	w      *draft
	method string
	req    Request
	pre    Precondition
	// locks and again repeat the condition that chose the key.
	locks []string
	again func(ctx context.Context, r store.Reader) error
	// remake makes the draft anew from the current version (a patch); nil
	// when the content does not depend on it.
	remake func(ctx context.Context, current store.Record) (*draft, error)
	// mustExist refuses to create (404, or 410 after a delete).
	mustExist bool
	// named says that the client chose the id, which may be a hidden resource's.
	named bool
	// chosen says that the server chose the id just now: nothing has it yet.
	chosen bool
}

// apply prepares the change against the current version and commits it, again
// while others come between.
func (s *Session) apply(ctx context.Context, c change) (Result, error) {
	var last error
	for range attempts {
		res, err := s.attempt(ctx, &c)
		if !errors.Is(err, store.ErrVersion) {
			return res, err
		}
		last = err
	}
	return Result{}, s.door.fault(last)
}

// attempt is one round of apply. It fails with store.ErrVersion when another
// write came between.
func (s *Session) attempt(ctx context.Context, c *change) (Result, error) {
	d := s.door
	var current store.Record
	if !c.chosen {
		var err error
		if current, err = s.target(ctx, *c); err != nil {
			return Result{}, err
		}
	}
	if c.remake != nil {
		w, err := c.remake(ctx, current)
		if err != nil {
			return Result{}, err
		}
		c.w = w
	}
	w := c.w
	d.renew(w)
	leave, err := d.room.enter(ctx, w.tree)
	if err != nil {
		return Result{}, d.fault(err)
	}
	defer leave()
	if !w.checked {
		if err := s.check(ctx, w, interactionOf(c.method)); err != nil {
			return Result{}, err
		}
	}
	if err := d.refers(w, current, func(fhir.Key) bool { return false }); err != nil {
		return Result{}, d.fault(err)
	}
	if same, err := d.unchanged(w, current); err != nil {
		return Result{}, d.fault(err)
	} else if same {
		res, err := s.told(ctx, current, w)
		return kept(res, "nothing changes"), err
	}
	write, err := d.write(w, c.method, current)
	if err != nil {
		return Result{}, d.fault(err)
	}
	u := &unit{
		s: s, bulk: c.req.Bulk, locks: c.locks, check: c.again, writes: []store.Write{write},
		sole: true, creates: current.Version == 0 || current.Deleted,
	}
	drafts := []*draft{w}
	if c.req.Provenance != nil {
		p, pw, err := s.provenance(ctx, *c.req.Provenance, c.req, []store.Write{write})
		if err != nil {
			return Result{}, err
		}
		drafts = append(drafts, p)
		u.writes = append(u.writes, pw)
	}
	if err := w.arrives(made(u.writes)); err != nil {
		return Result{}, err
	}
	u.needs, u.drafts = needsOf(keysOf(u.writes), drafts...), drafts
	if !u.bulk && c.req.Provenance == nil && !u.creates {
		if err := d.stay(u, current); err != nil {
			return Result{}, d.fault(err)
		}
	}
	written, err := d.commit(ctx, u)
	if err == nil {
		written[0].Body = w.json
		res, err := s.told(ctx, written[0], w)
		return Result{Resource: res, Created: u.creates, Issues: w.unclear}, err
	}
	if e, ok := errors.AsType[*store.MissingError](err); ok {
		return Result{}, missing(e, drafts...)
	}
	if !errors.Is(err, store.ErrVersion) {
		err = d.fault(err)
	}
	return Result{}, err
}

// kept is the result of a write that writes nothing, and says why.
func kept(res Resource, why string) Result {
	return Result{Resource: res, Unchanged: true, Issues: []fault.Issue{{
		Severity: fault.Information, Code: fault.CodeInformation,
		Message: fmt.Sprintf("%s: version %d of %s stays", why, res.Version, res.Key),
	}}}
}

// target reads what is there under the key of a change, none or a delete
// included, and refuses what policy, precondition or filter forbid.
func (s *Session) target(ctx context.Context, c change) (store.Record, error) {
	key := c.w.key
	current, err := s.door.store.Read(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		current, err = store.Record{}, nil
		if c.method != http.MethodPost {
			s.miss(ctx, key)
			if c.mustExist || s.bounded(key.Type, interactionOf(c.method)) { // else it is made
				err = s.missed(ctx, key, interactionOf(c.method))
			}
		}
	}
	if err != nil {
		return current, s.door.fault(err)
	}
	hidden := false
	if err := s.writable(ctx, current, interactionOf(c.method)); errors.Is(err, errHidden) {
		current, hidden = store.Record{}, true
		audit.TrailOf(ctx).Hide(key)
	} else if err != nil {
		return current, err
	}
	if err := c.pre.check(key, current); err != nil {
		return current, err
	}
	switch exists := current.Version > 0 && !current.Deleted; {
	case exists && c.remake != nil:
		if err := s.patchable(ctx, current); err != nil {
			return current, err
		}
		return current, s.replaceable(current)
	case exists:
		return current, s.replaceable(current)
	case c.mustExist && current.Deleted:
		return current, gone(current)
	case c.mustExist:
		return current, notFound(key)
	case hidden || c.named && current.Version == 0 && s.bounded(key.Type, interactionOf(c.method)):
		return current, unmade(key)
	}
	return current, nil
}

// interactionOf is what a write by an HTTP method counts as: PUT is an update also
// where it creates (SMART App Launch §3.0.2.1).
func interactionOf(method string) smart.Interactions {
	switch method {
	case http.MethodPost:
		return smart.Create
	case http.MethodDelete:
		return smart.Delete
	}
	return smart.Update
}

// told is what a write answers with: the version that is there now, whose content is
// that of a draft. It has no JSON when the content came raw, or the session may not
// see the version.
func (s *Session) told(ctx context.Context, r store.Record, w *draft) (Resource, error) {
	if w.raw || !s.maySee(ctx, w) {
		return headOf(r), nil
	}
	return s.resource(ctx, r)
}

func keysOf(writes []store.Write) map[fhir.Key]bool {
	keys := make(map[fhir.Key]bool, len(writes))
	for _, w := range writes {
		keys[w.Key] = true
	}
	return keys
}
