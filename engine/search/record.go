package search

import (
	"maps"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// A Record is what $everything tells about one resource that has a compartment,
// or about all of that type (R4 Patient-everything, Encounter-everything).
type Record struct {
	c     *Catalog
	owner string
	id    string // "" for all
	ties  []tie
}

// tie is a reference parameter, and the types that it ties to the owner.
type tie struct {
	code  string
	types []string
}

// Record returns the record of a resource, or of all of its type with id "". It
// fails with a *fault.Error when there is no such compartment.
//
// Beside the compartment's own parameters it counts the one that is called as
// the owner ("patient", "encounter") where the definition leaves out a type that
// has it: so a Device is part of the record of its patient in R4, too.
func (c *Catalog) Record(owner, id string) (*Record, error) {
	def := c.defs.Compartment(owner)
	if def == nil {
		return nil, fault.New(fault.NotFound, fault.CodeNotSupported, "", "there is no %s compartment", owner)
	}
	r := &Record{c: c, owner: owner, id: id}
	own := strings.ToLower(owner[:1]) + owner[1:]
	types := map[string][]string{}
	for _, t := range c.defs.ResourceTypes() {
		codes := def.Params[t]
		if len(codes) == 0 {
			codes = []string{own}
		}
		for _, code := range codes {
			p := c.lookup(t).params[code]
			if p != nil && p.problem == "" && p.Kind == definitions.SearchReference && (len(p.def.Targets) == 0 || slices.Contains(p.def.Targets, owner)) {
				types[code] = append(types[code], t)
			}
		}
	}
	for code, of := range types {
		r.ties = append(r.ties, tie{code, of})
	}
	slices.SortFunc(r.ties, func(a, b tie) int { return strings.Compare(a.code, b.code) })
	return r, nil
}

// Types are those of the owner and of what can be tied to it, sorted.
func (r *Record) Types() []string {
	types := []string{r.owner}
	for _, t := range r.ties {
		types = append(types, t.types...)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// Params are the references by which resources of a type are tied to the owner; none
// for a type that is not.
func (r *Record) Params(resourceType string) (params []Param) {
	for _, t := range r.ties {
		if p, ok := r.c.Param(resourceType, t.code); ok && slices.Contains(t.types, resourceType) {
			params = append(params, p)
		}
	}
	return params
}

// Parts holds of what is tied to the owner, not of the owner. Of a record of all
// it holds of every owner, and of what is tied to one that satisfies visible
// (nil: any).
func (r *Record) Parts(visible Expr) Expr {
	var any Or
	if r.id == "" {
		any = append(any, TypeIs{r.owner})
	}
	for _, t := range r.ties {
		any = append(any, And{TypeIs(t.types), r.to(t.code, t.types, visible)})
	}
	return any
}

// Holds is Parts or Owner of a record with an id, in the form to ask of one
// resource after the other; Parts is the one to look up.
func (r *Record) Holds() Expr {
	refers := map[string]Or{}
	for _, t := range r.ties {
		for _, name := range t.types {
			refers[name] = append(refers[name], r.to(t.code, []string{name}, nil))
		}
	}
	any := Or{r.Owner()}
	for _, name := range slices.Sorted(maps.Keys(refers)) {
		any = append(any, And{TypeIs{name}, refers[name]})
	}
	return any
}

// to holds of resources of types that refer by code to the owner; of a record of
// all, to any owner that satisfies visible.
func (r *Record) to(code string, types []string, visible Expr) Expr {
	if r.id != "" {
		return Reference{Param: r.c.Over(types, code), Type: r.owner, ID: r.id}
	}
	return r.toAny(code, types, visible)
}

// toAny holds of resources of types that refer by code to any owner that
// satisfies visible (nil: any).
func (r *Record) toAny(code string, types []string, visible Expr) Expr {
	if visible == nil {
		visible = And{}
	}
	return Chain{Param: r.c.Over(types, code), Target: r.owner, X: visible}
}

// Owner holds of the owner itself.
func (r *Record) Owner() Expr { return And{TypeIs{r.owner}, IDs{r.id}} }

// Foreign holds of what belongs to other owners only: an owner to whom this one
// has no link, and what is tied to such. It is of a record with an id.
func (r *Record) Foreign() Expr {
	linked := Or{}
	for _, code := range r.c.defs.Compartment(r.owner).Params[r.owner] {
		if p, ok := r.c.Param(r.owner, code); ok && p.Kind == definitions.SearchReference {
			linked = append(linked, Has{Source: r.owner, Param: p, X: IDs{r.id}})
		}
	}
	others := Or{And{TypeIs{r.owner}, Not{linked}}}
	for _, t := range r.ties {
		if types := slices.DeleteFunc(slices.Clone(t.types), func(name string) bool { return name == r.owner }); len(types) > 0 {
			others = append(others, And{TypeIs(types), r.toAny(t.code, types, nil)})
		}
	}
	return And{others, Not{r.Holds()}}
}
