package ucum

import (
	"strconv"
	"strings"
)

// expression is a product and quotient of components, to be taken from left
// to right (UCUM §7, §10).
type expression struct{ components []component }

// component is one of: a unit with prefix and exponent, a number, an
// expression in parentheses, or nothing but an annotation.
type component struct {
	divide bool
	offset int
	text   string
	atom   *atom
	prefix *prefix
	exp    int
	number string
	group  *expression
}

type parser struct {
	src   string
	pos   int
	depth int
	table *table
}

// parse reads text by UCUM's grammar (§4 to §12).
func parse(text string) (*expression, error) {
	p := &parser{src: text, table: units()}
	if len(text) > MaxLength {
		return nil, p.fault(MaxLength, "", "a unit has at most "+strconv.Itoa(MaxLength)+" characters")
	}
	for i := range len(text) {
		if c := text[i]; c < '!' || c > '~' {
			return nil, p.outsideASCII(i)
		}
	}
	x := &expression{}
	if text == "" {
		return x, nil
	}
	divide := p.accept('/')
	if err := p.term(x, divide); err != nil {
		return nil, err
	}
	if p.pos < len(p.src) {
		return nil, p.fault(p.pos, p.src[p.pos:p.pos+1], "is not expected here")
	}
	return x, nil
}

// term reads component { ("." | "/") component }.
func (p *parser) term(x *expression, divide bool) error {
	for {
		c, err := p.component()
		if err != nil {
			return err
		}
		c.divide = divide
		x.components = append(x.components, c)
		switch {
		case p.accept('.'):
			divide = false
		case p.accept('/'):
			divide = true
		default:
			return nil
		}
	}
}

func (p *parser) component() (component, error) {
	start := p.pos
	switch {
	case p.pos == len(p.src):
		return component{}, p.fault(p.pos, "", "a unit is expected after "+strconv.Quote(p.src[p.pos-1:]))
	case p.src[p.pos] == '(':
		return p.group()
	case p.src[p.pos] == '{':
		err := p.annotation()
		return component{offset: start, text: p.src[start:p.pos], exp: 1}, err
	}
	if err := p.scan(); err != nil {
		return component{}, err
	}
	text := p.src[start:p.pos]
	if text == "" {
		return component{}, p.fault(p.pos, p.src[p.pos:p.pos+1], "is not expected here; a unit is")
	}
	c, err := p.simple(start, text)
	if err != nil {
		return component{}, err
	}
	if p.pos < len(p.src) && p.src[p.pos] == '{' {
		if err := p.annotation(); err != nil {
			return component{}, err
		}
	}
	if p.pos < len(p.src) && !strings.ContainsRune("./)", rune(p.src[p.pos])) {
		return component{}, p.fault(p.pos, p.src[p.pos:], `must be joined to what is before it by "." or "/"`)
	}
	return c, nil
}

func (p *parser) group() (component, error) {
	start := p.pos
	if p.depth++; p.depth > MaxNesting {
		return component{}, p.fault(p.pos, "(", "is nested too deep")
	}
	p.pos++
	x := &expression{}
	if err := p.term(x, p.accept('/')); err != nil {
		return component{}, err
	}
	if !p.accept(')') {
		return component{}, p.fault(start, p.src[start:], `lacks its ")"`)
	}
	p.depth--
	if p.pos < len(p.src) && p.src[p.pos] == '{' {
		if err := p.annotation(); err != nil {
			return component{}, err
		}
	}
	if p.pos < len(p.src) && !strings.ContainsRune("./)", rune(p.src[p.pos])) {
		return component{}, p.fault(p.pos, p.src[p.pos:], `must be joined to what is before it by "." or "/"; a unit in parentheses has no exponent`)
	}
	return component{offset: start, text: p.src[start:p.pos], group: x, exp: 1}, nil
}

// annotation reads {…}, which has no meaning to a unit's value (§12).
func (p *parser) annotation() error {
	start := p.pos
	n := strings.IndexAny(p.src[p.pos+1:], "{}")
	if n < 0 || p.src[p.pos+1+n] == '{' {
		return p.fault(start, p.src[start:], `lacks its "}"`)
	}
	p.pos += n + 2
	if p.pos < len(p.src) && !strings.ContainsRune("./)", rune(p.src[p.pos])) {
		return p.fault(p.pos, p.src[p.pos:], `follows an annotation; it must be joined by "." or "/"`)
	}
	return nil
}

// scan moves over one symbol with its exponent: up to an operator, save
// within square brackets.
func (p *parser) scan() error {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case '.', '/', '(', ')', '{', '}':
			return nil
		case '[':
			n := strings.IndexByte(p.src[p.pos:], ']')
			if n < 0 {
				return p.fault(p.pos, p.src[p.pos:], `lacks its "]"`)
			}
			p.pos += n
		}
		p.pos++
	}
	return nil
}

// simple reads a number, or prefix, unit and exponent.
func (p *parser) simple(offset int, text string) (component, error) {
	c := component{offset: offset, text: text, exp: 1}
	symbol := strings.TrimRight(text, "0123456789")
	if symbol == "" {
		c.number = text
		if strings.Trim(text, "0") == "" {
			return c, p.fault(offset, text, "cannot be a factor")
		}
		return c, nil
	}
	digits := text[len(symbol):]
	if digits != "" {
		if last := symbol[len(symbol)-1]; (last == '-' || last == '+') && len(symbol) > 1 {
			symbol, digits = symbol[:len(symbol)-1], text[len(symbol)-1:]
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n > MaxExponent || n < -MaxExponent {
			return c, p.fault(offset, text, "has an exponent beyond "+strconv.Itoa(MaxExponent))
		}
		c.exp = n
	}
	var ok bool
	if c.prefix, c.atom, ok = p.table.symbol(symbol); !ok {
		return c, p.unknown(offset, symbol)
	}
	return c, nil
}

func (p *parser) accept(c byte) bool {
	if p.pos < len(p.src) && p.src[p.pos] == c {
		p.pos++
		return true
	}
	return false
}
