package search

import "github.com/inglehealth/ingle/spec/definitions"

// Other holds when at least one entry does not satisfy X: a Token, String or
// URI, or an Or of them for one Param (operator ne of _filter). Entries that no
// X could match are passed over.
type Other struct{ X Expr }

func (Other) expr() {}

// Param names the entries looked at.
func (o Other) Param() Param {
	if any, ok := o.X.(Or); ok {
		return paramOf(any[0])
	}
	return paramOf(o.X)
}

// other says whether e is a value other than what x asks for.
func (e *Entry) other(x Expr) bool {
	if e.Param.Kind == definitions.SearchToken && e.Code == "" && e.System == "" {
		return false
	}
	return !e.satisfies(x)
}
