package fhirpath

// tokenKind is the lexical class of a token.
type tokenKind uint8

const (
	tokEnd        tokenKind = iota
	tokIdentifier           // name, `delimited name`
	tokDelimited
	tokString
	tokNumber   // 12, 1.5
	tokLong     // 12L
	tokDate     // @2015-02
	tokDateTime // @2015-02-04T14
	tokTime     // @T14:30
	tokSymbol   // + - * / & | ~ . , ( ) [ ] { } = != !~ < <= > >= % :
	tokVariable // $this, $index, $total
)

// token is one lexical element. text is its meaning: unescaped for strings
// and delimited identifiers, without the @ for temporal literals.
type token struct {
	kind         tokenKind
	text         string
	start, end   int // byte offsets in the source
	line, column int
}

// describe names the token in an error message.
func (t token) describe() string {
	switch t.kind {
	case tokEnd:
		return "the end of the expression"
	case tokString:
		return "the string '" + t.text + "'"
	case tokNumber, tokLong:
		return "the number " + t.text
	case tokDate, tokDateTime, tokTime:
		return "the literal @" + t.text
	case tokVariable:
		return "$" + t.text
	default:
		return "'" + t.text + "'"
	}
}

func (t token) symbol(s string) bool  { return t.kind == tokSymbol && t.text == s }
func (t token) keyword(s string) bool { return t.kind == tokIdentifier && t.text == s }
