package search

import "slices"

// Owned is x as asked of resources that by p refer to the Patient of an id. Where that
// says who owns them, Governed nodes need not ask each for its owner.
func Owned(x Expr, p Param, id string) Expr {
	switch x := x.(type) {
	case And:
		return ownedAll(x, p, id)
	case Or:
		return ownedAll(x, p, id)
	case Not:
		return Not{Owned(x.X, p, id)}
	case Standing:
		x.By, x.Owner = p, id
		return x
	case Governed:
		if x.Sole && !x.Self && len(x.Params) == 1 && x.Params[0].among(p) {
			x.Owner = id
		}
		return x
	}
	return x
}

func ownedAll[T And | Or](parts T, p Param, id string) T {
	out := make(T, len(parts))
	for i, one := range parts {
		out[i] = Owned(one, p, id)
	}
	return out
}

// among says whether all references by p to a Patient are references by other, too.
func (p Param) among(other Param) bool {
	if p.Type != other.Type || p.Type == System {
		return false
	}
	return p == other || slices.Equal(p.Origins(), []Origin{{other.Type, other.Code, patientType}})
}
