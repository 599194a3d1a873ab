package records

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// transaction is a Bundle of type transaction under way (R4 §3.1.0.11.2).
// What does not depend on the store is done once, in transact; a plan is made
// anew when others write what it was made from.
type transaction struct {
	s       *Session
	o       BundleOptions
	rel     *release
	entries []*entry
	names   map[string]*entry // writing entries by fullUrl
}

func (s *Session) transact(ctx context.Context, rel *release, nodes []fhir.Node, o BundleOptions) (*BundleResult, error) {
	t := &transaction{s: s, o: o, rel: rel, entries: make([]*entry, len(nodes)), names: map[string]*entry{}}
	var failed failures
	for i, n := range nodes {
		e, err := s.door.entry(rel, n, i, o)
		if err == nil {
			err = t.admit(e)
		}
		failed.add(err)
		t.entries[i] = e
	}
	if err := failed.err(); err != nil {
		return nil, err
	}
	var last error
	for range attempts {
		p, err := t.plan(ctx)
		if err != nil {
			return nil, s.door.fault(err)
		}
		result, err := p.commit(ctx)
		if !errors.Is(err, store.ErrVersion) {
			return result, s.door.fault(err)
		}
		last = err
	}
	return nil, s.door.fault(last)
}

// admit refuses what a transaction cannot hold, and learns the entry's name.
func (t *transaction) admit(e *entry) error {
	if err := t.s.mayEntry(e); err != nil {
		return e.fail(err)
	}
	if e.route.kind == routeOperation {
		if e.order() < 3 {
			return t.cannotCall(e)
		}
		if t.o.Operation == nil {
			return fault.New(fault.NotSupported, fault.CodeNotSupported, e.place()+".request.url", "operations are not available in a bundle")
		}
	}
	if e.route.kind == routeHistory { // it is read when all is written
		if _, _, err := t.s.historyOf(e.route, t.o.Handling); err != nil {
			return e.misread(err)
		}
	}
	if !e.writes() || e.method == "DELETE" || e.fullURL == "" {
		return nil
	}
	if other := t.names[e.fullURL]; other != nil {
		return fault.New(fault.Invalid, fault.CodeDuplicate, e.place()+".fullUrl", "the fullUrl is that of entry %d, too: each resource occurs once", other.index)
	}
	t.names[e.fullURL] = e
	return nil
}

// cannotCall says why an operation is no entry of a transaction.
func (t *transaction) cannotCall(e *entry) error {
	if e.method != "POST" {
		return fault.New(fault.Invalid, fault.CodeNotSupported, e.place()+".request.method", "an operation is called by GET or POST, not by %s", e.method)
	}
	return fault.New(fault.Invalid, fault.CodeNotSupported, e.place()+".request.url", "%s changes something, and a transaction calls only operations that read, when all else is done: call it in a batch, or by a request of its own", fault.Shorten(e.url))
}

// mayEntry refuses an entry that access does not allow, before any is processed.
func (s *Session) mayEntry(e *entry) error {
	i := smart.Search
	switch {
	case e.route.kind == routeOperation:
		return nil // it decides itself
	case e.method == "PATCH":
		return s.mayPatch(e.route.typ)
	case e.writes():
		i = interactionOf(e.method)
	case e.route.id != "":
		i = smart.Read
	}
	return s.may(e.route.typ, i)
}

// failures gathers the errors of entries; the first one gives the kind.
type failures struct {
	first  error
	issues []fault.Issue
}

// reported is how many issues of a failed transaction are told.
const reported = 50

