package access

import (
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
)

// join is one filter over several types, of each of which filter gives its own.
// Types that are asked the same are asked together, so that a search over all
// types asks about a dozen things and not about every type. It is nil when all
// resources of all types here are let pass.
func (o *Ownership) join(types []string, filter func(typeName string) search.Expr) search.Expr {
	j := joint{o: o, byPart: map[*search.Expr]*alike{}, byText: map[string]*alike{}}
	for _, t := range types {
		j.add(t, filter(t))
	}
	if len(j.open) == len(types) && len(types) > 0 {
		return nil
	}
	return j.expr()
}

// joint is a filter in the making.
type joint struct {
	o      *Ownership
	open   search.TypeIs // types all of whose resources pass
	all    []*alike      // in the order in which they first came
	byText map[string]*alike
	parts  []*alike // that are the very same for several types, and long
	byPart map[*search.Expr]*alike
}

// alike are types that are asked the same, each by its own parameters.
type alike struct {
	types search.TypeIs
	x     search.Expr // of the first of them
}

func (j *joint) add(t string, x search.Expr) {
	switch x := x.(type) {
	case nil:
		j.open = append(j.open, t)
		return
	case search.Or:
		if len(x) > 0 && !slices.ContainsFunc(x, isNoToken) {
			break // the database asks for them by one condition
		}
		for _, one := range x {
			j.add(t, one)
		}
		return
	case search.And:
		if len(x) == 0 {
			j.open = append(j.open, t)
			return
		}
		a := j.byPart[&x[0]]
		if a == nil {
			a = &alike{x: x}
			j.byPart[&x[0]] = a
			j.parts = append(j.parts, a)
		}
		a.types = append(a.types, t)
		return
	}
	j.liken(t, x)
}

func isNoToken(x search.Expr) bool {
	_, ok := x.(search.Token)
	return !ok
}

// liken puts a type to those that are asked what x asks of it.
func (j *joint) liken(t string, x search.Expr) {
	text := fmt.Sprintf("%#v", recast(x, func(p search.Param) search.Param {
		if !j.owns(t, p) {
			return p
		}
		return search.Param{Code: p.Code, Kind: p.Kind}
	}))
	a := j.byText[text]
	if a == nil {
		a = &alike{x: x}
		j.byText[text] = a
		j.all = append(j.all, a)
	}
	a.types = append(a.types, t)
}

// owns says whether a parameter is a type's own, in the first release.
func (j *joint) owns(t string, p search.Param) bool {
	if p.Code == search.OtherReference {
		return p.Type == t
	}
	own, ok := j.o.catalogs[0].Param(t, p.Code)
	return ok && own == p && p.Type == t
}

func (j *joint) expr() search.Expr {
	var any search.Or
	if len(j.open) > 0 {
		any = append(any, j.open)
	}
	for _, a := range j.parts {
		if len(a.types) == 1 {
			j.liken(a.types[0], a.x)
		} else {
			any = append(any, conj(a.types, a.x))
		}
	}
	for _, a := range j.all {
		x := a.x
		if len(a.types) > 1 {
			x = recast(x, func(p search.Param) search.Param {
				switch {
				case !j.owns(a.types[0], p):
					return p
				case p.Code == search.OtherReference:
					return search.OtherReferenceOf(search.System)
				}
				return j.o.catalogs[0].Over(a.types, p.Code)
			})
		}
		any = append(any, conj(a.types, x))
	}
	return any
}

// recast is x with other parameters of the resource that it is asked of. What it
// asks of other resources stays.
func recast(x search.Expr, to func(search.Param) search.Param) search.Expr {
	return remade(x, func(x search.Expr) (search.Expr, bool) {
		switch x := x.(type) {
		case search.Token:
			x.Param = to(x.Param)
			return x, true
		case search.Date:
			x.Param = to(x.Param)
			return x, true
		case search.Missing:
			x.Param = to(x.Param)
			return x, true
		case search.Reference:
			x.Param = to(x.Param)
			return x, true
		case search.Chain:
			x.Param = to(x.Param)
			return x, true
		}
		return x, false
	})
}

// remade is x with other conditions in it, for which condition says whether they are
// others. What stays is shared with x.
func remade(x search.Expr, condition func(search.Expr) (search.Expr, bool)) search.Expr {
	made, _ := remake(x, condition)
	return made
}

func remake(x search.Expr, condition func(search.Expr) (search.Expr, bool)) (made search.Expr, other bool) {
	switch x := x.(type) {
	case search.And:
		all, other := remakeAll(x, condition)
		return search.And(all), other
	case search.Or:
		all, other := remakeAll(x, condition)
		return search.Or(all), other
	case search.Not:
		made, other := remake(x.X, condition)
		return search.Not{X: made}, other
	}
	return condition(x)
}

func remakeAll(all []search.Expr, condition func(search.Expr) (search.Expr, bool)) (made []search.Expr, other bool) {
	made = all
	for i, one := range all {
		now, is := remake(one, condition)
		switch {
		case !is:
			continue
		case !other:
			made, other = slices.Clone(all), true
		}
		made[i] = now
	}
	return made, other
}
