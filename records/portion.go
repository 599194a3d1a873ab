package records

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Bounds of a portion.
const (
	portionLooks = 2000    // resources that it looks at
	portionBytes = 2 << 20 // of packed bodies
)

// Place is where a resource stands in the order in which resources were made; 0 is
// before the first.
type Place int64

// PortionRequest asks for a portion of the resources of a type as they were at a place
// in the change feed.
type PortionRequest struct {
	Type         fhir.Type
	At           Seq
	After        Place     // Next of the portion before
	Since, Until time.Time // only what was written then or later, and before; zero: all
	Deleted      bool      // what was deleted, instead, without Filters, Keep and JSON
	// Filters are searches of the type, one of which must find a resource; none: all. See
	// CheckFilter.
	Filters [][]search.Pair
	// Owned asks for what belongs to a Patient, by the Patient compartment; Member, if not
	// nil, says to which.
	Owned  bool
	Member func(fhir.ID) bool
	// Keep, if not nil, says which are wanted of those that the session may see.
	Keep     func(Place, []Place) bool
	Heads    bool // without JSON
	Targets  bool // Keep is told to whom a resource refers
	Elements []string
}

// Portion is what a portion has.
type Portion struct {
	Resources []Exported
	Withheld  int // resources that the session is not shown, since they were not valid when masked
	Next      Place
	End       bool // there is no other portion
}

// Exported is a resource of a portion.
type Exported struct {
	Key      fhir.Key
	Place    Place
	JSON     []byte     // one line
	Patients []fhir.Key // whom it concerns
	Owners   []fhir.ID  // the Patients to whom it belongs, of those that Member wants; nil if not Owned
}

// Portion returns a portion of an export: what the session may see now both as it was
// at that place and as it is. All portions of a type together have each resource that
// was there once, whatever changes meanwhile.
func (s *Session) Portion(ctx context.Context, r PortionRequest) (*Portion, error) {
	if err := s.may(r.Type, seeing); err != nil {
		return nil, err
	}
	p := &portioning{s: s, PortionRequest: r}
	if err := p.prepare(ctx); err != nil {
		return nil, s.door.fault(err)
	}
	page, err := s.door.store.Walk(ctx, p.query)
	if err != nil {
		return nil, s.door.fault(err)
	}
	items, err := p.chosen(ctx, page.Items)
	if err != nil {
		return nil, s.door.fault(err)
	}
	result := &Portion{Next: Place(page.Next), End: page.End}
	return result, s.door.fault(p.render(ctx, items, result))
}

// portioning is a PortionRequest that is being answered.
type portioning struct {
	s *Session
	PortionRequest
	rel      *release
	criteria search.Expr
	query    store.WalkQuery
	elements fhir.Subset
}

func (p *portioning) prepare(ctx context.Context) (err error) {
	p.rel = p.s.door.releaseOf("", p.Type)
	if p.criteria, err = p.s.filtering(ctx, p.Type, p.Filters); err != nil {
		return err
	}
	types := []string{string(p.Type)}
	p.query = store.WalkQuery{
		Type: p.Type, At: store.Seq(p.At), After: store.Position(p.After), Since: p.Since, Until: p.Until, Deleted: p.Deleted,
		Targets: p.Targets, Bodies: !p.Heads && !p.Deleted, Limit: portionLooks, Bytes: portionBytes,
		Filter: p.s.only(types, seeing, p.criteria),
	}
	if p.Owned && p.Type != patientType {
		if p.query.Owners, err = p.s.door.ownedBy(p.Type); err != nil {
			return err
		}
	}
	p.elements = fhir.Subset{Elements: elementsOf(p.Type, p.Elements)}
	return nil
}

// ownedBy are the parameters by which a type belongs to the Patient compartment.
func (d *Door) ownedBy(t fhir.Type) ([]search.Param, error) {
	record, err := d.releaseOf("", t).catalog.Record(string(patientType), "")
	if err != nil {
		return nil, err
	}
	return record.Params(string(t)), nil
}

// filtering is what one of some searches of a type asks for; nil for none.
func (s *Session) filtering(ctx context.Context, t fhir.Type, filters [][]search.Pair) (search.Expr, error) {
	var any search.Or
	for _, pairs := range filters {
		q, _, err := s.query(ctx, SearchRequest{Type: t, Pairs: pairs, Handling: HandlingStrict})
		if err != nil {
			return nil, err
		}
		if q.Filter == nil {
			return nil, nil
		}
		any = append(any, q.Filter)
	}
	if len(any) == 0 {
		return nil, nil
	}
	return s.veil(any), nil
}

