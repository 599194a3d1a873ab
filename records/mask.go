package records

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// masking is an Access that does not show some elements of what it shows.
type masking interface{ Masks() []mask.Path }

// errWithheld is in the chain of the error about a resource that cannot be masked so
// that it is valid.
var errWithheld = errors.New("records: withheld")

// masked is a record as the session is shown it. All that is given out passes here.
func (s *Session) masked(ctx context.Context, r store.Record) (store.Record, error) {
	if r.Key.Type == subscriptionType {
		var err error
		if r, err = s.withoutHeaders(ctx, r); err != nil {
			return r, err
		}
	}
	if s.masks == nil || r.Deleted || !s.concerned(r) {
		return r, nil
	}
	for _, keep := range []bool{false, true} {
		tree, err := s.door.tree(r)
		if err != nil {
			return r, err
		}
		concerned, err := mask.Apply(tree, s.masks, keep)
		if err != nil || !concerned {
			return r, err
		}
		if s.asValid(ctx, r, tree) {
			r.Body = tree.Root().AppendJSON(nil)
			return r, nil
		}
	}
	return r, fault.Wrap(errWithheld, fault.Forbidden, fault.CodeForbidden, "", "%s is not shown: your role does not show all of it, and what is left would not be valid", r.Key)
}

// concerned says whether there may be something to mask in a record.
func (s *Session) concerned(r store.Record) bool {
	if mask.Referring(s.masks) && (bytes.Contains(r.Body, []byte(`display":`)) || bytes.Contains(r.Body, []byte(`identifier":`))) { // or "_display" alone
		return true
	}
	if slices.Contains(mask.Unmaskable, string(r.Key.Type)) {
		return r.Key.Type == "Bundle" || r.Key.Type == "Parameters"
	}
	return slices.ContainsFunc(s.masks, func(p mask.Path) bool { return p.Type() == string(r.Key.Type) }) || bytes.Contains(r.Body, []byte(`"contained"`))
}

// asValid says whether a masked resource is valid, or the stored one is not either.
func (s *Session) asValid(ctx context.Context, r store.Record, tree *fhir.Tree) bool {
	rules := s.door.release(r.Release).rules
	if len(rules.Check(ctx, tree)) == 0 {
		return true
	}
	whole, err := s.door.tree(r)
	return err == nil && len(rules.Check(ctx, whole)) > 0
}

// conceals says whether the session is shown but a part of a record.
func (s *Session) conceals(r store.Record) (bool, error) {
	if s.masks == nil || r.Version == 0 || r.Deleted || !s.concerned(r) {
		return false, nil
	}
	tree, err := s.door.tree(r)
	if err != nil {
		return false, err
	}
	return mask.Concerns(tree, s.masks), nil
}

// replaceable refuses to write over what the session is shown but a part of: what it
// was not shown would be lost.
func (s *Session) replaceable(current store.Record) error {
	part, err := s.conceals(current)
	if err != nil {
		return s.door.fault(err)
	}
	if part {
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "your role does not show all of %s, and who does not see all of a resource cannot change it: what is not shown would be lost", current.Key)
	}
	return nil
}

// resource is a record with its content, as the session is shown it.
func (s *Session) resource(ctx context.Context, r store.Record) (Resource, error) {
	r, err := s.masked(ctx, r)
	if err != nil {
		return Resource{}, s.door.fault(err)
	}
	return s.door.resource(ctx, r)
}

// whole is the tree of a record with the content of a Binary in it, as the session is
// shown it.
func (s *Session) whole(ctx context.Context, r store.Record) (*fhir.Tree, error) {
	r, err := s.masked(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.door.whole(ctx, r)
}

// append adds a record to a result. One that is withheld is not there.
func (s *Session) append(ctx context.Context, result *SearchResult, record store.Record, mode SearchMode) error {
	res, err := s.resource(ctx, record)
	if errors.Is(err, errWithheld) {
		result.Issues = append(result.Issues, fault.Issue{Severity: fault.Warning, Code: fault.CodeForbidden, Message: err.Error()})
		return nil
	}
	if err == nil {
		result.Entries = append(result.Entries, SearchEntry{Resource: res, Mode: mode})
	}
	return err
}

// asksMasked refuses a search by parameters that tell of what is masked: what is
// found, and its order, would tell of it, too.
func (s *Session) asksMasked(params []search.Param) error {
	if s.masks == nil {
		return nil
	}
	for _, p := range params {
		for _, rel := range s.door.indexes.current().releases {
			if rel.catalog.Touches(p, s.masks) {
				return fault.New(fault.Forbidden, fault.CodeForbidden, "", "you cannot search, sort or include by %s: your role does not show what it is about", search.Asked(p))
			}
		}
	}
	return nil
}

// queries refuses a client's query that asks for what is masked.
func (s *Session) queries(q *search.Query) error {
	if s.masks == nil {
		return nil
	}
	params := q.Params()
	for _, i := range q.Includes {
		params = append(params, s.door.including(i)...)
	}
	return s.asksMasked(params)
}

// including are the parameters by which an include goes.
func (d *Door) including(i search.Include) (params []search.Param) {
	if i.Param.Code != "*" {
		return []search.Param{i.Param}
	}
	for _, t := range d.types() {
		if i.Source != "" && i.Source != string(t) {
			continue
		}
		for _, p := range d.releaseOf("", t).catalog.Parameters(string(t)) {
			if p.Kind == definitions.SearchReference {
				params = append(params, p.Param)
			}
		}
	}
	return params
}
