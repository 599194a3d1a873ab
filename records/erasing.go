package records

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Steps of an erasure, in their order.
const (
	eraseOwned    = ""         // what is found by its owner
	erasePatient  = "patient"  // the Patient, and what the consents came to
	eraseHistory  = "history"  // old versions and deleted resources
	eraseContents = "contents" // of Binaries
	eraseEvents   = "events"   // app states and the audit log, then texts and units
)

const (
	eraseBatch   = 200  // resources at a time
	maxReferrers = 1000 // looked at together
)

// erasureProgress is where an erasure stands. What it has yet to do with what is
// gone already is in it before that goes.
type erasureProgress struct {
	Step    string     `json:"step,omitempty"`
	After   store.Seq  `json:"after,omitempty"`   // in the history
	Orphans []fhir.Key `json:"orphans,omitempty"` // that perhaps nothing refers to any more
	Blobs   []string   `json:"blobs,omitempty"`   // contents that perhaps nothing has any more
	Forget  []fhir.Key `json:"forget,omitempty"`  // others' resources whose former versions are to go
	// Pending are being expunged, with so many versions: they are counted once.
	Pending         []fhir.Key `json:"pending,omitempty"`
	PendingVersions int64      `json:"pendingVersions,omitempty"`
	Erased
}

// erasure is one run of the job.
type erasure struct {
	d       *Door
	work    *jobs.Work
	patient fhir.ID
	erasureProgress
}

// erase is the job's handler.
func (d *Door) erase(ctx context.Context, w *jobs.Work) error {
	var args erasing
	if err := w.Args(&args); err != nil {
		return err
	}
	e := &erasure{d: d, work: w, patient: args.Patient}
	if _, err := w.Progress(&e.erasureProgress); err != nil {
		return err
	}
	if err := d.erasable(ctx, d.Session(Principal{}, nil), e.patient); err != nil {
		if fault.KindOf(err) == fault.Conflict {
			return jobs.Permanent(err)
		}
		return err
	}
	// What an earlier run was about to do.
	if err := e.finish(ctx); err != nil {
		return err
	}
	if err := e.orphans(ctx); err != nil {
		return err
	}
	if err := e.forget(ctx); err != nil {
		return err
	}
	for _, step := range []struct {
		name, next string
		run        func(context.Context) error
	}{
		{eraseOwned, erasePatient, e.owned},
		{erasePatient, eraseHistory, e.self},
		{eraseHistory, eraseContents, e.history},
		{eraseContents, eraseEvents, e.contents},
		{eraseEvents, "done", e.events},
	} {
		if e.Step != step.name {
			continue
		}
		if err := step.run(ctx); err != nil {
			return err
		}
		e.Step = step.next
		if err := w.Save(ctx, e.erasureProgress); err != nil {
			return err
		}
	}
	note := fmt.Sprintf("erased Patient/%s: %d resources, %d versions, %d events of the audit log (%s)", e.patient, e.Resources, e.Versions, e.Events, args.Reason)
	if err := d.tell(ctx, args.By, note); err != nil {
		return err
	}
	return w.SetResult(e.Erased)
}

// late are the types that most others refer to.
var late = []string{"EpisodeOfCare", "Encounter"}

// owned erases all that has the patient for owner now, but the Patient.
func (e *erasure) owned(ctx context.Context) error {
	types := slices.DeleteFunc(slices.Clone(e.d.ownership.OwnedTypes()), func(t string) bool { return slices.Contains(late, t) })
	for _, t := range append(types, late...) {
		if e.d.ReleaseOf(fhir.Type(t)) == "" {
			continue
		}
		for {
			q := &search.Query{Types: []string{t}, Filter: e.d.ownership.Owner(t, string(e.patient)), Count: eraseBatch, Bytes: e.d.pageBytes()}
			page, err := e.d.store.Search(ctx, q)
			if err != nil {
				return err
			}
			if len(page.Records) == 0 {
				break
			}
			if err := e.batch(ctx, page.Records); err != nil {
				return err
			}
		}
	}
	return nil
}

// batch erases resources of the patient, and takes the patient out of those that
// have other owners as well.
func (e *erasure) batch(ctx context.Context, found []store.Record) error {
	var own []store.Record
	for _, r := range found {
		owners, err := e.d.owners(ctx, r)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(owners, func(id fhir.ID) bool { return id != e.patient }) {
			if err := e.rewrite(ctx, r); err != nil {
				return err
			}
			continue
		}
		own = append(own, r)
	}
	if len(own) == 0 {
		return nil
	}
	gone := make(map[fhir.Key]bool, len(own))
	keys := make([]fhir.Key, len(own))
	for i, r := range own {
		gone[r.Key], keys[i] = true, r.Key
		if err := e.leaves(r); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if err := e.released(ctx, key, gone); err != nil {
			return err
		}
	}
	if err := e.expunge(ctx, keys); err != nil {
		return err
	}
	return e.orphans(ctx)
}

// leaves notes what is to be looked at when a resource is gone.
func (e *erasure) leaves(r store.Record) error {
	tree, err := e.d.tree(r)
	if err != nil {
		return err
	}
	for _, key := range e.d.referredTo(tree) {
		if access.Ownerless(key.Type) && !slices.Contains(e.Orphans, key) {
			e.Orphans = append(e.Orphans, key)
		}
	}
	return nil
}

