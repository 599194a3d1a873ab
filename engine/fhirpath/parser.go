package fhirpath

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds on what Compile accepts.
const (
	maxSource = 64 << 10
	maxDepth  = 500
	maxNested = 150
)

// Binding powers of the binary operators, loosest first.
// FHIRPath §6.8 Operator Precedence.
var binding = map[string]int{
	"implies": 1,
	"or":      2, "xor": 2,
	"and": 3,
	"in":  4, "contains": 4,
	"=": 5, "~": 5, "!=": 5, "!~": 5,
	"<": 6, "<=": 6, ">": 6, ">=": 6,
	"|":  7,
	"is": 8, "as": 8,
	"+": 9, "-": 9, "&": 9,
	"*": 10, "/": 10, "div": 10, "mod": 10,
}

const polarityPower = 11

// calendarUnits maps the keywords of calendar durations to the singular.
var calendarUnits = map[string]string{
	"year": "year", "years": "year", "month": "month", "months": "month", "week": "week", "weeks": "week",
	"day": "day", "days": "day", "hour": "hour", "hours": "hour", "minute": "minute", "minutes": "minute",
	"second": "second", "seconds": "second", "millisecond": "millisecond", "milliseconds": "millisecond",
}

// parser is a Pratt parser over the lexer's tokens with one token of
// lookahead.
type parser struct {
	lex   *lexer
	tok   token
	last  token // the token before tok
	nests int
}

// parse turns source text into a tree; the error is a *SyntaxError.
func parse(src string) (*Syntax, error) {
	if len(src) > maxSource {
		return nil, &SyntaxError{Line: 1, Column: 1, Message: fmt.Sprintf("the expression is longer than %d bytes", maxSource)}
	}
	if !utf8.ValidString(src) {
		return nil, &SyntaxError{Line: 1, Column: 1, Message: "the expression is not valid UTF-8"}
	}
	p := &parser{lex: newLexer(src)}
	if err := p.advance(); err != nil {
		return nil, err
	}
	s, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, p.unexpected("an operator or the end of the expression")
	}
	return s, nil
}

func (p *parser) advance() error {
	p.last = p.tok
	var err error
	p.tok, err = p.lex.next()
	return err
}

func (p *parser) unexpected(expected string) error {
	e := &SyntaxError{Line: p.tok.line, Column: p.tok.column,
		Message: "found " + p.tok.describe() + " where " + expected + " was expected"}
	switch {
	case p.tok.kind == tokEnd && strings.Contains(expected, "')'"):
		e.Hint = "a parenthesis is not closed"
	case p.tok.symbol("=") && p.last.symbol("="):
		e.Hint = "equality is one ="
	case p.last.kind == tokTime:
		e.Hint = "a time has no time zone"
	}
	return e
}

func (p *parser) expect(symbol, expected string) error {
	if !p.tok.symbol(symbol) {
		return p.unexpected(expected)
	}
	return p.advance()
}

// finish sets the extent of s and refuses trees that are too deep.
func (p *parser) finish(s *Syntax, start int) (*Syntax, error) {
	s.Start, s.End = start, p.last.end
	depth := 0
	if s.Input != nil {
		depth = s.Input.depth
	}
	for _, a := range s.Args {
		depth = max(depth, a.depth)
	}
	s.depth = depth + 1
	if s.depth > maxDepth {
		return nil, &SyntaxError{Line: s.Line, Column: s.Column, Message: fmt.Sprintf("the expression is more than %d levels deep", maxDepth)}
	}
	return s, nil
}

// operator returns the binary operator at the current token, or "".
func (p *parser) operator() string {
	if p.tok.kind != tokSymbol && p.tok.kind != tokIdentifier {
		return ""
	}
	if _, ok := binding[p.tok.text]; ok {
		return p.tok.text
	}
	return ""
}

// expression parses operators that bind tighter than power.
func (p *parser) expression(power int) (*Syntax, error) {
	p.nests++
	defer func() { p.nests-- }()
	if p.nests > maxNested {
		return nil, &SyntaxError{Line: p.tok.line, Column: p.tok.column, Message: fmt.Sprintf("more than %d nested expressions", maxNested)}
	}
	left, err := p.prefix()
	if err != nil {
		return nil, err
	}
	for {
		op := p.operator()
		if op == "" || binding[op] <= power {
			return left, nil
		}
		s := &Syntax{Kind: SyntaxBinary, Text: op, Line: p.tok.line, Column: p.tok.column}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if op == "is" || op == "as" {
			s.Kind, s.Args = SyntaxType, []*Syntax{left}
			if s.Unit, err = p.typeName(); err != nil {
				return nil, err
			}
		} else {
			right, err := p.expression(binding[op])
			if err != nil {
				return nil, err
			}
			s.Args = []*Syntax{left, right}
		}
		if left, err = p.finish(s, left.Start); err != nil {
			return nil, err
		}
	}
}

