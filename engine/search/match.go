package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// A Document is what the in-memory matcher sees of a resource.
type Document struct {
	Key     fhir.Key
	Updated time.Time
	Entries []Entry
	Former  bool // it is deleted; this is the version before
}

// A Source gives Match the other resources that Chain and Has ask for.
type Source interface {
	// Get returns the current resource of that key, or nil.
	Get(ctx context.Context, key fhir.Key) (*Document, error)
	// Before returns the resource of that key as it was before its delete, with Former;
	// nil if it is not deleted, or nothing is kept of that version.
	Before(ctx context.Context, key fhir.Key) (*Document, error)
	// Referrers yields the current resources of a type that have an entry of
	// param pointing to key; with source "", those of any type by any parameter. An error
	// is the last that it yields: ErrUndecided where there are more than it looks through.
	Referrers(ctx context.Context, source string, param Param, key fhir.Key) iter.Seq2[*Document, error]
	// Policies returns the policies of a Patient that are in force at a time, in
	// microseconds since the Unix epoch.
	Policies(ctx context.Context, patient fhir.ID, at int64) ([]int64, error)
}

// ErrUndecided is in the chain of a Source's error when there is more than it looks
// through. Whoever asks what may be shown takes it for no.
var ErrUndecided = errors.New("search: there is more to look through than is looked through")