// released takes the references to a resource out of those that do not belong to
// the patient alone.
func (e *erasure) released(ctx context.Context, key fhir.Key, gone map[fhir.Key]bool) error {
	for {
		referrers, err := e.d.store.Referrers(ctx, key, maxReferrers)
		if err != nil {
			return err
		}
		rewritten := 0
		for some := range slices.Chunk(referrers, referrersRead) {
			some = slices.DeleteFunc(some, func(k fhir.Key) bool { return gone[k] })
			current, err := e.d.store.ReadMany(ctx, some)
			if err != nil {
				return err
			}
			for _, r := range current {
				mine, err := e.only(ctx, r)
				if err != nil {
					return err
				}
				if mine || e.unowned(r) {
					continue
				}
				if err := e.rewrite(ctx, r); err != nil {
					return err
				}
				rewritten++
			}
		}
		if len(referrers) < maxReferrers || rewritten == 0 {
			return nil
		}
	}
}

// only says whether a resource has the patient for its one owner.
func (e *erasure) only(ctx context.Context, r store.Record) (bool, error) {
	owners, err := e.d.owners(ctx, r)
	return len(owners) == 1 && owners[0] == e.patient, err
}

// unowned says whether a resource is of whoever refers to it, and so itself to be
// looked at later.
func (e *erasure) unowned(r store.Record) bool { return slices.Contains(e.Orphans, r.Key) }

// expunge removes resources whole. What must be done afterwards is saved before.
func (e *erasure) expunge(ctx context.Context, keys []fhir.Key) error {
	e.Pending, e.PendingVersions = keys, 0
	for _, key := range keys {
		page, err := e.d.store.History(ctx, store.HistoryQuery{Type: key.Type, ID: key.ID, Count: 1})
		if err != nil {
			return err
		}
		e.PendingVersions += page.Total
		if key.Type != "Binary" {
			continue
		}
		names, err := e.d.contents(ctx, key.ID)
		if err != nil {
			return err
		}
		for name := range names {
			if !slices.Contains(e.Blobs, name) {
				e.Blobs = append(e.Blobs, name)
			}
		}
	}
	if err := e.work.Save(ctx, e.erasureProgress); err != nil {
		return err
	}
	return e.finish(ctx)
}

// finish expunges what is pending, of which some may be gone, and counts it.
func (e *erasure) finish(ctx context.Context) error {
	if len(e.Pending) == 0 {
		return nil
	}
	if err := e.d.forgetUnclear(ctx, e.Pending); err != nil {
		return err
	}
	for _, key := range e.Pending {
		if key.Type != patientType && key.Type != "RelatedPerson" {
			continue
		}
		n, err := identity.EraseLinks(ctx, e.d.store, key)
		if e.Users += n; err != nil {
			return err
		}
	}
	if _, err := e.d.store.Expunge(ctx, store.Expunge{Keys: e.Pending, Everything: true, KeepTexts: true}); err != nil {
		return err
	}
	e.Versions += e.PendingVersions
	if e.Types == nil {
		e.Types = map[fhir.Type]int64{}
	}
	for _, key := range e.Pending {
		e.Types[key.Type]++
		e.Resources++
	}
	e.Pending, e.PendingVersions = nil, 0
	return e.work.Save(ctx, e.erasureProgress)
}

// orphans erases those resources without an owner to which nothing refers any more.
func (e *erasure) orphans(ctx context.Context) error {
	for len(e.Orphans) > 0 {
		some := e.Orphans[:min(len(e.Orphans), eraseBatch)]
		current, err := e.d.store.ReadMany(ctx, some)
		if err != nil {
			return err
		}
		var alone []fhir.Key
		for _, r := range current {
			owners, err := e.d.owners(ctx, r)
			if err != nil {
				return err
			}
			if len(owners) > 0 {
				continue // they find it
			}
			referrers, err := e.d.store.Referrers(ctx, r.Key, 1)
			if err != nil {
				return err
			}
			held, err := e.d.heldBy(ctx, r.Key)
			if err != nil {
				return err
			}
			switch {
			case len(referrers) > 0:
			case held != nil:
				name(&e.Left, r.Key)
			default:
				alone = append(alone, r.Key)
				if err := e.leaves(r); err != nil {
					return err
				}
			}
		}
		if len(alone) > 0 {
			if err := e.expunge(ctx, alone); err != nil {
				return err
			}
		}
		e.Orphans = e.Orphans[len(some):]
	}
	return nil
}

// self erases the Patient, once nothing says any more what the patient decided.
func (e *erasure) self(ctx context.Context) error {
	d, key := e.d, fhir.Key{Type: patientType, ID: e.patient}
	err := d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Lock(ctx, lockConsents); err != nil {
			return err
		}
		return d.govern(ctx, tx, []fhir.ID{e.patient})
	})
	if err != nil {
		return err
	}
	if err := e.released(ctx, key, map[fhir.Key]bool{key: true}); err != nil {
		return err
	}
	if _, err := d.store.Read(ctx, key); errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if err := e.expunge(ctx, []fhir.Key{key}); err != nil {
		return err
	}
	return e.orphans(ctx)
}

// contents removes the content of Binaries that nothing has any more.
func (e *erasure) contents(ctx context.Context) error {
	candidates := map[string]bool{}
	for _, name := range e.Blobs {
		candidates[name] = true
	}
	if err := e.d.sweep(ctx, candidates); err != nil {
		return err
	}
	e.Contents += int64(len(e.Blobs))
	e.Blobs = nil
	return nil
}

// name adds to a list of a report.
func name(list *[]string, key fhir.Key) {
	if text := key.String(); len(*list) < maxNamed && !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

// mentions says whether text has a reference to the patient in it.
func mentions(text []byte, patient fhir.ID) bool {
	want := fmt.Sprintf("%s/%s", patientType, patient)
	rest := string(text)
	for {
		_, after, found := strings.Cut(rest, want)
		if !found {
			return false
		}
		if after == "" || !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.", rune(after[0])) {
			return true
		}
		rest = after
	}
}
