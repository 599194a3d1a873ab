package records

import (
	"context"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// Meta returns the meta of a resource, or with a version of that version (R4
// Resource-meta). The Resource has no JSON.
func (s *Session) Meta(ctx context.Context, key fhir.Key, version string) (fhir.Node, Resource, error) {
	ctx, pass := span.Start(ctx, "door meta")
	defer pass.End()
	record, err := s.version(ctx, s.door.store, key, version, smart.Read)
	if err != nil {
		return fhir.Node{}, Resource{}, err
	}
	if record.Deleted {
		return fhir.Node{}, headOf(record), gone(record)
	}
	s.door.touch(ctx, record)
	tree, err := s.door.tree(record)
	if err != nil {
		return fhir.Node{}, Resource{}, err
	}
	return tree.Meta(), headOf(record), nil
}

// Labels are the profiles, security labels and tags that resources carry.
type Labels struct {
	Profiles       []string
	Security, Tags []Label
}

// Label is a security label or tag.
type Label struct{ System, Code string }

// maxLabels bounds the labels of one kind that LabelsInUse lists, and
// maxLabelsRead those among which they are looked for.
const (
	maxLabels     = 1000
	maxLabelsRead = 20_000
)

// LabelsInUse returns the labels of all current resources of a type, "" for
// all, that the session sees (R4 Resource-meta).
func (s *Session) LabelsInUse(ctx context.Context, t fhir.Type) (Labels, error) {
	var l Labels
	if err := s.may(t, smart.Search); err != nil {
		return l, err
	}
	for _, kind := range []struct {
		code string
		take func(search.Entry)
	}{
		{"_profile", func(e search.Entry) { l.Profiles = append(l.Profiles, canonical(e)) }},
		{"_security", func(e search.Entry) { l.Security = append(l.Security, Label{e.System, e.Code}) }},
		{"_tag", func(e search.Entry) { l.Tags = append(l.Tags, Label{e.System, e.Code}) }},
	} {
		p, ok := s.door.releaseOf("", t).catalog.Param(string(t), kind.code)
		if !ok {
			continue
		}
		// Of many values a session that does not see all resources sees few.
		values, err := s.door.store.Values(ctx, p, maxLabelsRead)
		if err != nil {
			return l, s.door.fault(err)
		}
		if len(values) > maxLabels && !s.limited(typesOf(t)...) {
			return l, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "there are more than %d values of %s: ask for the meta of one type, or of one resource", maxLabels, kind.code)
		}
		for _, v := range values {
			seen, err := s.labelled(ctx, t, v, values)
			if err != nil {
				return l, s.door.fault(err)
			}
			if seen {
				kind.take(v)
			}
		}
	}
	return l, nil
}

func canonical(e search.Entry) string {
	if e.Version != "" {
		return e.URL + "|" + e.Version
	}
	return e.URL
}

// labelled says whether the session sees a resource with a label. A canonical
// with a version is indexed without it, too, which alone is no use of the latter.
func (s *Session) labelled(ctx context.Context, t fhir.Type, v search.Entry, all []search.Entry) (bool, error) {
	var versions search.Or
	for _, other := range all {
		if v.URL != "" && strings.HasPrefix(canonical(other), canonical(v)+"|") {
			versions = append(versions, labelIs(other))
		}
	}
	if !s.limited(typesOf(t)...) && versions == nil {
		return true, nil
	}
	types := typesOf(t)
	q := &search.Query{Types: types, Filter: s.only(types, smart.Search, search.And{labelIs(v), search.Not{X: versions}}), Count: 1}
	page, err := s.door.store.Search(ctx, q)
	return len(page.Records) > 0, err
}

func labelIs(v search.Entry) search.Expr {
	switch v.Param.Kind {
	case definitions.SearchToken:
		return search.Token{Param: v.Param, System: v.System, Code: v.Code}
	case definitions.SearchReference:
		return search.Reference{Param: v.Param, URL: v.URL, Version: v.Version}
	}
	return search.URI{Param: v.Param, Value: v.URL}
}

// MetaAdd adds the profiles, security labels and tags of meta, a Meta, to a
// resource, and MetaDelete removes them; nothing else of meta counts (R4
// Resource-meta-add, Resource-meta-delete). Labels are the same when system and
// code are, profiles when the whole canonical is. A change is a new version,
// like any other, so that history tells who was labelled when; when nothing
// changes the Result is Unchanged.
func (s *Session) MetaAdd(ctx context.Context, key fhir.Key, meta fhir.Node, o UpdateOptions) (Result, error) {
	return s.relabel(ctx, key, meta, o, addLabel)
}

// MetaDelete is described at MetaAdd.
func (s *Session) MetaDelete(ctx context.Context, key fhir.Key, meta fhir.Node, o UpdateOptions) (Result, error) {
	return s.relabel(ctx, key, meta, o, removeLabel)
}

func (s *Session) relabel(ctx context.Context, key fhir.Key, meta fhir.Node, o UpdateOptions, edit func(into, label fhir.Node) error) (Result, error) {
	if err := s.mayPatch(key.Type); err != nil {
		return Result{}, err
	}
	return s.apply(ctx, change{
		w: &draft{key: key}, method: "PATCH", req: o.Request, pre: o.Precondition, mustExist: true,
		remake: func(ctx context.Context, current store.Record) (*draft, error) {
			tree, err := s.whole(ctx, current)
			if err != nil {
				return nil, err
			}
			into, err := tree.EnsureMeta()
			if err != nil {
				return nil, err
			}
			for label := range meta.Children() {
				switch label.Name() {
				case "profile", "security", "tag":
					if err := edit(into, label); err != nil {
						return nil, err
					}
				}
			}
			return s.remade(ctx, current, tree, o.Request)
		},
	})
}

func addLabel(into, label fhir.Node) error {
	for have := range into.All(label.Name()) {
		if sameLabel(have, label) {
			return nil
		}
	}
	_, err := into.Graft(label.Name(), label)
	return err
}

func removeLabel(from, label fhir.Node) error {
	for have := from.FirstChild(); !have.IsZero(); {
		next := have.NextSibling()
		if have.Name() == label.Name() && sameLabel(have, label) {
			have.Remove()
		}
		have = next
	}
	return nil
}

func sameLabel(a, b fhir.Node) bool {
	return a.Text() == b.Text() && a.Child("system").Text() == b.Child("system").Text() && a.Child("code").Text() == b.Child("code").Text()
}
