package search

import "math"

// Entry is one index row of a resource: what a parameter's expression found
// in it. Which fields are set depends on Param.Kind:
//
//	token      System, Code (Text: display or text, for :text); Text alone for a concept's own text
//	string     Norm (Normalize of the text), Text (as written)
//	reference  RefType and RefID for a resource of this server; else URL; Version;
//	           or only System, Code and Text: a Reference.identifier, for :identifier
//	uri        URL
//	date       Time
//	number     Number (a single number has Lo == Hi == Value; it is a point)
//	quantity   Number, System, Code, Text (unit); Canonical when it is UCUM
//	special    Point: the place that near looks for
//	composite  Parts: of each only Param.Kind and the fields of that kind are set
//
// The door recomputes entries only from a resource's own bytes, so the same
// resource always gives the same entries in the same order, without
// duplicates.
type Entry struct {
	Param     Param
	System    string
	Code      string
	Text      string
	Norm      string
	RefType   string
	RefID     string
	URL       string
	Version   string
	Time      TimeRange
	Number    NumberRange
	Canonical *CanonicalQuantity
	Point     Point
	Parts     []Entry
}

// MaxText is the most bytes that a text field of an Entry holds.
const MaxText = 1000

// Open ends of an entry's NumberRange: a Range without high, a Quantity with
// comparator.
const (
	MinNumber = -math.MaxFloat64
	MaxNumber = math.MaxFloat64
)
