package access

import "github.com/inglehealth/ingle/engine/search"

// always and never are the formulas that hold of every resource and of none.
func always() search.Expr { return search.And{} }
func never() search.Expr  { return search.Or{} }

func isAlways(x search.Expr) bool {
	and, ok := x.(search.And)
	return ok && len(and) == 0
}

func isNever(x search.Expr) bool {
	or, ok := x.(search.Or)
	return ok && len(or) == 0
}

// conj holds when all do.
func conj(parts ...search.Expr) search.Expr {
	var all search.And
	for _, p := range parts {
		if isNever(p) {
			return never()
		}
		if and, ok := p.(search.And); ok {
			all = append(all, and...)
		} else {
			all = append(all, p)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	if all == nil {
		return always()
	}
	return all
}

// disj holds when one does.
func disj(parts ...search.Expr) search.Expr {
	var any search.Or
	for _, p := range parts {
		if isAlways(p) {
			return always()
		}
		if or, ok := p.(search.Or); ok {
			any = append(any, or...)
		} else {
			any = append(any, p)
		}
	}
	if len(any) == 1 {
		return any[0]
	}
	if any == nil {
		return never()
	}
	return any
}

// neg holds when x does not.
func neg(x search.Expr) search.Expr {
	switch {
	case isAlways(x):
		return never()
	case isNever(x):
		return always()
	}
	switch x := x.(type) {
	case search.Not:
		return x.X
	case search.Standing:
		return neg(x.X)
	}
	return search.Not{X: x}
}
