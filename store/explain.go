package store

import (
	"time"

	"github.com/inglehealth/ingle/engine/search"
)

// Estimate says what a search goes through to find a page and the total.
type Estimate struct {
	Candidates int64 // resources; 0 when it goes no further than the page
	AtLeast    bool  // there may be more: they are counted up to a bound
	Everything bool  // they are all of the query's types, since no criterion narrows it
}

// Explanation says what a search did.
type Explanation struct {
	Way        string      // how the page was found; "" when none was asked for
	Criteria   []Criterion // what joins the query's filter with AND
	Statements []Statement // in the order in which they ran
}

// Criterion is one part of a query's filter.
type Criterion struct {
	X search.Expr
	// Candidates is how many index rows it has alone, counted up to a bound or
	// remembered from a short while ago; -1 when that was not asked.
	Candidates int64
	AtLeast    bool // there may be more: the bound was reached
	Drives     bool // the search started from it
}

// Statement is one query of the database.
type Statement struct {
	Purpose  StatementPurpose
	SQL      string
	Args     []any
	Names    map[int64]string // what numbers among Args stand for
	Plan     []string         // the database's plan, a line a step, indented by depth
	Returned int64            // rows
	Touched  int64            // rows that the plan's scans read; -1 when the database does not tell
	Took     time.Duration    // until its last row was read, the plan not counted
}

// StatementPurpose is what a Statement is for.
type StatementPurpose string

// Purposes of statements.
const (
	NameStatement     StatementPurpose = "name"     // the number of a name
	EstimateStatement StatementPurpose = "estimate" // how many candidates a criterion has
	PageStatement     StatementPurpose = "page"
	TotalStatement    StatementPurpose = "total"
)
