package ucum

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/fault"
)

var errBounds = errors.New("makes the unit's factor or exponents too large")

// SyntaxError says why a text is not a unit.
type SyntaxError struct {
	Unit       string // the whole text
	Offset     int    // byte at which Part stands
	Part       string // the offending part; "" at the end of the text
	Reason     string // follows Part as a predicate
	Suggestion string // what to write in place of Part, or ""
}

func (e *SyntaxError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "unit %q: ", fault.Shorten(e.Unit))
	if e.Part != "" {
		fmt.Fprintf(&b, "%q ", fault.Shorten(e.Part))
	}
	fmt.Fprintf(&b, "%s (position %d)", e.Reason, e.Offset+1)
	if e.Suggestion != "" {
		fmt.Fprintf(&b, "; write %q", e.Suggestion)
	}
	return b.String()
}

// DimensionError says that two units do not convert into each other.
type DimensionError struct{ From, To Unit }

func (e *DimensionError) Error() string {
	return fmt.Sprintf("unit %q (%s) does not convert into %q (%s)", e.From, e.From.Canonical(), e.To, e.To.Canonical())
}

// ScaleError says that a unit is on a scale of its own, where products and
// quotients have no meaning.
type ScaleError struct{ Unit Unit }

func (e *ScaleError) Error() string {
	return fmt.Sprintf("unit %q is on a scale of its own: its values cannot be multiplied or divided", e.Unit)
}

// ValueError says that a value cannot be converted.
type ValueError struct{ Value, Reason string }

func (e *ValueError) Error() string { return fmt.Sprintf("value %s %s", e.Value, e.Reason) }

func (p *parser) fault(offset int, part, reason string) error {
	return &SyntaxError{Unit: p.src, Offset: offset, Part: part, Reason: reason}
}

func (p *parser) outsideASCII(offset int) error {
	r, n := utf8.DecodeRuneInString(p.src[offset:])
	e := &SyntaxError{Unit: p.src, Offset: offset, Part: p.src[offset : offset+n], Reason: "is not allowed in a unit, which is printable ASCII without blanks"}
	switch r {
	case '\u00b5', '\u03bc':
		e.Suggestion = "u"
	case 'Ω', '\u2126':
		e.Suggestion = "Ohm"
	case '°':
		e.Suggestion = "deg"
		if rest := p.src[offset+n:]; strings.HasPrefix(rest, "C") {
			e.Suggestion = "Cel"
		} else if strings.HasPrefix(rest, "F") {
			e.Suggestion = "[degF]"
		}
	case '·', '×', '⋅':
		e.Suggestion = "."
	case '²':
		e.Suggestion = "2"
	case '³':
		e.Suggestion = "3"
	}
	return e
}

func (p *parser) unknown(offset int, symbol string) error {
	return &SyntaxError{Unit: p.src, Offset: offset, Part: symbol, Reason: "is not a unit", Suggestion: p.table.suggest(symbol)}
}
