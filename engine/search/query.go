package search

import (
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
)

// A Query is one parsed search.
type Query struct {
	// Types are the resource types searched; empty means every type.
	Types []string
	// Filter is what must hold; nil means everything.
	Filter Expr
	// Asked is the part of Filter that who asks has written, if Bound: a cursor
	// belongs to that, and is good when the rest has changed since, so that a walk
	// goes on over what may be seen by then.
	Asked Expr
	Bound bool
	// Sort orders the result; empty means an order that the searcher chooses,
	// and keeps to for all pages of a walk. Ties are always broken by the order
	// of first creation, oldest first.
	Sort []SortKey
	// Count is the page size; the parser fills in the default and caps it.
	// With _count=0 or _summary=count it is 0, Summary is SummaryCount and
	// Total is TotalAccurate: no resources, only their number.
	Count int
	// Bytes may end a page before Count.
	Bytes PageBytes
	// Looks, if not 0, bounds the resources that a walk in the store's order looks
	// at: the page may then be empty and not the last.
	Looks int
	// Heads asks for records without their bodies.
	Heads bool
	// Cursors asks for the cursor of each record.
	Cursors bool
	// Total says how Bundle.total is to be computed.
	Total TotalMode
	// Partial takes parameters whose index is still being built.
	Partial bool
	// Contained looks inside of resources; with ContainedAlone what is found
	// there is the result, else the resources that contain it.
	Contained      Contained
	ContainedAlone bool
	// After continues a former page: the Next of a store page, or "".
	After string
	// Includes are followed by the caller (records), not by the store.
	Includes []Include
	// Rendering: what part of each resource is wanted.
	Summary  Summary
	Elements []string
	// Applied lists the parameters as understood, for the self link, in
	// request order; without paging state.
	Applied []Pair
	// Ignored lists what lenient handling left out, with the reason.
	Ignored []Ignored
}

// PageBytes bounds the bodies of a page: it ends early with the resource that
// reaches Max, and the next page goes on from there. A Max of 0 is no bound.
type PageBytes struct {
	Max int64
	// Of is the size of a resource, given its stored body; nil: the body's own.
	Of func(body []byte) int64
}

// Full adds a body to sum and says whether the page ends with it.
func (p PageBytes) Full(sum *int64, body []byte) bool {
	if p.Max <= 0 {
		return false
	}
	if p.Of != nil {
		*sum += p.Of(body)
	} else {
		*sum += int64(len(body))
	}
	return *sum >= p.Max
}

// Pair is one name=value of a search URL, decoded.
type Pair struct{ Name, Value string }

// Ignored is a parameter that was left out under lenient handling.
type Ignored struct {
	Pair
	Why string
}

// TotalMode is _total.
type TotalMode uint8

// Values of _total. TotalNone is the default.
const (
	TotalNone TotalMode = iota
	TotalEstimate
	TotalAccurate
)

// Summary is _summary.
type Summary string

// Values of _summary; the empty one means false.
const (
	SummaryTrue  Summary = "true"
	SummaryText  Summary = "text"
	SummaryData  Summary = "data"
	SummaryCount Summary = "count"
)

// SortKey is one part of _sort.
type SortKey struct {
	Param Param
	Desc  bool
}

// Include is one _include or, with Reverse, _revinclude.
type Include struct {
	Source  string // resource type holding the reference; "" for any (_include=*)
	Param   Param  // its reference parameter; Code "*" means all of them
	Target  string // restricts the target type; "" for any
	Reverse bool
	Iterate bool
}

// Param names a search parameter of one resource type. For a system-wide
// search Type is "Resource". The built-in ones _id and _lastUpdated are
// columns of the store, never index entries.
type Param struct {
	Type string
	Code string
	Kind definitions.SearchType
	// Of, if not "", says which other parameters the values are found under:
	// "Observation.code,Observation.component-code" for one that unites them and
	// has no entries of its own, "Observation.subject:Patient" for one whose
	// entries with a RefID repeat those of subject that refer to a Patient.
	Of string
	// Once says that a resource of Type has at most one entry: known of dates.
	Once bool
}

// Expr is a node of the search tree: one of the types below. Matching has two
// values: a resource without the indexed element does not match (and
// therefore matches Not).
type Expr interface{ expr() }

// And holds when all do; an empty And holds always.
type And []Expr

// Or holds when any does; an empty Or never holds.
type Or []Expr

// Not holds when X does not (modifier :not). Prefix ne is not a Not: it asks
// for a value that differs.
type Not struct{ X Expr }

