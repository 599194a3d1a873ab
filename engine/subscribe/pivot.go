package subscribe

import (
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// pivot is a value that a resource must have, or one of the others of a list, to
// concern a rule.
type pivot struct {
	resource string
	value    value
}

// pivots are the values by which a rule is found; ok is false when it asks for none, or
// for too many.
func (r *rule) pivots() (found []pivot, ok bool) {
	found, cost := pivotsOf(r.resource, r.demand())
	return found, cost > 0
}

// demand holds of each resource that the rule is ever about.
func (r *rule) demand() search.Expr {
	if r.query != nil && r.query.current != nil && r.on&Delete == 0 && (r.query.Both || r.query.previous == nil) {
		return both(r.filter, r.query.current)
	}
	return r.filter
}

// maxPivots bounds the values by which one rule is found.
const maxPivots = 1000

// pivotsOf are the values of an expression of which a resource needs one, with how much
// they choose: 0 for not at all, higher for fewer resources.
func pivotsOf(resource string, x search.Expr) (found []pivot, worth int) {
	switch x := x.(type) {
	case search.And:
		for _, one := range x {
			if t, ok := one.(search.TypeIs); ok && len(t) == 1 && resource == "" {
				resource = t[0]
			}
		}
		for _, one := range x {
			if some, w := pivotsOf(resource, one); w > worth {
				found, worth = some, w
			}
		}
		return found, worth
	case search.Or:
		for _, one := range x {
			some, w := pivotsOf(resource, one)
			if w == 0 || len(found)+len(some) > maxPivots {
				return nil, 0
			}
			found = append(found, some...)
			if worth == 0 || w < worth {
				worth = w
			}
		}
		return found, worth
	case search.IDs:
		for _, id := range x {
			found = append(found, pivot{resource, value{"_id", id, "", own}})
		}
		return found, 4
	case search.Reference:
		switch {
		case x.URL != "":
			return named(resource, x.Param, value{a: x.URL, form: address}), 3
		case x.Type != "":
			return named(resource, x.Param, value{a: x.Type, b: x.ID, form: target}), 3
		}
		return named(resource, x.Param, value{a: x.ID, form: targetID}), 3
	case search.URI:
		if x.Mode == search.URIExact {
			return named(resource, x.Param, value{a: x.Value, form: address}), 3
		}
	case search.Token:
		return tokenPivots(resource, x)
	}
	return nil, 0
}

func tokenPivots(resource string, x search.Token) ([]pivot, int) {
	switch {
	case x.Start:
		return nil, 0
	case x.AnyCode && x.AnySystem:
		return nil, 0
	case x.AnyCode:
		return named(resource, x.Param, value{a: x.System, form: systemAlone}), 1
	case x.Param.Kind == definitions.SearchToken && x.Param.Code == "status":
		return named(resource, x.Param, tokenValue(x)), 1
	}
	return named(resource, x.Param, tokenValue(x)), 2
}

func tokenValue(x search.Token) value {
	if x.AnySystem {
		return value{a: x.Code, form: codeAlone}
	}
	return value{a: x.System, b: x.Code, form: codeOf}
}

// named are the pivots of a value under a parameter and under those where its values
// are found.
func named(resource string, p search.Param, v value) []pivot {
	v.param = p.Code
	found := []pivot{{resource, v}}
	for _, o := range p.Origins() {
		if o.Code != p.Code {
			v.param = o.Code
			found = append(found, pivot{resource, v})
		}
	}
	return found
}
