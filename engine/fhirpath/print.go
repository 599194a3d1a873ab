package fhirpath

import (
	"strings"
)

// String writes the tree as an expression that parses into the same tree.
func (s *Syntax) String() string {
	var b strings.Builder
	s.print(&b, 0)
	return b.String()
}

// power is how tightly a node binds as an operand.
func (s *Syntax) power() int {
	switch s.Kind {
	case SyntaxBinary, SyntaxType:
		return binding[s.Text]
	case SyntaxPolarity:
		return polarityPower
	}
	return polarityPower + 1
}

// print writes s, in parentheses when it binds looser than least.
func (s *Syntax) print(b *strings.Builder, least int) {
	if s.power() < least {
		b.WriteByte('(')
		s.print(b, 0)
		b.WriteByte(')')
		return
	}
	switch s.Kind {
	case SyntaxEmpty:
		b.WriteString("{}")
	case SyntaxBoolean, SyntaxNumber:
		b.WriteString(s.Text)
	case SyntaxLong:
		b.WriteString(s.Text + "L")
	case SyntaxString:
		quote(b, s.Text, '\'')
	case SyntaxDate, SyntaxDateTime:
		b.WriteString("@" + s.Text)
	case SyntaxTime:
		b.WriteString("@T" + s.Text)
	case SyntaxQuantity:
		b.WriteString(s.Text + " ")
		if s.Calendar {
			b.WriteString(s.Unit)
		} else {
			quote(b, s.Unit, '\'')
		}
	case SyntaxVariable:
		b.WriteByte('%')
		name(b, s.Text)
	case SyntaxThis:
		b.WriteString("$" + s.Text)
	case SyntaxPolarity:
		b.WriteString(s.Text)
		// --1 would begin no operand that the grammar has; - -1 and -(-1) do.
		s.Args[0].print(b, polarityPower+1)
	case SyntaxBinary:
		s.Args[0].print(b, binding[s.Text])
		b.WriteString(" " + s.Text + " ")
		s.Args[1].print(b, binding[s.Text]+1)
	case SyntaxType:
		s.Args[0].print(b, binding[s.Text])
		b.WriteString(" " + s.Text + " ")
		typeSpecifier(b, s.Unit)
	case SyntaxIndexer:
		s.Input.print(b, polarityPower+1)
		b.WriteByte('[')
		s.Args[0].print(b, 0)
		b.WriteByte(']')
	case SyntaxInstance:
		s.printInstance(b)
	case SyntaxMember, SyntaxCall:
		if s.Input != nil {
			s.Input.print(b, polarityPower+1)
			b.WriteByte('.')
		}
		if s.Kind == SyntaxMember {
			name(b, s.Text)
			return
		}
		b.WriteString(s.Text + "(")
		for i, a := range s.Args {
			if i > 0 {
				b.WriteString(", ")
			}
			a.print(b, 0)
			if a.Descending {
				b.WriteString(" desc")
			}
		}
		b.WriteByte(')')
	}
}

func (s *Syntax) printInstance(b *strings.Builder) {
	typeSpecifier(b, s.Text)
	b.WriteString(" { ")
	for i, a := range s.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		name(b, s.Names[i])
		b.WriteString(": ")
		a.print(b, 0)
	}
	if len(s.Args) == 0 {
		b.WriteByte(':')
	}
	b.WriteString(" }")
}

func typeSpecifier(b *strings.Builder, qualified string) {
	space, local, ok := strings.Cut(qualified, ".")
	name(b, space)
	if ok {
		b.WriteByte('.')
		name(b, local)
	}
}

// name writes an identifier, delimited when its characters need it or a
// keyword would be read.
func name(b *strings.Builder, text string) {
	plain := text != "" && isLetter(text[0]) && !reserved[text]
	for i := range len(text) {
		plain = plain && (isLetter(text[i]) || isDigit(text[i]))
	}
	if _, operator := binding[text]; operator || calendarUnits[text] != "" || text == "asc" || text == "desc" {
		plain = false
	}
	if plain {
		b.WriteString(text)
		return
	}
	quote(b, text, '`')
}

func quote(b *strings.Builder, text string, mark byte) {
	const hex = "0123456789abcdef"
	b.WriteByte(mark)
	for _, r := range text {
		switch {
		case r == rune(mark) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ':
			b.WriteString(`\u00` + string(hex[r>>4]) + string(hex[r&15]))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(mark)
}
