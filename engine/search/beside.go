package search

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
)

func matchBeside(ctx context.Context, x Beside, doc *Document, src Source) (bool, error) {
	if ok, err := x.referred(ctx, doc, src); ok || err != nil || x.By.Code == "" {
		return ok, err
	}
	return ofTargets(ctx, x.By, doc, src, func(target *Document) (bool, error) {
		if ok, err := Match(ctx, x.X, target, src); ok || err != nil {
			return ok, err
		}
		return x.referred(ctx, target, src)
	})
}

// ofTargets says whether holds does of something that doc refers to by a parameter, as it is
// or as it was before its delete.
func ofTargets(ctx context.Context, by Param, doc *Document, src Source, holds func(target *Document) (bool, error)) (bool, error) {
	for e := range doc.named(by) {
		if e.RefID == "" {
			continue
		}
		key := fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}
		target, err := src.Get(ctx, key)
		if target == nil && err == nil {
			target, err = src.Before(ctx, key)
		}
		if err != nil {
			return false, err
		}
		if target == nil {
			continue
		}
		if ok, err := holds(target); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// referred says whether x.X holds of something that refers to a resource of x.Type, or that
// is told about by what does.
func (x *Beside) referred(ctx context.Context, doc *Document, src Source) (bool, error) {
	if string(doc.Key.Type) != x.Type {
		return false, nil
	}
	holds := func(one *Document) (bool, error) { return Match(ctx, x.X, one, src) }
	for one, err := range src.Referrers(ctx, "", Param{}, doc.Key) {
		if err != nil {
			return false, err
		}
		if string(one.Key.Type) == x.Type || !x.counts(one, doc.Key) {
			continue
		}
		if ok, err := holds(one); ok || err != nil {
			return ok, err
		}
		if !x.isAside(one, doc.Key) {
			continue
		}
		if ok, err := ofTargets(ctx, x.About, one, src, holds); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// counts says whether a resource refers to key other than by x.Except.
func (x *Beside) counts(from *Document, key fhir.Key) bool {
	return slices.ContainsFunc(from.Entries, func(e Entry) bool {
		return e.refersTo(key) && !slices.Contains(x.Except, Origin{Type: e.Param.Type, Code: e.Param.Code})
	})
}

// isAside says whether a resource refers to key by x.Aside.
func (x *Beside) isAside(from *Document, key fhir.Key) bool {
	for e := range from.named(x.Aside) {
		if e.refersTo(key) {
			return true
		}
	}
	return false
}

func (e *Entry) refersTo(key fhir.Key) bool {
	return e.RefType == string(key.Type) && e.RefID == string(key.ID)
}