// chosen are those of a page that are asked for.
func (p *portioning) chosen(ctx context.Context, items []store.Walked) ([]store.Walked, error) {
	kept := items[:0]
	for _, item := range items {
		ok, err := p.chooses(ctx, &item)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

func (p *portioning) chooses(ctx context.Context, item *store.Walked) (bool, error) {
	if item.Changed || p.Deleted {
		if ok, err := p.holdsOf(ctx, item); err != nil || !ok {
			return false, err
		}
	}
	if p.Owned {
		if p.Type == patientType {
			item.Owners = []fhir.ID{item.Key.ID}
		}
		if p.Member != nil {
			item.Owners = slices.DeleteFunc(item.Owners, func(id fhir.ID) bool { return !p.Member(id) })
		}
		if len(item.Owners) == 0 {
			return false, nil
		}
	}
	if p.Keep == nil || p.Deleted {
		return true, nil
	}
	targets := make([]Place, len(item.Targets))
	for i, t := range item.Targets {
		targets[i] = Place(t)
	}
	return p.Keep(Place(item.Position), targets), nil
}

// holdsOf looks at what the store could not: a version that is not current any more, or
// the one before a delete. It tells the owners.
func (p *portioning) holdsOf(ctx context.Context, item *store.Walked) (bool, error) {
	d := p.s.door
	version := item.Record
	if p.Deleted {
		if shown, err := p.s.shows(ctx, d.store, version, seeing); err != nil || !shown || !p.Owned {
			return shown, err
		}
		before, err := d.store.ReadVersion(ctx, version.Key, version.Version-1)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil // expunged: nothing tells whose it was
		}
		if err != nil {
			return false, err
		}
		version = before
	} else if p.Heads {
		var err error
		if version, err = d.store.ReadVersion(ctx, version.Key, version.Version); errors.Is(err, store.ErrNotFound) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	doc, err := d.document(ctx, version)
	if err != nil {
		return false, err
	}
	if p.Targets && !p.Deleted {
		if item.Targets, err = p.targets(ctx, doc); err != nil {
			return false, err
		}
	}
	for _, e := range doc.Entries {
		if e.RefType == string(patientType) && slices.ContainsFunc(p.query.Owners, func(o search.Param) bool { return o.Names(&e) }) {
			item.Owners = append(item.Owners, fhir.ID(e.RefID))
		}
	}
	if p.Deleted {
		return true, nil
	}
	if p.query.Filter != nil {
		if ok, err := search.Match(ctx, p.query.Filter, doc, matchSource{door: d}); err != nil || !ok {
			return false, unlessUndecided(err)
		}
	}
	current, err := d.store.Read(ctx, version.Key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return p.s.allows(ctx, d.store, current, seeing)
}

// targets are where the resources stand to which a document refers.
func (p *portioning) targets(ctx context.Context, doc *search.Document) (all []store.Position, err error) {
	var keys []fhir.Key
	for _, e := range doc.Entries {
		if e.RefType != "" && e.RefID != "" {
			keys = append(keys, fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)})
		}
	}
	places, err := p.s.door.store.Positions(ctx, keys)
	for _, place := range places {
		all = append(all, place)
	}
	return all, err
}

// render makes the lines of what was chosen, on all cores.
func (p *portioning) render(ctx context.Context, items []store.Walked, result *Portion) error {
	result.Resources = make([]Exported, len(items))
	errs := make([]error, len(items))
	if err := parallel(ctx, len(items), func(i int) {
		result.Resources[i], errs[i] = p.line(ctx, &items[i])
		items[i].Body = nil
	}); err != nil {
		return err
	}
	kept := result.Resources[:0]
	for i, err := range errs {
		switch {
		case errors.Is(err, errWithheld):
			result.Withheld++
		case err != nil:
			return err
		default:
			kept = append(kept, result.Resources[i])
		}
	}
	result.Resources = kept
	return nil
}

var (
	ownBinary   = []byte(`"url":"Binary/`)
	urlProperty = []byte(`"url":"`)
)

// line is a resource as the session is shown it.
func (p *portioning) line(ctx context.Context, item *store.Walked) (Exported, error) {
	d, record := p.s.door, item.Record
	e := Exported{Key: record.Key, Place: Place(item.Position), Owners: distinctIDs(item.Owners)}
	if p.Heads || p.Deleted {
		return e, nil
	}
	record, err := p.s.masked(ctx, record)
	if err != nil {
		return e, err
	}
	e.Patients = d.patients(record.Release, record.Key, record.Body)
	if p.elements.IsWhole() {
		e.JSON = record.Body
	} else {
		tree, err := d.tree(record)
		if err != nil {
			return e, err
		}
		if e.JSON, err = tree.AppendJSONSubset(nil, p.elements); err != nil {
			return e, err
		}
	}
	if record.Key.Type == "Binary" {
		if e.JSON, err = d.attach(ctx, e.JSON); err != nil {
			return e, err
		}
	} else if record.Key.Type != "Bundle" && bytes.Contains(e.JSON, ownBinary) {
		// The content of an attachment is fetched from anywhere: its address is absolute.
		e.JSON = bytes.ReplaceAll(e.JSON, ownBinary, slices.Concat(urlProperty, []byte(d.base), []byte("/Binary/")))
	}
	if bytes.IndexByte(e.JSON, '\n') >= 0 {
		e.JSON = bytes.ReplaceAll(e.JSON, []byte{'\n'}, []byte{' '})
	}
	return e, nil
}
