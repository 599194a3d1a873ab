package search

// LabelSystems are those of security labels that most queries of a filter ask for,
// be there any or not.
var LabelSystems = []string{"http://terminology.hl7.org/CodeSystem/v3-ActCode", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"}

// At is x with the time of its Governed nodes, in microseconds since the Unix epoch.
func At(x Expr, at int64) Expr {
	switch x := x.(type) {
	case And:
		return atAll(x, at)
	case Or:
		return atAll(x, at)
	case Not:
		return Not{At(x.X, at)}
	case Chain:
		x.X = At(x.X, at)
		return x
	case Has:
		x.X = At(x.X, at)
		return x
	case Referred:
		return Referred{At(x.X, at)}
	case Beside:
		x.X = At(x.X, at)
		return x
	case Within:
		x.Through = At(x.Through, at)
		return x
	case Standing:
		x.At = at
		return x
	case Governed:
		x.At = at
		return x
	}
	return x
}

func atAll[T And | Or](parts T, at int64) T {
	out := make(T, len(parts))
	for i, one := range parts {
		out[i] = At(one, at)
	}
	return out
}
