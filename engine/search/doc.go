// Package search is FHIR search as one language: a URL becomes a tree of
// expressions, which the same package matches in memory and store/sqldb turns
// into SQL. It also says what a resource is indexed by.
//
// R4 §3.1.1 Search.
//
// # Semantics
//
// Every evaluator (Match here, SQL in store/sqldb) gives exactly these
// results; package searchtest proves it.
//
// Parameters. An entry's Param.Type is the concrete type of its resource. A
// Param in a query names the entries of the same Type and Code; with Type
// "Resource" it names those of the same Code of a resource of any type. A
// resource of another type than Param.Type has no such entry. Kind is the same
// for all entries that a Param names. A leaf (Token, String, Date, Number,
// Quantity, URI, Reference, Composite) holds when at least one entry that its
// Param names satisfies it; it never holds without an entry. Missing looks
// only at whether an entry exists.
//
// Values. Text is compared byte by byte, without regard to language. Times
// are whole microseconds since the epoch, in half-open ranges. Numbers are
// float64.
//
// Date, with the entry's range [tl,th) and the query's [sl,sh) (§3.1.1.4.4,
// §3.1.1.4.7; open ends are MinTime and MaxTime; th > tl always):
//
//	eq  sl <= tl and th <= sh      the query's range contains the entry's
//	ne  not eq                     of this entry
//	gt  th > sh                    something of the entry lies above
//	lt  tl < sl                    something of the entry lies below
//	ge  gt or eq
//	le  lt or eq
//	sa  tl >= sh                   the entry starts after
//	eb  th <= sl                   the entry ends before
//	ap  tl < sh and th > sl        they overlap; the parser has widened [sl,sh)
//	co  tl <= sl and sh <= th      the entry's range contains the query's (_filter only)
//
// LastUpdated is Date with the one entry [t, t+1) where t is meta.lastUpdated.
//
// Number, with the entry's Lo and Hi (both inclusive; equal for a single
// number; MinNumber and MaxNumber for an open end) and the query's Value, Lo
// and Hi. The query's [Lo,Hi) is what its written precision stands for: 5.4 is
// [5.35,5.45). Comparisons other than eq, ne and ap ignore precision
// (§3.1.1.4.6):
//
//	eq  entry.Lo >= Lo and entry.Hi < Hi
//	ne  not eq
//	gt  entry.Hi > Value
//	lt  entry.Lo < Value
//	ge  entry.Hi >= Value
//	le  entry.Lo <= Value
//	sa  entry.Lo > Value
//	eb  entry.Hi < Value
//	ap  entry.Lo < Hi and entry.Hi >= Lo      the parser has widened [Lo,Hi)
//
// Quantity is Number over entry.Number and entry.Number's unit; by the fields
// of the query an entry counts when
//
//	AnySystem, Unit ""       always
//	AnySystem, Unit u        entry.Code == u or entry.Text == u
//	System s, Unit ""        entry.System == s
//	System s, Unit u         entry.System == s and entry.Code == u
//
// and it also satisfies the query when both have a Canonical of the same Unit
// and the comparison holds of the two canonical ranges. It is a plain or.
//
// Token, with the entry's System and Code (in lower case for elements of type
// string, whose tokens have no case):
//
//	AnySystem, Code c        entry.Code == c
//	System s, Code c         entry.System == s and entry.Code == c   (s "" means: no system)
//	System s, AnyCode        entry.System == s
//
// With Start, entry.Code begins with Code. Codes holds when the list has
// entry.System and entry.Code together.
//
// A Token on a parameter of kind reference (modifier :identifier) looks only
// at entries with neither RefID nor URL, which carry the System and Code of
// Reference.identifier. A CodeableConcept whose text says something else than
// its codings gives one more token entry with Text alone, and so does the display
// of a Reference; no Token matches it, Missing sees it. The types of identifiers
// are token entries of a parameter of their own (Param.OfType).
//
// Text holds when entry.Phrase() begins with Value. Sequence holds when the words
// of entry.Phrase() have Words in a row, the last one only beginning so with
// Begun; its Param _content names every entry that has a phrase. Longer texts
// are entries of _text and _content in passages of up to 200 words, neighbours of
// which share 16. Texts of _content that are apart have a word between them that
// no query can have.
//
// String: StringStarts holds when entry.Norm begins with Value, StringContains
// when Value occurs in entry.Norm (wildcard characters have no meaning),
// StringExact when entry.Text == Value.
//
// The further modes are those of _filter and compare Norm with Value: equal, ends
// with, after, before, from, up to. StringWords holds when Value occurs in Norm with
// a blank before and behind it.
//
// URI: entry.URL == Value; with URIBelow also when it begins with Value and one
// of SegmentEnds; with URIContains when it has Value anywhere.
//
// Near: the squared distance of entry.Point and Point, computed as Point.Chord2
// does, is at most Chord2.
//
// Other holds when at least one entry that X's Param names does not satisfy X.
// Token entries without System and Code are passed over.
//
// Reference: with URL set, entry.URL == URL; else entry.RefID == ID and (Type
// is "" or entry.RefType == Type). In both, Version is "" or equals
// entry.Version, or with Below entry.Version begins with it and a full stop; with
// Unversioned entry.Version is "".
//
// Within holds when an entry that Param names refers to a resource of a set:
// Type/ID, and what is below it: current resources of type Type with an entry
// that Via names referring to one of the set; with Above instead what an entry
// that Via names of a current resource of the set refers to, if it is of Type.
// With Through only entries of resources that satisfy it count as Via's.
//
// Composite: one entry with as many Parts, the n-th of which satisfies the
// n-th Expr: a leaf, or an Or of leaves. Parameters of the parts are not
// compared.
//
// Chain holds when some entry that Param names has a RefID, RefType == Target
// (Target "" being any), and the current resource RefType/RefID exists, is not
// deleted and satisfies X. Has
// holds when some current resource of type Source has an entry that Param
// names whose RefType and RefID are this resource, and satisfies X. Referred is
// Has of any Source and any reference parameter. Versions of references are
// ignored by all three, and by Beside.
//
// Contained resources are no resources of the server: nothing finds them, and
// Chain does not lead to them. The parser adds to a chain what it asks of them:
// see inside.go. _contained is left to the caller: see contained.go.
//
// Not, And, Or are boolean: there is no third value. Not{X} holds of resources
// without any entry.
//
// Order. A sort key takes one value of each resource: the smallest for
// ascending, the greatest for descending, over the entries that its Param
// names:
//
//	date       Time.Lo, in both directions
//	number     Number.Value
//	quantity   Canonical.Range.Value when Canonical is set, else Number.Value
//	string     Norm
//	token      Code, of entries whose Code is not ""
//	reference  RefType + "/" + RefID when RefID is set, else URL when set
//	uri        URL
//
// Resources without a value come last in both directions. _id is compared as
// text, _lastUpdated as time. Ties of all keys are in order of first creation,
// oldest first, whatever the direction. Composite and special parameters cannot
// be sorted by.
//
// A query without keys has the order that is cheapest for the searcher; here it
// is that of first creation. All pages of a walk are in one order. Whatever order
// that is, a resource comes exactly once if it does not change while the pages
// are read, nor what a chain or Has finds it by.
//
// Limits. Norm is cut to at most MaxText bytes between characters; every other
// text field of an entry, and every query value but that of StringStarts and
// StringContains, has gone through Bound, which keeps equality exact. So no
// text of an entry exceeds MaxText bytes.
package search