// prefix parses a sign with its operand, or a term with what follows it by
// dots and brackets.
func (p *parser) prefix() (*Syntax, error) {
	if p.tok.symbol("+") || p.tok.symbol("-") {
		s := &Syntax{Kind: SyntaxPolarity, Text: p.tok.text, Line: p.tok.line, Column: p.tok.column}
		start := p.tok.start
		if err := p.advance(); err != nil {
			return nil, err
		}
		operand, err := p.expression(polarityPower)
		if err != nil {
			return nil, err
		}
		s.Args = []*Syntax{operand}
		return p.finish(s, start)
	}
	left, err := p.term()
	for err == nil {
		switch {
		case p.tok.symbol("."):
			if err = p.advance(); err == nil {
				left, err = p.invocation(left)
			}
		case p.tok.symbol("["):
			s := &Syntax{Kind: SyntaxIndexer, Input: left, Line: p.tok.line, Column: p.tok.column}
			if err = p.advance(); err != nil {
				return nil, err
			}
			var index *Syntax
			if index, err = p.expression(0); err != nil {
				return nil, err
			}
			s.Args = []*Syntax{index}
			if err = p.expect("]", "']'"); err != nil {
				return nil, err
			}
			left, err = p.finish(s, left.Start)
		default:
			return left, nil
		}
	}
	return nil, err
}

// reserved are the keywords that cannot name an element without delimiters at
// the start of a term. After a dot nothing else than a name can stand, and
// HL7's own expressions have text.div there.
var reserved = map[string]bool{"and": true, "or": true, "xor": true, "implies": true, "div": true, "mod": true, "true": true, "false": true}

// invocation parses a member, function or axis; input is nil at the start of
// a term.
func (p *parser) invocation(input *Syntax) (*Syntax, error) {
	t := p.tok
	s := &Syntax{Kind: SyntaxMember, Text: t.text, Input: input, Line: t.line, Column: t.column}
	start := t.start
	if input != nil {
		start = input.Start
	}
	switch {
	case t.kind == tokVariable:
		s.Kind = SyntaxThis
		if input != nil && t.text != "this" {
			return nil, p.unexpected("an element or function")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if input != nil {
			// x.$this is x.
			return input, nil
		}
		return p.finish(s, start)
	case t.kind == tokIdentifier && reserved[t.text] && input == nil,
		t.kind != tokIdentifier && t.kind != tokDelimited:
		return nil, p.unexpected("the name of an element or function")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if t.kind == tokIdentifier && p.tok.symbol("(") {
		s.Kind = SyntaxCall
		if err := p.arguments(s); err != nil {
			return nil, err
		}
	}
	return p.finish(s, start)
}

// arguments parses ( a, b ... ) of call s; in sort an argument may be
// followed by asc or desc.
func (p *parser) arguments(s *Syntax) error {
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.symbol(")") {
		return p.advance()
	}
	for {
		arg, err := p.expression(0)
		if err != nil {
			return err
		}
		if s.Text == "sort" && (p.tok.keyword("asc") || p.tok.keyword("desc")) {
			arg.Descending = p.tok.text == "desc"
			if err := p.advance(); err != nil {
				return err
			}
		}
		s.Args = append(s.Args, arg)
		if !p.tok.symbol(",") {
			return p.expect(")", "',' or ')'")
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
}

// typeName parses Name or Namespace.Name.
func (p *parser) typeName() (string, error) {
	if p.tok.kind != tokIdentifier && p.tok.kind != tokDelimited {
		return "", p.unexpected("the name of a type")
	}
	name := p.tok.text
	if err := p.advance(); err != nil {
		return "", err
	}
	if !p.tok.symbol(".") {
		return name, nil
	}
	if err := p.advance(); err != nil {
		return "", err
	}
	if p.tok.kind != tokIdentifier && p.tok.kind != tokDelimited {
		return "", p.unexpected("the name of a type")
	}
	name += "." + p.tok.text
	return name, p.advance()
}
