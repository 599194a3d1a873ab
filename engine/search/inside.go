package search

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Chains are also evaluated inside of contained resources (§3.1.1.5.6). What a
// parameter refers to in the resource itself, "#m1", is indexed with it: the
// entries of the contained resource stand under parameters named
// "medication#Medication.code", and where a parameter refers to several
// contained resources of a type, under "medication#Medication*.code". A chain
// over "medication" to Medication asks for those as well. What a contained
// resource refers to inside of the same resource is indexed in the same way, under
// "medication#Medication.manufacturer#Organization.name".
//
// Where there are several, their entries are not told apart, so a chain that
// more than one entry decides (with :not or :missing=true, or a filter with and,
// not) looks only at parameters that refer to one contained resource of the type.

// insideCode names a parameter of what code refers to inside of the resource;
// several says that it refers to more than one of the type.
func insideCode(code, typeName string, several bool, inner string) string {
	if several {
		typeName += "*"
	}
	if inner != "" {
		inner = "." + inner
	}
	return code + "#" + typeName + inner
}

// Inside says whether p is about what the resource refers to inside of itself.
func (p Param) Inside() bool { return strings.Contains(p.Code, "#") }

// pointer is a reference of a parameter to a contained resource.
type pointer struct {
	code string
	id   string
}

// pointInside notes a reference to a contained resource. Parameters that repeat
// others are left to those.
func (x *extraction) pointInside(id string) {
	p := pointer{x.param.Code, id}
	if id != "" && x.param.Type != "" && x.param.Of == "" && !slices.Contains(x.pointers, p) {
		x.pointers = append(x.pointers, p)
	}
}

// Limits of what is indexed of contained resources.
const (
	maxInside   = 4      // in a row: a chain has no more links
	maxFollowed = 10_000 // references from one to another
)

// way is how an extraction came to a contained resource.
type way struct {
	ids []string // of the contained resources that lead to it, and its own
	in  *container
}

// container is a resource that others refer to inside.
type container struct {
	byID map[string]fhir.Node // what it contains
	left int                  // how many references from there may still be followed
}

func newContainer(n fhir.Node) *container {
	if outer := n.Parent(); !outer.IsZero() {
		n = outer
	}
	c := &container{byID: map[string]fhir.Node{}, left: maxFollowed}
	for one := range n.All("contained") {
		if id := one.Child("id").Text(); c.byID[id].IsZero() {
			c.byID[id] = one
		}
	}
	return c
}

// inside adds the entries of the contained resources that parameters refer to,
// but for those that lead here.
func (x *extraction) inside(w way) error {
	if len(x.pointers) == 0 || len(w.ids) == maxInside {
		return nil
	}
	if w.in == nil {
		w.in = newContainer(x.root)
	}
	type target struct{ code, typeName string }
	targets := map[target][]fhir.Node{}
	var order []target
	for _, p := range x.pointers {
		n := w.in.byID[p.id]
		if n.IsZero() || slices.Contains(w.ids, p.id) {
			continue
		}
		t := target{p.code, n.Type().Name}
		if targets[t] == nil {
			order = append(order, t)
		}
		targets[t] = append(targets[t], n)
	}
	for _, t := range order {
		several := len(targets[t]) > 1
		x.param = Param{Type: x.root.Type().Name, Code: insideCode(t.code, t.typeName, several, ""), Kind: definitions.SearchToken}
		x.addToken("", "", "#")
		for _, n := range targets[t] {
			if len(w.ids) > 0 {
				w.in.left--
			}
			if w.in.left < 0 {
				return fault.New(fault.Unprocessable, fault.CodeTooCostly, x.root.Path(),
					"its contained resources refer to each other in more than %d ways; make some of them resources of their own", maxFollowed)
			}
			entries, err := x.c.extract(x.ctx, n, way{append(slices.Clip(w.ids), n.Child("id").Text()), w.in})
			if err != nil {
				return err
			}
			for _, e := range entries {
				if e.Norm != "" && e.Param.Kind == definitions.SearchSpecial {
					continue // a text, which _content has anyway
				}
				x.param.Code = insideCode(t.code, t.typeName, several, e.Param.Code)
				x.param.Kind, x.param.Of = e.Param.Kind, e.Param.Of
				x.add(e)
			}
		}
	}
	return nil
}