// TypeIs holds for resources of one of the types.
type TypeIs []string

// IDs holds for resources whose logical id is one of these (_id).
type IDs []string

// LastUpdated compares meta.lastUpdated (_lastUpdated).
type LastUpdated struct {
	Prefix  Prefix
	Range   TimeRange
	Written TimeRange // as Date has it
}

// Missing holds when the resource has no value for Param (Want true), or has
// one (Want false).
type Missing struct {
	Param Param
	Want  bool
}

// Token matches token entries (§3.1.1.4.10). The forms of the parameter:
// code: {AnySystem, Code}; system|code: {System, Code}; |code: {System: "",
// Code}; system|: {System, AnyCode}.
type Token struct {
	Param     Param
	System    string
	Code      string
	AnySystem bool
	AnyCode   bool
	Start     bool // Code is only the beginning (of a MIME type, :below)
}

// Coding is a code of a system.
type Coding struct{ System, Code string }

// Codes matches token entries whose system and code are in a list (:in, :above,
// :below).
type Codes struct {
	Param Param
	List  *CodeList
}

// Text matches the texts that go with tokens and references: one of them, as
// Phrase has it, begins with Value (:text).
type Text struct {
	Param Param
	Value string
}

// Sequence matches texts that have these words, as Words has them, behind each
// other; of the last one, with Begun, only the beginning (_text, _content,
// :text-advanced). The
// texts that Param _content names are all there are.
type Sequence struct {
	Param Param
	Words []string
	Begun bool
}

// StringMode is how a string parameter compares.
type StringMode uint8

// String modes: the default is starts-with on normalised text; :contains on
// normalised text; :exact on the text as written.
const (
	StringStarts StringMode = iota
	StringContains
	StringExact
	StringEquals // the modes from here to StringUpTo are those of _filter, on normalised text
	StringEnds
	StringAbove
	StringBelow
	StringFrom
	StringUpTo
	StringWords // words in a row: Value has a blank before them, and behind them unless the last one may go on
)

// String matches string entries. Value is normalised by Normalize unless the
// mode is StringExact.
type String struct {
	Param Param
	Mode  StringMode
	Value string
}

// Prefix is a comparison prefix of number, date and quantity.
type Prefix string

// Prefixes (§3.1.1.4.5).
const (
	EQ Prefix = "eq"
	NE Prefix = "ne"
	GT Prefix = "gt"
	LT Prefix = "lt"
	GE Prefix = "ge"
	LE Prefix = "le"
	SA Prefix = "sa"
	EB Prefix = "eb"
	AP Prefix = "ap"
	CO Prefix = "co" // of _filter alone, on dates: the entry's range contains the query's
)

// TimeRange is the half-open interval [Lo, Hi) in microseconds since the Unix
// epoch, UTC; MinTime and MaxTime stand for an open end.
type TimeRange struct{ Lo, Hi int64 }

// Open ends of a TimeRange.
const (
	MinTime int64 = -1 << 62
	MaxTime int64 = 1 << 62
)

// Date matches date entries: Prefix compares the entry's range with Range as
// §3.1.1.4.5 defines. For AP the parser has already widened Range, and the
// match is overlap; since that depends on the time, Written has what was asked
// for.
type Date struct {
	Param   Param
	Prefix  Prefix
	Range   TimeRange
	Written TimeRange // of AP that was widened, else zero
}

// NumberRange is the interval [Lo, Hi) that a number written with a given
// precision stands for; Value is the number itself. Comparison is on float64.
type NumberRange struct{ Value, Lo, Hi float64 }

// Number matches number entries.
type Number struct {
	Param  Param
	Prefix Prefix
	Range  NumberRange
}

// Quantity matches quantity entries. With a unit, either the entry's own
// system and code (or its unit text) match, or both are UCUM and the
// canonical values are compared (Canonical not nil).
type Quantity struct {
	Param     Param
	Prefix    Prefix
	Range     NumberRange
	System    string
	Unit      string // code or unit text; "" for any unit
	AnySystem bool
	Canonical *CanonicalQuantity
}

// CanonicalQuantity is a range in canonical UCUM units.
type CanonicalQuantity struct {
	Range NumberRange
	Unit  string
}

// URIMode is how a uri parameter compares.
type URIMode uint8

// URI modes: the default is the whole; :below takes what begins with the value
// up to the end of a path segment, too; :contains finds it anywhere.
const (
	URIExact URIMode = iota
	URIBelow
	URIContains
)

