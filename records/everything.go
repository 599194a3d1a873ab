package records

import (
	"context"
	"encoding/base64"
	"hash/fnv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// EverythingRequest is an $everything call (R4 Patient-everything,
// Encounter-everything).
type EverythingRequest struct {
	Type    fhir.Type // has a compartment: Patient, Encounter, ...
	ID      fhir.ID   // "": all of Type that the session sees
	Pairs   []search.Pair
	After   string              // Next of the page before; Pairs must be the same
	Release definitions.Release // whose compartments; "": as Door.ReleaseOf has it
}

// Everything returns one page of a record: first the resource itself, then what
// is in its compartment (mode match), then what these refer to (mode include),
// each resource once. Pairs may hold start and end (of care; what has no date
// stays), _since, _type and _count; without _count a page is as large as policy
// allows. What belongs to another patient is not part of a patient's record.
//
// Nothing is kept between pages: what is referred to is found by a query of its
// own, so that a page costs the same wherever it lies, and memory for one page.
// Of the records of all a page may be empty and not the last: it has looked at
// as many resources as policy lets it.
func (s *Session) Everything(ctx context.Context, r EverythingRequest) (*SearchResult, error) {
	ctx, pass := span.Start(ctx, "door everything")
	defer pass.End()
	rel := s.door.releaseOf(r.Release, r.Type)
	p, err := s.door.selectRecord(rel, r.Pairs)
	if err != nil {
		return nil, err
	}
	record, err := rel.catalog.Record(string(r.Type), string(r.ID))
	if err != nil {
		return nil, err
	}
	w := &recordWalk{
		s: s, recordSelection: p, print: everythingPrint(r),
		left: p.count, bytes: s.door.policy.MaxPage,
		result: &SearchResult{Total: -1, Self: r.Pairs, Count: p.count},
	}
	if err := s.may(r.Type, smart.Read); err != nil {
		return nil, err
	}
	for _, t := range p.types {
		if err := s.may(fhir.Type(t), seeing); err != nil {
			return nil, err
		}
	}
	dates := rel.catalog.CareDates(p.start, p.end)
	if err := s.asksMasked(search.ParamsOf(dates)); err != nil {
		return nil, err
	}
	parts := search.And{record.Parts(s.filter([]string{string(r.Type)}, seeing)), dates}
	if r.ID == "" {
		w.parts = parts
		w.references = search.And{search.Referred{X: s.only(record.Types(), seeing, parts)}, search.Not{X: parts}}
		w.looks = s.door.policy.MaxLooks
	} else {
		owner, err := s.visible(ctx, s.door.store, fhir.Key{Type: r.Type, ID: r.ID}, smart.Read)
		if err != nil {
			return nil, err
		}
		if owner.Deleted {
			return nil, gone(owner)
		}
		w.owner = &owner
		whole := search.Or{parts, record.Owner()}
		w.parts = search.And{parts, search.Not{X: record.Owner()}}
		w.references = search.And{search.Referred{X: s.only(record.Types(), seeing, whole)}, search.Not{X: record.Owner()}, search.Not{X: search.And{record.Holds(), dates}}}
		if r.Type == "Patient" {
			w.references = append(w.references, search.Not{X: record.Foreign()})
		}
		// Sorted by a key that no index has, a large record is still looked up by
		// its owner, not in a walk over all resources.
		w.sort = []search.SortKey{{Param: search.Param{Type: search.System, Code: "_id", Kind: definitions.SearchToken}}}
	}
	if err := w.run(ctx, r.After); err != nil {
		return nil, s.door.fault(err)
	}
	return w.result, nil
}

// recordWalk fills one page of a record. Its stages follow each other: the
// owner, the parts of its compartment, what they refer to.
type recordWalk struct {
	s *Session
	*recordSelection
	print      string
	owner      *store.Record // nil for the records of all
	parts      search.And
	references search.And
	sort       []search.SortKey
	looks      int   // resources that a page looks at; 0: any number
	left       int   // resources that the page still takes
	bytes      int64 // and bytes
	result     *SearchResult
}

// Stages that a cursor begins with.
const (
	stageParts      = "p"
	stageReferences = "r"
)

func (w *recordWalk) run(ctx context.Context, after string) error {
	at, cursor, err := w.place(after)
	if err != nil {
		return err
	}
	if after == "" && w.owner != nil && w.passes(*w.owner) {
		if err := w.add(ctx, *w.owner, ModeMatch); err != nil {
			return err
		}
	}
	if at == stageParts {
		if done, err := w.stage(ctx, stageParts, w.parts, cursor, ModeMatch); err != nil || !done {
			return err
		}
		cursor = ""
	}
	matches := len(w.result.Entries)
	if _, err := w.stage(ctx, stageReferences, w.references, cursor, ModeInclude); err != nil {
		return err
	}
	if after == "" {
		w.result.Total = int64(matches) // all are here
	}
	return nil
}

// stage adds what the page still takes of a stage, and says whether that was
// all of it.
func (w *recordWalk) stage(ctx context.Context, name string, filter search.And, after string, mode SearchMode) (done bool, err error) {
	full := w.left <= 0 || w.bytes <= 0
	q := &search.Query{
		Types: w.types, Filter: w.s.only(w.types, seeing, append(filter[:len(filter):len(filter)], w.since...)), Sort: w.sort, After: after,
		Looks: w.looks, Count: max(w.left, 1), Bytes: search.PageBytes{Max: max(w.bytes, 1), Of: sizeOf},
	}
	if err := w.spend(ctx, name, q); err != nil {
		return false, err
	}
	page, err := w.s.door.store.Search(ctx, q)
	if err != nil {
		return false, err
	}
	if full && len(page.Records) > 0 {
		w.next(name, after)
		return false, nil
	}
	for _, record := range page.Records {
		if err := w.add(ctx, record, mode); err != nil {
			return false, err
		}
	}
	if page.Next != "" {
		w.next(name, page.Next)
	}
	return page.Next == "", nil
}

// spend has a stage paid for: the parts of a record as the search for them, and what they
// refer to as the page that it fills.
func (w *recordWalk) spend(ctx context.Context, stage string, q *search.Query) error {
	if stage == stageParts {
		return w.s.spendFor(ctx, q)
	}
	return w.s.spendOn(ctx, q.Count)
}

func (w *recordWalk) add(ctx context.Context, record store.Record, mode SearchMode) error {
	w.left--
	w.bytes -= sizeOf(record.Body)
	return w.s.append(ctx, w.result, record, mode)
}

func (w *recordWalk) next(stage, cursor string) {
	w.result.Next = w.s.door.cursors.seal(stage + w.print + cursor)
}

// place is where a page begins.
func (w *recordWalk) place(sealed string) (stage, cursor string, err error) {
	text, err := w.s.door.cursors.open(sealed)
	switch {
	case err != nil:
		return "", "", err
	case text == "":
		return stageParts, "", nil
	}
	stage, text = text[:1], text[1:]
	cursor, mine := strings.CutPrefix(text, w.print)
	if !mine || stage != stageParts && stage != stageReferences {
		return "", "", store.ErrBadCursor
	}
	return stage, cursor, nil
}

// everythingPrint binds cursors to a request. The size of a page may change on the
// way.
func everythingPrint(r EverythingRequest) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte("everything\x00" + string(r.Type) + "\x00" + string(r.ID) + "\x00" + string(r.Release)))
	for _, p := range r.Pairs {
		if p.Name != "_count" {
			_, _ = h.Write([]byte("\x00" + p.Name + "\x00" + p.Value))
		}
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
