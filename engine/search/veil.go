package search

// Veil is x as asked by somebody who may see only some resources. sight holds of
// those of the given types (none: of any type); nil: all of them. What x asks of
// other resources, through chains, _has, lists and hierarchies, it then asks of
// those alone that may be seen, so that no answer tells of the others. Of the
// resource that x is asked of nothing is added.
func Veil(x Expr, sight func(types []string) Expr) Expr {
	switch x := x.(type) {
	case And:
		return veilAll(x, sight)
	case Or:
		return veilAll(x, sight)
	case Not:
		return Not{Veil(x.X, sight)}
	case Chain:
		var types []string
		if x.Target != "" {
			types = []string{x.Target}
		}
		x.X = conjoin(Veil(x.X, sight), sight(types))
		return x
	case Has:
		x.X = conjoin(Veil(x.X, sight), sight([]string{x.Source}))
		return x
	case Referred:
		x.X = conjoin(Veil(x.X, sight), sight(nil))
		return x
	case Within:
		x.Through = conjoin(x.Through, sight([]string{x.Type}))
		return x
	}
	return x
}

// veilAll veils copies of parts.
func veilAll[T And | Or](parts T, sight func([]string) Expr) T {
	out := make(T, len(parts))
	for i, one := range parts {
		out[i] = Veil(one, sight)
	}
	return out
}

// conjoin is both; nil holds always.
func conjoin(x, y Expr) Expr {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	return And{x, y}
}
