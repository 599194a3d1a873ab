package access

import (
	"github.com/inglehealth/ingle/engine/search"
)

// What the consents of one patient ask is a part of every query of their kind: with
// more conditions than maxAsked, or more within each other than maxNested, the
// patient's data is hidden.
const (
	maxAsked  = 3000
	maxNested = 250
)

// isHeavy says whether x asks more than a database is asked for one patient.
func isHeavy(x search.Expr) bool {
	asked, nested := weigh(x, maxAsked+1)
	return asked > maxAsked || nested > maxNested
}

// weigh counts the conditions of x, up to most, and how deep they are.
func weigh(x search.Expr, most int) (asked, nested int) {
	var parts []search.Expr
	switch x := x.(type) {
	case search.And:
		parts = x
	case search.Or:
		parts = x
	case search.Not:
		parts = []search.Expr{x.X}
	case search.Chain:
		parts = []search.Expr{x.X}
	case search.Referred:
		parts = []search.Expr{x.X}
	default:
		return 1, 1
	}
	for _, one := range parts {
		if asked >= most {
			break
		}
		n, deep := weigh(one, most-asked)
		asked, nested = asked+n, max(nested, deep)
	}
	return asked, nested + 1
}
