package graphql

import (
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// pendingRead is a reference that is to be read.
type pendingRead struct {
	into      *result
	reference string
	from      fhir.Node // the Reference; zero for Patient(id: ...)
}

// pendingSearch is a search that is to be made.
type pendingSearch struct {
	into  *result
	owner fhir.Key // that is referred to; zero at the root
}

// match is one match of a search.
type match struct{ tree *fhir.Tree }

// level reads and searches what the level above left, all of it together.
func (x *execution) level() error {
	reads, searches := x.reads, x.searches
	x.reads, x.searches = nil, nil
	if err := x.read(reads); err != nil {
		return err
	}
	for len(searches) > 0 {
		same := func(s pendingSearch) bool { return s.into.field == searches[0].into.field }
		var group []pendingSearch
		for _, s := range searches {
			if same(s) {
				group = append(group, s)
			}
		}
		if err := x.search(group); err != nil {
			return err
		}
		searches = slices.DeleteFunc(searches, func(s pendingSearch) bool { return s.into.field == group[0].into.field })
	}
	return nil
}

func (x *execution) read(reads []pendingRead) error {
	var wanted []string
	for _, r := range reads {
		if _, known := x.trees[r.reference]; !known && r.reference != "" {
			x.trees[r.reference] = nil
			wanted = append(wanted, r.reference)
		}
	}
	if len(wanted) > 0 {
		if err := x.count(len(wanted), reads[0].into); err != nil {
			return err
		}
		trees, err := x.fetch.Read(x.ctx, wanted)
		if err != nil {
			return explain(err, reads[0].into.field.at, reads[0].into.place)
		}
		for i, t := range trees {
			x.trees[wanted[i]] = t
		}
	}
	var missing []Error
	for _, r := range reads {
		if tree := x.trees[r.reference]; tree != nil {
			if err := x.target(r.into, tree.Root()); err != nil {
				return err
			}
		} else if !r.into.field.optional {
			missing = append(missing, r.missing())
		}
	}
	if len(missing) > 0 {
		return failure(missing...)
	}
	return nil
}

func (r pendingRead) missing() Error {
	at, p := r.into.field.at, r.into.place
	if r.from.IsZero() {
		return fail(fault.NotFound, at, p, fault.CodeNotFound, "there is no %s", r.reference)
	}
	what := fmt.Sprintf("the reference %q", fault.Shorten(r.reference))
	if r.reference == "" {
		what = "a reference without the address of a resource"
	}
	e := fail(fault.Unprocessable, at, p, fault.CodeNotFound, "%s leads to nothing here: ask for %s(optional: true) to leave it out", what, r.into.field.name)
	e.Path = r.from.Path()
	return e
}

// count counts resources that are read or found.
func (x *execution) count(n int, r *result) error {
	if x.resources += n; x.resources > x.l.Resources {
		return failure(tooCostly(r.field.at, r.place,
			"the query reads more than %d resources, which is the limit (Resources): ask for fewer with _count, or page through a connection", x.l.Resources))
	}
	return nil
}
