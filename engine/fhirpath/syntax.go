package fhirpath

// SyntaxKind is the kind of a node of the syntax tree.
type SyntaxKind uint8

// The kinds, with what Text holds.
const (
	SyntaxEmpty    SyntaxKind = iota // {}
	SyntaxBoolean                    // true, false
	SyntaxString                     // the string, unescaped
	SyntaxNumber                     // digits as written
	SyntaxLong                       // digits without the L
	SyntaxDate                       // without @
	SyntaxDateTime                   // without @
	SyntaxTime                       // without @T
	SyntaxQuantity                   // digits as written; Unit is the unit
	SyntaxVariable                   // the name without %
	SyntaxThis                       // this, index or total
	SyntaxMember                     // the element's name
	SyntaxCall                       // the function's name
	SyntaxIndexer                    // [ ]; Args[0] is the index
	SyntaxPolarity                   // + or -; Args[0] is the operand
	SyntaxBinary                     // the operator; Args are the operands
	SyntaxType                       // is or as; Args[0] is the operand, Unit the type
	SyntaxInstance                   // type name; Names and Args are the elements
)

var syntaxKindNames = [...]string{"EmptyCollection", "Boolean", "String", "Number", "Long", "Date", "DateTime", "Time",
	"Quantity", "Variable", "Axis", "Member", "Function", "Indexer", "Polarity", "Operator", "TypeOperator", "Instance"}

// String is the kind's name as debug trees show it.
func (k SyntaxKind) String() string { return syntaxKindNames[k] }

// Syntax is a node of the tree that an expression was parsed into. It is
// immutable.
type Syntax struct {
	Kind  SyntaxKind
	Text  string
	Unit  string    // unit of a quantity; type of is and as ("FHIR.Patient")
	Input *Syntax   // what stands before the dot or bracket; nil for the focus
	Args  []*Syntax // arguments or operands
	Names []string  // element names of an instance selector
	// Calendar marks a quantity whose unit is a keyword such as days.
	Calendar bool
	// Descending marks an argument of sort that was followed by desc.
	Descending bool
	Line       int // 1-based position of the token that names the node
	Column     int
	Start, End int // byte offsets of the whole node in the source

	depth int
}

func (s *Syntax) semanticError(message string) error {
	return &SemanticError{Line: s.Line, Column: s.Column, Message: message}
}
