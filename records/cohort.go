package records

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// A Group may say by search criteria who belongs to it, in member-filter extensions
// (Bulk Data Access 3.0, profile Bulk Cohort Group).

const groupType fhir.Type = "Group"

const (
	memberFilter = "http://hl7.org/fhir/uv/bulkdata/StructureDefinition/member-filter"
	queryLang    = "application/x-fhir-query"
)

// memberTypes are the resource types of the members of Groups with criteria, by
// Group.type. Each has a compartment.
var memberTypes = map[string]fhir.Type{"person": "Patient", "practitioner": "Practitioner", "device": "Device"}

// shaping are search parameters that are about the answer, which a criterion has none
// of, or about more than one type.
var shaping = []string{
	"_contained", "_containedType", "_count", "_cursor", "_elements", "_format", "_graph", "_include", "_indexing", "_maxresults", "_pretty",
	"_revinclude", "_score", "_sort", "_summary", "_total", "_type",
}

// checkGroup refuses a Group whose criteria cannot be evaluated.
func (s *Session) checkGroup(ctx context.Context, w *draft) error {
	if w.key.Type != groupType {
		return nil
	}
	_, err := s.cohort(ctx, w.tree.Root())
	return err
}

// cohort is a Group as far as it says who belongs to it.
type cohort struct {
	typ fhir.Type // of members that criteria find; "" without criteria
	// criteria hold of the members; nil when there are none.
	criteria search.And
	// listed are those that the Group names, Groups among them.
	listed []fhir.Key
	// described says that it has characteristics, which are words, no criteria.
	described bool
}

// cohort reads a Group.
func (s *Session) cohort(ctx context.Context, root fhir.Node) (*cohort, error) {
	c := &cohort{described: !root.Child("characteristic").IsZero()}
	for m := range root.All("member") {
		if key, ok := s.member(m); ok {
			c.listed = append(c.listed, key)
		}
	}
	var issues []fault.Issue
	for x := range root.All("modifierExtension") {
		if x.Child("url").Text() != memberFilter {
			continue
		}
		c.typ = memberTypes[root.Child("type").Text()]
		if c.typ == "" {
			return nil, fault.Of(fault.Unprocessable, []fault.Issue{issueAt(root.Child("type"), fault.CodeNotSupported,
				"a Group with a member-filter is of type person, practitioner or device")})
		}
		if c.described {
			return nil, fault.Of(fault.Unprocessable, []fault.Issue{issueAt(root.Child("characteristic"), fault.CodeBusinessRule,
				"a Group with a member-filter has no characteristic, which would not be evaluated: say it as a further member-filter")})
		}
		criterion, err := s.memberCriterion(ctx, c.typ, x.Child("value"))
		if err != nil {
			e, ok := errors.AsType[*fault.Error](s.door.fault(err))
			if !ok || fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.NotFound {
				return nil, err
			}
			for _, issue := range e.Issues {
				issues = append(issues, issueAt(x.Child("value"), issue.Code, "%s", issue.Message))
			}
			continue
		}
		c.criteria = append(c.criteria, criterion)
	}
	if issues != nil {
		return nil, fault.Of(fault.Unprocessable, issues)
	}
	return c, nil
}

// member is whom an element of Group.member names, if that is somebody of this server
// who is a member now.
func (s *Session) member(m fhir.Node) (fhir.Key, bool) {
	if m.Child("inactive").Bool() {
		return fhir.Key{}, false
	}
	if end := m.Find("period", "end").Text(); end != "" {
		if r, ok := search.ParseTime(end); ok && r.Hi <= s.door.now().UnixMicro() {
			return fhir.Key{}, false
		}
	}
	key, _, ok := s.door.local(m.Tree().Definitions(), m.Find("entity", "reference").Text())
	return key, ok
}

// memberCriterion reads the Expression of a member-filter: what holds of the resources of
// a type that it finds itself, or in whose compartments it finds something.
func (s *Session) memberCriterion(ctx context.Context, owner fhir.Type, x fhir.Node) (search.Expr, error) {
	if x.PropertyName() != "valueExpression" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "a member-filter has a valueExpression of language %s", queryLang)
	}
	if lang := x.Child("language").Text(); lang != queryLang {
		return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "criteria in %q are not evaluated here: write a search, in the language %s", fault.Shorten(lang), queryLang)
	}
	text := x.Child("expression").Text()
	typ, _, ok := strings.Cut(strings.TrimPrefix(s.door.below(text), "/"), "?")
	if !ok || typ == "" {
		return nil, fault.New(fault.Invalid, fault.CodeValue, "", "%q is no search of one resource type: it looks like Encounter?class=AMB&date=ge2026-01-01", fault.Shorten(text))
	}
	pairs, err := ParseCriteria(text)
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		if name, _, _ := strings.Cut(p.Name, ":"); slices.Contains(shaping, name) {
			return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "%s shapes the answer of a search, and a member-filter has none: leave it out", name)
		}
	}
	return s.finding(ctx, owner, fhir.Type(typ), pairs)
}

// finding is what holds of resources of type owner that a search for typ finds, or in
// whose compartments it finds something.
func (s *Session) finding(ctx context.Context, owner, typ fhir.Type, pairs []search.Pair) (search.Expr, error) {
	if err := s.door.indexes.refresh(ctx); err != nil {
		return nil, s.door.fault(err)
	}
	rel := s.door.releaseOf("", typ)
	q, err := rel.catalog.Parse(string(typ), pairs, s.parsing(ctx, rel))
	if err != nil {
		return nil, err
	}
	if err := s.queries(q); err != nil {
		return nil, err
	}
	if lacking := s.door.indexes.lacking(q.Params); len(lacking) > 0 {
		return nil, fault.New(fault.Invalid, fault.CodeTransient, "", "%s; try again when it is done", lacking[0])
	}
	if typ == owner {
		if q.Filter == nil {
			return search.And{}, nil // all of them
		}
		return q.Filter, nil
	}
	return rel.catalog.OwnersFilter(string(owner), string(typ), q.Filter)
}