// Match says whether a resource satisfies x, nil holding of every resource. It
// asks src only for Chain, Has, Referred, Beside and Governed; src may be nil when x has none. Errors are
// those of src, ErrUndecided only where nothing that was looked through decides. See the
// package's Semantics.
func Match(ctx context.Context, x Expr, doc *Document, src Source) (bool, error) {
	switch x := x.(type) {
	case nil:
		return true, nil
	case And:
		for _, one := range x {
			if ok, err := Match(ctx, one, doc, src); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	case Or:
		var left error
		for _, one := range x {
			ok, err := Match(ctx, one, doc, src)
			if ok && err == nil {
				return true, nil
			}
			if left = cmp.Or(err, left); decides(err) {
				return false, err
			}
		}
		return false, left
	case Not:
		ok, err := Match(ctx, x.X, doc, src)
		return !ok && err == nil, err
	case TypeIs:
		return slices.Contains(x, string(doc.Key.Type)), nil
	case IDs:
		return slices.Contains(x, string(doc.Key.ID)), nil
	case LastUpdated:
		t := doc.Updated.UnixMicro()
		return TimeRange{t, t + 1}.satisfies(x.Prefix, x.Range), nil
	case Missing:
		for range doc.named(x.Param) {
			return !x.Want, nil
		}
		return x.Want, nil
	case Chain:
		return matchChain(ctx, x, doc, src)
	case Has:
		return matchReferrers(ctx, x.Source, x.Param, x.X, doc, src)
	case Within:
		return matchWithin(ctx, x, doc, src)
	case Standing:
		return Match(ctx, x.now(), doc, src)
	case Governed:
		return matchGoverned(ctx, x, doc, src)
	case Sequence:
		if x.Param.Code == codeContent {
			return slices.ContainsFunc(doc.Entries, func(e Entry) bool { return e.satisfies(x) }), nil
		}
	case Referred:
		return matchReferrers(ctx, "", Param{}, x.X, doc, src)
	case Beside:
		return matchBeside(ctx, x, doc, src)
	}
	if other, ok := x.(Other); ok {
		for e := range doc.named(other.Param()) {
			if e.other(other.X) {
				return true, nil
			}
		}
		return false, nil
	}
	for e := range doc.named(paramOf(x)) {
		if e.satisfies(x) {
			return true, nil
		}
	}
	return false, nil
}

func matchChain(ctx context.Context, x Chain, doc *Document, src Source) (bool, error) {
	for e := range doc.named(x.Param) {
		if e.RefID == "" || x.Target != "" && e.RefType != x.Target {
			continue
		}
		key := fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}
		target, err := src.Get(ctx, key)
		if target == nil && err == nil && x.Former.Counts(doc.Former) {
			target, err = src.Before(ctx, key)
		}
		if err != nil {
			return false, err
		}
		if target == nil {
			continue
		}
		if ok, err := Match(ctx, x.X, target, src); ok || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}

func matchReferrers(ctx context.Context, source string, param Param, x Expr, doc *Document, src Source) (bool, error) {
	var left error
	for one, err := range src.Referrers(ctx, source, param, doc.Key) {
		ok := false
		if err == nil {
			ok, err = Match(ctx, x, one, src)
		}
		if ok && err == nil {
			return true, nil
		}
		if left = cmp.Or(err, left); decides(err) {
			return false, err
		}
	}
	return false, left
}

// decides says whether an error ends a match, whatever else there is to look at.
func decides(err error) bool { return err != nil && !errors.Is(err, ErrUndecided) }

func matchGoverned(ctx context.Context, x Governed, doc *Document, src Source) (bool, error) {
	governs := func(patient fhir.ID) (bool, error) {
		in, err := src.Policies(ctx, patient, x.At)
		if err != nil {
			return false, err
		}
		for _, n := range in {
			if ok, err := x.counts(ctx, n, doc, src); ok || err != nil {
				return !x.Lacking && err == nil, err
			}
		}
		return x.Lacking, nil
	}
	if x.Self && doc.Key.Type == patientType {
		if ok, err := governs(doc.Key.ID); ok || err != nil {
			return ok, err
		}
	}
	for _, p := range x.Params {
		for e := range doc.named(p) {
			if e.RefType != patientType || e.RefID == "" {
				continue
			}
			if ok, err := governs(fhir.ID(e.RefID)); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// counts says whether a policy in force is one that x asks for.
func (x *Governed) counts(ctx context.Context, policy int64, doc *Document, src Source) (bool, error) {
	if x.Kinds != nil {
		if kind, ok := x.Kinds.Of(policy); ok {
			return Match(ctx, x.Each.Of(kind), doc, src)
		}
	}
	return x.After > 0 && policy > x.After || slices.Contains(x.Policies, policy), nil
}

const patientType = "Patient"

// named yields the entries that a Param of a query names.
func (d *Document) named(p Param) func(yield func(*Entry) bool) {
	return func(yield func(*Entry) bool) {
		if p.Type != System && p.Type != string(d.Key.Type) {
			return
		}
		for i := range d.Entries {
			if p.Names(&d.Entries[i]) && !yield(&d.Entries[i]) {
				return
			}
		}
	}
}

// paramOf returns the Param of a leaf.
func paramOf(x Expr) Param {
	switch x := x.(type) {
	case Token:
		return x.Param
	case Codes:
		return x.Param
	case Text:
		return x.Param
	case Sequence:
		return x.Param
	case String:
		return x.Param
	case Date:
		return x.Param
	case Number:
		return x.Param
	case Quantity:
		return x.Param
	case URI:
		return x.Param
	case Reference:
		return x.Param
	case Composite:
		return x.Param
	case Near:
		return x.Param
	}
	panic(fmt.Sprintf("search: %T is no leaf of a search tree", x))
}

// satisfies says whether one entry satisfies a leaf, or an Or of leaves in a
// composite.
func (e *Entry) satisfies(x Expr) bool {
	switch x := x.(type) {
	case Or:
		return slices.ContainsFunc(x, e.satisfies)
	case Token:
		if x.Param.Kind == "reference" && (e.RefID != "" || e.URL != "") {
			return false
		}
		return (x.AnySystem || e.System == x.System) && (x.AnyCode || e.Code == x.Code || x.Start && strings.HasPrefix(e.Code, x.Code))
	case Codes:
		return x.List.Has(e.System, e.Code)
	case Text:
		return strings.HasPrefix(e.Phrase(), x.Value)
	case Sequence:
		return holdsWords(e.Phrase(), x.Words, x.Begun)
	case String:
		return e.satisfiesString(x)
	case Date:
		return e.Time.satisfies(x.Prefix, x.Range)
	case Number:
		return e.Number.satisfies(x.Prefix, x.Range)
	case Quantity:
		return e.satisfiesQuantity(x)
	case URI:
		switch x.Mode {
		case URIBelow:
			rest, ok := strings.CutPrefix(e.URL, x.Value)
			return ok && (rest == "" || strings.IndexByte(SegmentEnds, rest[0]) >= 0)
		case URIContains:
			return strings.Contains(e.URL, x.Value)
		}
		return e.URL == x.Value
	case Reference:
		if x.Unversioned && e.Version != "" || x.Version != "" && x.Version != e.Version && !(x.Below && strings.HasPrefix(e.Version, x.Version+".")) {
			return false
		}
		if x.URL != "" {
			return e.URL == x.URL
		}
		return e.RefID == x.ID && (x.Type == "" || x.Type == e.RefType)
	case Near:
		return e.Point.Chord2(x.Point) <= x.Chord2
	case Composite:
		if len(e.Parts) != len(x.Parts) {
			return false
		}
		for i := range e.Parts {
			if !e.Parts[i].satisfies(x.Parts[i]) {
				return false
			}
		}
		return true
	}
	return false
}

func (e *Entry) satisfiesString(x String) bool {
	switch x.Mode {
	case StringExact:
		return e.Text == x.Value
	case StringContains:
		return strings.Contains(e.Norm, x.Value)
	case StringEquals:
		return e.Norm == x.Value
	case StringEnds:
		return strings.HasSuffix(e.Norm, x.Value)
	case StringAbove:
		return e.Norm > x.Value
	case StringBelow:
		return e.Norm < x.Value
	case StringFrom:
		return e.Norm >= x.Value
	case StringUpTo:
		return e.Norm <= x.Value
	case StringWords:
		return strings.Contains(" "+e.Norm+" ", x.Value)
	}
	return strings.HasPrefix(e.Norm, x.Value)
}

func (e *Entry) satisfiesQuantity(x Quantity) bool {
	var counts bool
	switch {
	case x.AnySystem && x.Unit == "":
		counts = true
	case x.AnySystem:
		counts = e.Code == x.Unit || e.Text == x.Unit
	default:
		counts = e.System == x.System && (x.Unit == "" || e.Code == x.Unit)
	}
	if counts && e.Number.satisfies(x.Prefix, x.Range) {
		return true
	}
	return x.Canonical != nil && e.Canonical != nil && x.Canonical.Unit == e.Canonical.Unit &&
		e.Canonical.Range.satisfies(x.Prefix, x.Canonical.Range)
}

// satisfies compares an entry's range with a query's.
func (t TimeRange) satisfies(prefix Prefix, s TimeRange) bool {
	within := s.Lo <= t.Lo && t.Hi <= s.Hi
	switch prefix {
	case NE:
		return !within
	case GT:
		return t.Hi > s.Hi
	case LT:
		return t.Lo < s.Lo
	case GE:
		return t.Hi > s.Hi || within
	case LE:
		return t.Lo < s.Lo || within
	case SA:
		return t.Lo >= s.Hi
	case EB:
		return t.Hi <= s.Lo
	case AP:
		return t.Lo < s.Hi && t.Hi > s.Lo
	case CO:
		return t.Lo <= s.Lo && t.Hi >= s.Hi
	}
	return within
}

// satisfies compares an entry's range with a query's.
func (r NumberRange) satisfies(prefix Prefix, s NumberRange) bool {
	within := r.Lo >= s.Lo && r.Hi < s.Hi
	switch prefix {
	case NE:
		return !within
	case GT:
		return r.Hi > s.Value
	case LT:
		return r.Lo < s.Value
	case GE:
		return r.Hi >= s.Value
	case LE:
		return r.Lo <= s.Value
	case SA:
		return r.Lo > s.Value
	case EB:
		return r.Hi < s.Value
	case AP:
		return r.Lo < s.Hi && r.Hi >= s.Lo
	}
	return within
}
