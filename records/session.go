package records

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Principal is who acts.
type Principal struct {
	ID     string // user or system; "" when nobody is identified
	Client string // app that acts for the user
	Name   string // for display
	Broken []Glass

	Agent  audit.Agent // as the audit log has it
	Audits Audits      // which events of the audit log it may read
	Urgent bool        // treats patients: goes on when the audit log has but its reserve

	Standing Standing // for work that goes on without who acts; zero for who can ask for none
}

// Session is what one principal may do. It is cheap to make, one a request.
type Session struct {
	door      *Door
	principal Principal
	access    Access // nil: everything
	at        int64  // when access is asked, if that depends on the time; else 0
	masks     []mask.Path
	spend     func(ctx context.Context, c Cost) error // nil: nothing is asked
}

// Door returns the door that the session belongs to.
func (s *Session) Door() *Door { return s.door }

// Principal returns who acts.
func (s *Session) Principal() Principal { return s.principal }

// mayWrite refuses a new version with which access does not allow what makes it, as
// though without were not there.
func (s *Session) mayWrite(ctx context.Context, w *draft, i smart.Interactions, without map[fhir.Key]bool) error {
	ok, err := s.passes(ctx, w, i, without)
	if err != nil {
		return s.door.fault(err)
	}
	if !ok {
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "this %s would not be within what you may write: it must belong to whom, and be of the kind, that your access is for", w.key.Type)
	}
	return nil
}

// maySee says whether what a draft becomes may be shown to who writes it. What cannot
// be found out is not: the write itself must not fail any more.
func (s *Session) maySee(ctx context.Context, w *draft) bool {
	if s.masks != nil && mask.Concerns(w.tree, s.masks) {
		return false
	}
	ok, err := s.passes(ctx, w, seeing, nil)
	if err != nil {
		s.door.log.WarnContext(ctx, "a write is answered without the resource, since it is not known whether it may be seen", "error", err)
	}
	return ok
}

// passes says whether access allows one of the interactions with what a draft becomes,
// as though without were not there.
func (s *Session) passes(ctx context.Context, w *draft, i smart.Interactions, without map[fhir.Key]bool) (bool, error) {
	filter := s.filter([]string{string(w.key.Type)}, i)
	if filter == nil {
		return true, nil
	}
	doc := &search.Document{Key: w.key, Updated: s.door.now(), Entries: w.entries}
	ok, err := search.Match(ctx, filter, doc, matchSource{s.door, without})
	return ok && err == nil, unlessUndecided(err)
}

// matchSource lets the in-memory matcher follow chains into the store. It is
// only asked when a filter has a chain.
type matchSource struct {
	door    *Door
	without map[fhir.Key]bool // what it takes for missing
}

// Get returns the current resource of that key, or nil.
func (m matchSource) Get(ctx context.Context, key fhir.Key) (*search.Document, error) {
	if m.without[key] {
		return nil, nil
	}
	records, err := m.door.store.ReadMany(ctx, []fhir.Key{key})
	if err != nil || len(records) == 0 {
		return nil, err
	}
	return m.door.document(ctx, records[0])
}

// Before returns the resource of that key as it was before its delete, or nil. The error
// is store.ErrNotFound when that version is expunged.
func (m matchSource) Before(ctx context.Context, key fhir.Key) (*search.Document, error) {
	v, err := m.door.store.Read(ctx, key)
	if errors.Is(err, store.ErrNotFound) || m.without[key] && !v.Deleted {
		return nil, nil //nolint:nilnil // as it says
	}
	if err == nil {
		v, err = beforeDelete(ctx, m.door.store, v)
	}
	if err != nil {
		return nil, err
	}
	doc, err := m.door.document(ctx, v)
	if err != nil {
		return nil, err
	}
	doc.Former = true
	return doc, nil
}

// Policies returns the policies that are in force of a Patient.
func (m matchSource) Policies(ctx context.Context, patient fhir.ID, at int64) ([]int64, error) {
	if m.without[fhir.Key{Type: patientType, ID: patient}] {
		return nil, nil
	}
	return m.door.store.PoliciesOf(ctx, patient, at)
}

// Referrers yields the current resources of a type whose param points to key.
func (m matchSource) Referrers(ctx context.Context, source string, param search.Param, key fhir.Key) iter.Seq2[*search.Document, error] {
	if source == "" {
		return m.anyReferrers(ctx, key)
	}
	return func(yield func(*search.Document, error) bool) {
		q := &search.Query{
			Types:  []string{source},
			Filter: search.Reference{Param: param, Type: string(key.Type), ID: string(key.ID)},
			Count:  m.door.policy.MaxCount,
		}
		for {
			page, err := m.door.store.Search(ctx, q)
			if err != nil {
				yield(nil, err)
				return
			}
			if !m.documents(ctx, page.Records, yield) {
				return
			}
			if q.After = page.Next; q.After == "" {
				return
			}
		}
	}
}

// anyReferrers yields up to referrersLooked resources that refer to key by any
// parameter.
func (m matchSource) anyReferrers(ctx context.Context, key fhir.Key) iter.Seq2[*search.Document, error] {
	return func(yield func(*search.Document, error) bool) {
		keys, err := m.door.store.Referrers(ctx, key, referrersLooked+1)
		if err != nil {
			yield(nil, err)
			return
		}
		for some := range slices.Chunk(keys[:min(len(keys), referrersLooked)], referrersRead) {
			records, err := m.door.store.ReadMany(ctx, some)
			if err != nil {
				yield(nil, err)
				return
			}
			if !m.documents(ctx, records, yield) {
				return
			}
		}
		if len(keys) > referrersLooked {
			yield(nil, search.ErrUndecided)
		}
	}
}

// documents yields what the matcher sees of records, until that is enough or fails.
func (m matchSource) documents(ctx context.Context, records []store.Record, yield func(*search.Document, error) bool) bool {
	for _, r := range records {
		doc, err := m.door.document(ctx, r)
		if !yield(doc, err) || err != nil {
			return false
		}
	}
	return true
}

// document makes what the matcher sees of a stored resource.
func (d *Door) document(ctx context.Context, r store.Record) (*search.Document, error) {
	_, entries, err := d.index(ctx, r)
	return &search.Document{Key: r.Key, Updated: r.Updated, Entries: entries}, err
}