// URI matches uri entries (§3.1.1.4.9).
type URI struct {
	Param Param
	Value string
	Mode  URIMode
}

// Reference matches reference entries. Type and ID for a resource of this
// server (Type "" matches any type); URL, with an optional Version, for
// absolute and canonical ones.
type Reference struct {
	Param   Param
	Type    string
	ID      string
	URL     string
	Version string // canonical business version or history version, "" for any
	Below   bool   // Version is the beginning, up to a full stop (canonicals, :below)
	// Unversioned asks for those that name no version; Version is "" then.
	Unversioned bool
}

// Within holds when a reference in Param points to the resource Type/ID, or to
// one from which that is reached through references in Via, a parameter of
// Type to Type (:below); with Above, or to one that is reached from it (:above).
type Within struct {
	Param Param
	Type  string
	ID    string
	Via   Param
	Above bool
	// Through holds of the resources whose references in Via count; nil: all.
	Through Expr
}

// Composite matches composite entries: one entry all of whose parts satisfy
// Parts, in order. Of the Params of the
// parts only Kind is set.
type Composite struct {
	Param Param
	Parts []Expr // Token, Quantity, Number, Date, String, Reference, URI; each perhaps an Or
}

// Chain holds when a reference in Param points to a resource of type Target, ""
// for any, that satisfies X.
type Chain struct {
	Param  Param
	Target string
	X      Expr
	Former Former
}

// LeavesToken says whether a delete leaves of a resource what it has of the token parameters with
// a code, for chains with Former: only that by which consents tell resources apart.
func LeavesToken(code string) bool { return slices.Contains(leftTokens, code) }

var leftTokens = []string{"_security", "code", "type", "category", "class", "vaccine-code"}

// Former says when a target counts that is deleted: X is then asked of it as it was
// before.
type Former uint8

const (
	// Undeleted counts none.
	Undeleted Former = iota
	// Together counts one where what refers to it is deleted, too, and looked at as it
	// was before.
	Together
	// Even counts any.
	Even
)

// Counts says whether a target that is deleted counts where what refers to it is looked
// at as it was before its own delete, or is not.
func (f Former) Counts(former bool) bool { return f == Even || f == Together && former }

// Has is _has: a resource of type Source whose reference parameter Param
// points here satisfies X.
type Has struct {
	Source string
	Param  Param
	X      Expr
}

// Referred holds when a current resource that satisfies X, of whatever type,
// has a reference entry of any parameter that points here.
type Referred struct{ X Expr }

// Beside holds when X does of something else that goes along with the resource: of what
// this tells about by By (of no Code: of nothing), as it is or as it was before its
// delete, and, where this or that is of Type, of the current resources of other types
// that refer to it, other than by Except, and of what these tell about by About, if it is by
// Aside that they refer to it. No client can ask for it.
type Beside struct {
	By           Param
	Type         string
	Except       []Origin
	About, Aside Param
	X            Expr
}

// Governed holds when the owner has one of the policies in force at At: a Patient
// to whom the resource refers by one of Params, or with Self the resource itself.
// Policies are numbers that the store gave (store.Policy), those above After that
// it gives later; they are the caller's to know, so that Describe and cursors leave
// them out. With Kinds, it holds instead when the owner has a policy of a kind of which
// Each holds, too, or one above After that is of none.
type Governed struct {
	Params   []Param
	Self     bool
	Sole     bool    // a resource refers to one owner at most
	Owner    string  // id of the owner, if the query says who that is: see Owned
	Policies []int64 // in rising order
	Kinds    *Kinds
	Each     *Decisions
	After    int64 // 0: no later ones
	At       int64 // microseconds since the Unix epoch
	// Lacking has it hold instead when one of the owners has none of the policies.
	Lacking bool
}

func (And) expr()         {}
func (Or) expr()          {}
func (Not) expr()         {}
func (TypeIs) expr()      {}
func (IDs) expr()         {}
func (LastUpdated) expr() {}
func (Missing) expr()     {}
func (Token) expr()       {}
func (Codes) expr()       {}
func (Text) expr()        {}
func (Sequence) expr()    {}
func (Within) expr()      {}
func (String) expr()      {}
func (Date) expr()        {}
func (Number) expr()      {}
func (Quantity) expr()    {}
func (URI) expr()         {}
func (Reference) expr()   {}
func (Composite) expr()   {}
func (Chain) expr()       {}
func (Has) expr()         {}
func (Referred) expr()    {}
func (Beside) expr()      {}
func (Governed) expr()    {}
