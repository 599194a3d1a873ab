package search

import (
	"math"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Entry is one index row of a resource: what a parameter's expression found
// in it. Which fields are set depends on Param.Kind:
//
//	token      System, Code (Text: display or text, for :text); Text alone for a concept's own text.
//	           Of identifiers there are others, whose Param is Param.OfType's: System and Code of
//	           the type, with | and the value behind the code
//	string     Norm (Normalize of the text), Text (as written)
//	reference  RefType and RefID for a resource of this server; else URL; Version;
//	           or only System and Code: a Reference.identifier, for :identifier;
//	           or only Text: a Reference.display, for :text
//	uri        URL
//	date       Time
//	number     Number (a single number has Lo == Hi == Value; it is a point)
//	quantity   Number, System, Code, Text (unit); Canonical when it is UCUM
//	special    Point: the place that near looks for
//	composite  Parts: of each only Param.Kind and the fields of that kind are set
//	special    of _text and _content: Norm, a passage of the text as Phrase has it
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

// Phrase is the words that :text compares, and that _text and _content look
// for; "" when an entry has no text beside its value.
func (e *Entry) Phrase() string {
	switch e.Param.Kind {
	case definitions.SearchToken, definitions.SearchReference:
		if e.Text != "" {
			return Phrase(e.Text)
		}
	case definitions.SearchSpecial:
		if e.Param.Code == codeText || e.Param.Code == codeContent {
			return e.Norm
		}
	}
	return ""
}
