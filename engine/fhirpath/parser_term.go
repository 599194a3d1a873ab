package fhirpath

// term parses a literal, variable, parenthesis or the first invocation.
func (p *parser) term() (*Syntax, error) {
	t := p.tok
	s := &Syntax{Text: t.text, Line: t.line, Column: t.column}
	switch t.kind {
	case tokString:
		s.Kind = SyntaxString
	case tokNumber:
		return p.number(s)
	case tokLong:
		s.Kind = SyntaxLong
	case tokDate:
		s.Kind = SyntaxDate
	case tokDateTime:
		s.Kind = SyntaxDateTime
	case tokTime:
		s.Kind, s.Text = SyntaxTime, t.text[1:]
	case tokIdentifier:
		if t.text != "true" && t.text != "false" {
			return p.instanceOrInvocation()
		}
		s.Kind = SyntaxBoolean
	case tokDelimited:
		return p.instanceOrInvocation()
	case tokVariable:
		return p.invocation(nil)
	case tokSymbol:
		switch t.text {
		case "(":
			return p.parenthesis()
		case "{":
			return p.empty(s)
		case "%":
			return p.variable(s)
		}
		return nil, p.unexpected("a value, element or function")
	default:
		return nil, p.unexpected("a value, element or function")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return p.checked(s, t.start)
}

// checked refuses temporal literals that no calendar has.
func (p *parser) checked(s *Syntax, start int) (*Syntax, error) {
	var ok bool
	switch s.Kind {
	case SyntaxDate:
		_, ok = parseDate(s.Text)
	case SyntaxDateTime:
		_, ok = parseDateTime(s.Text)
	case SyntaxTime:
		_, ok = parseTime(s.Text)
	default:
		ok = true
	}
	if !ok {
		return nil, &SyntaxError{Line: s.Line, Column: s.Column, Message: "'" + s.Text + "' is not a date or time that exists"}
	}
	return p.finish(s, start)
}

// number parses a number and, when a unit follows, a quantity.
func (p *parser) number(s *Syntax) (*Syntax, error) {
	start := p.tok.start
	s.Kind = SyntaxNumber
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch p.tok.kind {
	case tokString:
		s.Kind, s.Unit = SyntaxQuantity, p.tok.text
	case tokIdentifier:
		unit, ok := calendarUnits[p.tok.text]
		if !ok {
			return p.finish(s, start)
		}
		s.Kind, s.Unit, s.Calendar = SyntaxQuantity, unit, true
	default:
		return p.finish(s, start)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return p.finish(s, start)
}

func (p *parser) parenthesis() (*Syntax, error) {
	start := p.tok.start
	if err := p.advance(); err != nil {
		return nil, err
	}
	s, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if err := p.expect(")", "an operator or ')'"); err != nil {
		return nil, err
	}
	s.Start, s.End = start, p.last.end
	return s, nil
}

func (p *parser) empty(s *Syntax) (*Syntax, error) {
	start := p.tok.start
	s.Kind, s.Text = SyntaxEmpty, ""
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("}", "'}'"); err != nil {
		return nil, err
	}
	return p.finish(s, start)
}

// variable parses %name, %`name` or %'name'.
func (p *parser) variable(s *Syntax) (*Syntax, error) {
	start := p.tok.start
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch p.tok.kind {
	case tokIdentifier, tokDelimited, tokString:
	default:
		return nil, p.unexpected("the name of a variable")
	}
	s.Kind, s.Text = SyntaxVariable, p.tok.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	return p.finish(s, start)
}

// instanceOrInvocation tells Name { ... } from a member or function.
func (p *parser) instanceOrInvocation() (*Syntax, error) {
	first := p.tok
	s, err := p.invocation(nil)
	if err != nil || s.Kind != SyntaxMember {
		return s, err
	}
	name := s.Text
	if name == "FHIR" || name == "System" {
		if mark := *p.lex; p.tok.symbol(".") {
			tok, last := p.tok, p.last
			if err := p.advance(); err != nil {
				return nil, err
			}
			if p.tok.kind == tokIdentifier || p.tok.kind == tokDelimited {
				qualified := name + "." + p.tok.text
				if err := p.advance(); err != nil {
					return nil, err
				}
				if p.tok.symbol("{") {
					return p.instance(qualified, first)
				}
			}
			*p.lex, p.tok, p.last = mark, tok, last
		}
	}
	if p.tok.symbol("{") {
		return p.instance(name, first)
	}
	return s, nil
}

// instance parses the braces of an instance selector, Quantity { value: 1 }.
// FHIRPath 3.0 §4.1.10.
func (p *parser) instance(name string, first token) (*Syntax, error) {
	s := &Syntax{Kind: SyntaxInstance, Text: name, Line: first.line, Column: first.column}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.symbol(":") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if err := p.expect("}", "'}'"); err != nil {
			return nil, err
		}
		return p.finish(s, first.start)
	}
	for {
		if p.tok.kind != tokIdentifier && p.tok.kind != tokDelimited {
			return nil, p.unexpected("the name of an element")
		}
		s.Names = append(s.Names, p.tok.text)
		if err := p.advance(); err != nil {
			return nil, err
		}
		if err := p.expect(":", "':'"); err != nil {
			return nil, err
		}
		value, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		s.Args = append(s.Args, value)
		if !p.tok.symbol(",") {
			break
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if err := p.expect("}", "',' or '}'"); err != nil {
		return nil, err
	}
	return p.finish(s, first.start)
}
