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
	for e := range doc.named(x.By) {
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
		if ok, err := Match(ctx, x.X, target, src); ok || err != nil {
			return ok, err
		}
		if ok, err := x.referred(ctx, target, src); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// referred says whether x.X holds of something that refers to a resource of x.Type.
func (x *Beside) referred(ctx context.Context, doc *Document, src Source) (bool, error) {
	if string(doc.Key.Type) != x.Type {
		return false, nil
	}
	referrers, err := src.Referrers(ctx, "", Param{}, doc.Key)
	if err != nil {
		return false, err
	}
	for _, one := range referrers {
		if string(one.Key.Type) == x.Type || !x.counts(one, doc.Key) {
			continue
		}
		if ok, err := Match(ctx, x.X, one, src); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// counts says whether a resource refers to key other than by x.Except.
func (x *Beside) counts(from *Document, key fhir.Key) bool {
	return slices.ContainsFunc(from.Entries, func(e Entry) bool {
		return e.RefType == string(key.Type) && e.RefID == string(key.ID) && !slices.Contains(x.Except, Origin{Type: e.Param.Type, Code: e.Param.Code})
	})
}