// within adds to the ways of a chain over p to a type what it asks of contained
// resources: x, asked of the entries that stand for them.
func within(ways Or, p Param, typeName string, x Expr) Or {
	one, several := insider{p, typeName, []bool{false}}, insider{p, typeName, []bool{true}}
	switch {
	case never(x):
		return ways
	case !decidedByOne(x):
		return append(ways, And{Missing{Param: one.param(Param{Kind: definitions.SearchToken})}, one.rewrite(x)})
	case p.Type == System:
		return append(ways, one.rewrite(x), several.rewrite(x))
	}
	return append(ways, insider{p, typeName, []bool{false, true}}.rewrite(x))
}

// never says whether x cannot hold of a contained resource: nothing else refers
// to it, and its id is no logical id.
func never(x Expr) bool {
	switch x.(type) {
	case IDs, Has:
		return true
	}
	return false
}

// decidedByOne says whether one entry of one resource decides that x holds.
func decidedByOne(x Expr) bool {
	switch x := x.(type) {
	case Or:
		return !slices.ContainsFunc(x, func(one Expr) bool { return !decidedByOne(one) })
	case Missing:
		return !x.Want
	case And, Not, TypeIs, IDs, LastUpdated, Has:
		return false
	}
	return true
}

// insider rewrites what is asked of a contained resource.
type insider struct {
	over     Param
	typeName string
	several  []bool // of one, or also of several
}

// param names the entries that stand for those of p.
func (in insider) param(p Param) Param {
	as := Param{Type: in.over.Type, Code: insideCode(in.over.Code, in.typeName, in.several[0], p.Code), Kind: p.Kind}
	outer := in.over.Origins()
	if len(outer) == 0 && in.over.Type != System {
		outer = []Origin{{Type: in.over.Type, Code: in.over.Code}}
	}
	inner := p.Origins()
	if !p.unites() {
		inner = append([]Origin{{Code: p.Code}}, inner...)
	}
	var of []string
	for _, o := range outer {
		for _, several := range in.several {
			for _, i := range inner {
				one := Origin{o.Type, insideCode(o.Code, in.typeName, several, i.Code), i.Target}
				if text := one.String(); !slices.Contains(of, text) {
					of = append(of, text)
				}
			}
		}
	}
	as.Of = strings.Join(of, ",")
	return as
}

func (in insider) rewrite(x Expr) Expr {
	switch x := x.(type) {
	case And:
		out := make(And, len(x))
		for i, one := range x {
			out[i] = in.rewrite(one)
		}
		return out
	case Or:
		out := make(Or, len(x))
		for i, one := range x {
			out[i] = in.rewrite(one)
		}
		return out
	case Not:
		return Not{in.rewrite(x.X)}
	case Other:
		return Other{in.rewrite(x.X)}
	case Missing:
		x.Param = in.param(x.Param)
		return x
	case Chain:
		x.Param = in.param(x.Param)
		return x
	case LastUpdated:
		return x
	case Token:
		x.Param = in.param(x.Param)
		return x
	case Codes:
		x.Param = in.param(x.Param)
		return x
	case Text:
		x.Param = in.param(x.Param)
		return x
	case Within:
		x.Param = in.param(x.Param)
		return x
	case String:
		x.Param = in.param(x.Param)
		return x
	case Date:
		x.Param = in.param(x.Param)
		return x
	case Number:
		x.Param = in.param(x.Param)
		return x
	case Quantity:
		x.Param = in.param(x.Param)
		return x
	case URI:
		x.Param = in.param(x.Param)
		return x
	case Reference:
		x.Param = in.param(x.Param)
		return x
	case Composite:
		x.Param = in.param(x.Param)
		return x
	case Near:
		x.Param = in.param(x.Param)
		return x
	}
	return Or{} // never
}