func (f *failures) add(err error) {
	if err == nil {
		return
	}
	if f.first == nil {
		f.first = err
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && len(f.issues) < reported {
		f.issues = append(f.issues, e.Issues...)
	}
}

func (f *failures) err() error {
	e, ok := errors.AsType[*fault.Error](f.first)
	if !ok || e.Unwrap() != nil {
		return f.first
	}
	return fault.Of(e.Kind, f.issues)
}

// commit writes what was planned, in one store transaction, and answers in
// the order of the entries.
func (p *plan) commit(ctx context.Context) (*BundleResult, error) {
	result := &BundleResult{Type: "transaction-response", Entries: make([]EntryResult, len(p.steps))}
	u := &unit{s: p.t.s, bulk: p.t.o.Bulk, needs: p.needs, writes: p.writes, drafts: p.drafts, deletes: p.deletes}
	if len(p.conditions) > 0 {
		u.locks = p.locks()
		u.check = p.recheck
	}
	u.after = func(ctx context.Context, r store.Reader) error {
		p.t.o.answers.held.Store(0) // it may run again
		// Other writers wait: all of them together get the time of one.
		ctx, cancel := p.t.s.door.bounded(ctx)
		defer cancel()
		for _, st := range p.steps {
			if st.order() < 3 || !st.inside() {
				continue
			}
			res, err := p.t.o.answers.take(func() (EntryResult, error) { return p.t.s.get(ctx, r, st.entry, p.t.o) })
			if err != nil {
				return st.fail(p.t.s.door.fault(err))
			}
			result.Entries[st.index] = res
		}
		return nil
	}
	written, err := p.t.s.door.commit(ctx, u)
	if e, ok := errors.AsType[*store.MissingError](err); ok {
		return nil, p.missing(ctx, e)
	}
	if err != nil {
		return nil, err
	}
	metas := make(map[fhir.Key]store.Record, len(written))
	for _, r := range written {
		metas[r.Key] = r
	}
	for _, st := range p.steps {
		switch {
		case st.order() == 3 && st.inside():
		case st.order() == 3:
			res, err := p.t.o.answers.take(func() (EntryResult, error) { return p.t.later(ctx, st.entry) })
			if err != nil {
				res = EntryResult{Method: st.method, Err: st.fail(p.t.s.door.fault(err))}
			}
			result.Entries[st.index] = res
		default:
			result.Entries[st.index] = st.answer(metas, p.t.s.masks != nil)
		}
	}
	return result, nil
}

// inside says whether a reading entry is answered within the transaction.
func (st *step) inside() bool {
	return st.route.kind != routeHistory && st.route.kind != routeOperation
}

// later answers a reading entry after the commit.
func (t *transaction) later(ctx context.Context, e *entry) (EntryResult, error) {
	if e.route.kind == routeOperation {
		return e.operation(ctx, t.o)
	}
	return t.s.get(ctx, t.s.door.store, e, t.o)
}

// answer is the result of a writing entry.
func (st *step) answer(metas map[fhir.Key]store.Record, masked bool) EntryResult {
	res := EntryResult{Status: http.StatusOK, Method: st.method, Key: st.key}
	if st.method == "DELETE" {
		res.Status = http.StatusNoContent
		res.Version = metas[st.key].Version
		return res
	}
	from := st
	if st.twin != nil {
		from = st.twin
	}
	r, wrote := metas[from.key]
	if !wrote {
		r = from.current
	} else if st.twin == nil && (st.current.Version == 0 || st.current.Deleted) {
		res.Status = http.StatusCreated
	}
	resource := headOf(r)
	switch {
	case from.w != nil && !from.told, from.w == nil && masked:
	case wrote:
		resource.JSON = from.w.json
	default:
		resource.JSON = r.Body
	}
	switch {
	case !wrote:
		res.Issues = kept(resource, "nothing changes").Issues
	case from.w != nil:
		res.Issues = from.w.unclear
	}
	res.Resource, res.Version, res.LastModified, res.Location = &resource, r.Version, r.Updated, location(resource)
	return res
}

// missing says which entries' references lead nowhere.
func (p *plan) missing(ctx context.Context, e *store.MissingError) error {
	var failed failures
	for _, st := range p.steps {
		if st.matched && slices.Contains(e.Keys, st.key) {
			return errMoved // what a condition matched was deleted since
		}
	}
	lost := map[fhir.Key]bool{}
	for _, k := range e.Keys {
		lost[k] = true
	}
	for _, st := range p.steps {
		if st.w != nil && slices.ContainsFunc(st.w.needs, func(n need) bool { return lost[n.key] }) {
			failed.add(st.fail(p.lacks(ctx, st, e)))
		}
	}
	if failed.first == nil {
		return missing(e)
	}
	return failed.err()
}

// lacks says where in an entry's resource what is missing is referred to. The
// tree is made once more, since drafts have shed theirs.
func (p *plan) lacks(ctx context.Context, st *step, e *store.MissingError) error {
	w, err := p.content(ctx, st)
	if err == nil {
		err = p.link(st, w.tree)
	}
	if err == nil {
		err = p.t.s.door.collect(ctx, w)
	}
	if err != nil {
		return err
	}
	return missing(e, w)
}

// fullBase is the base of a RESTful fullUrl, with the slash; "" for another.
func fullBase(rel *release, e *entry) string {
	if !strings.HasPrefix(e.fullURL, "http://") && !strings.HasPrefix(e.fullURL, "https://") {
		return ""
	}
	i := strings.LastIndexByte(e.fullURL, '/')
	if i < 0 {
		return ""
	}
	j := strings.LastIndexByte(e.fullURL[:i], '/')
	if j < 0 || !rel.defs.IsResource(e.fullURL[j+1:i]) {
		return ""
	}
	return e.fullURL[:j+1]
}
