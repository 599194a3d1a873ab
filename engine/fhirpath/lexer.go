package fhirpath

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// lexer cuts the source into tokens; comments and white space are dropped.
// FHIRPath appendix B, Grammar.
type lexer struct {
	src          string
	pos          int
	line, column int
}

func newLexer(src string) *lexer { return &lexer{src: src, line: 1, column: 1} }

func (l *lexer) errorf(line, column int, hint, format string, args ...any) *SyntaxError {
	return &SyntaxError{Line: line, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// advance moves n bytes forward, keeping count of lines and characters.
func (l *lexer) advance(n int) {
	for end := l.pos + n; l.pos < end; {
		r, size := utf8.DecodeRuneInString(l.src[l.pos:])
		l.pos += size
		if r == '\n' {
			l.line++
			l.column = 1
		} else {
			l.column++
		}
	}
}

func (l *lexer) peekAt(n int) byte {
	if l.pos+n < len(l.src) {
		return l.src[l.pos+n]
	}
	return 0
}

func (l *lexer) skipBlank() error {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			l.advance(1)
		case c == '/' && l.peekAt(1) == '/':
			n := strings.IndexByte(l.src[l.pos:], '\n')
			if n < 0 {
				n = len(l.src) - l.pos
			}
			l.advance(n)
		case c == '/' && l.peekAt(1) == '*':
			n := strings.Index(l.src[l.pos+2:], "*/")
			if n < 0 {
				return l.errorf(l.line, l.column, "close it with */", "the comment that begins here has no end")
			}
			l.advance(n + 4)
		case strings.HasPrefix(l.src[l.pos:], "\u00a0"):
			l.advance(2)
		case strings.HasPrefix(l.src[l.pos:], "\ufeff"):
			l.advance(3)
		default:
			return nil
		}
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

// next returns the next token.
func (l *lexer) next() (token, error) {
	if err := l.skipBlank(); err != nil {
		return token{}, err
	}
	t := token{start: l.pos, line: l.line, column: l.column}
	if l.pos >= len(l.src) {
		t.end = l.pos
		return t, nil
	}
	var err error
	switch c := l.src[l.pos]; {
	case isLetter(c):
		n := 1
		for isLetter(l.peekAt(n)) || isDigit(l.peekAt(n)) {
			n++
		}
		t.kind, t.text = tokIdentifier, l.src[l.pos:l.pos+n]
		l.advance(n)
	case isDigit(c):
		l.number(&t)
	case c == '\'' || c == '"':
		t.kind = tokString
		t.text, err = l.quoted(c)
	case c == '`':
		t.kind = tokDelimited
		t.text, err = l.quoted(c)
	case c == '@':
		err = l.temporal(&t)
	case c == '$':
		n := 1
		for isLetter(l.peekAt(n)) {
			n++
		}
		t.kind, t.text = tokVariable, l.src[l.pos+1:l.pos+n]
		if t.text != "this" && t.text != "index" && t.text != "total" {
			return t, l.errorf(t.line, t.column, "user variables begin with %", "'$%s' is unknown: there are $this, $index and $total", t.text)
		}
		l.advance(n)
	default:
		err = l.symbol(&t)
	}
	t.end = l.pos
	return t, err
}

func (l *lexer) number(t *token) {
	n := 0
	for isDigit(l.peekAt(n)) {
		n++
	}
	t.kind = tokNumber
	if l.peekAt(n) == '.' && isDigit(l.peekAt(n+1)) {
		n++
		for isDigit(l.peekAt(n)) {
			n++
		}
	} else if l.peekAt(n) == 'L' && !isLetter(l.peekAt(n+1)) && !isDigit(l.peekAt(n+1)) {
		t.kind, t.text = tokLong, l.src[l.pos:l.pos+n]
		l.advance(n + 1)
		return
	}
	t.text = l.src[l.pos : l.pos+n]
	l.advance(n)
}

var twoByteSymbols = [...]string{"!=", "!~", "<=", ">="}

func (l *lexer) symbol(t *token) error {
	t.kind = tokSymbol
	for _, s := range twoByteSymbols {
		if strings.HasPrefix(l.src[l.pos:], s) {
			t.text = s
			l.advance(2)
			return nil
		}
	}
	c := l.src[l.pos]
	if strings.IndexByte("+-*/&|~.,()[]{}=<>%:", c) < 0 {
		r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
		hint := ""
		switch r {
		case '!':
			hint = "negate with .not(); compare with != or !~"
		case '‘', '’', '“', '”':
			hint = "strings stand between straight single quotes"
		}
		return l.errorf(l.line, l.column, hint, "the character %q is not part of FHIRPath", r)
	}
	t.text = l.src[l.pos : l.pos+1]
	l.advance(1)
	return nil
}

// quoted reads a string or delimited identifier and resolves its escapes.
func (l *lexer) quoted(quote byte) (string, error) {
	line, column := l.line, l.column
	l.advance(1)
	begin := l.pos
	n := strings.IndexByte(l.src[begin:], quote)
	if n >= 0 && strings.IndexByte(l.src[begin:begin+n], '\\') < 0 {
		l.advance(n + 1)
		return l.src[begin : begin+n], nil
	}
	var b strings.Builder
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		switch c {
		case quote:
			l.advance(1)
			return b.String(), nil
		case '\\':
			if err := l.escape(&b); err != nil {
				return "", err
			}
		default:
			r, size := utf8.DecodeRuneInString(l.src[l.pos:])
			b.WriteRune(r)
			l.advance(size)
		}
	}
	return "", l.errorf(line, column, "close it with "+string(quote), "the text that begins here has no end")
}

func (l *lexer) escape(b *strings.Builder) error {
	c := l.peekAt(1)
	switch c {
	case '\'', '"', '`', '\\', '/':
		b.WriteByte(c)
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		r, ok := l.hex4(2)
		if !ok {
			return l.errorf(l.line, l.column, `write \u and four hexadecimal digits`, "the escape is incomplete")
		}
		n := 6
		// A pair of surrogates is one character.
		if r >= 0xD800 && r < 0xDC00 && l.peekAt(6) == '\\' && l.peekAt(7) == 'u' {
			if low, ok := l.hex4(8); ok && low >= 0xDC00 && low < 0xE000 {
				r, n = (r-0xD800)<<10+(low-0xDC00)+0x10000, 12
			}
		}
		b.WriteRune(r)
		l.advance(n)
		return nil
	default:
		return l.errorf(l.line, l.column, `escapes are \' \" \`+"\\` \\\\ \\/ \\f \\n \\r \\t and \\uXXXX", "'\\%c' is not an escape", rune(c))
	}
	l.advance(2)
	return nil
}

func (l *lexer) hex4(at int) (rune, bool) {
	var r rune
	for i := range 4 {
		c := l.peekAt(at + i)
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// temporal reads @2015-02-04, @2015-02-04T14:30:00.5+01:00 or @T14:30.
func (l *lexer) temporal(t *token) error {
	n := 1
	digits := func(count int) bool {
		for i := range count {
			if !isDigit(l.peekAt(n + i)) {
				return false
			}
		}
		n += count
		return true
	}
	part := func(sep byte, count int) bool {
		if l.peekAt(n) != sep || !isDigit(l.peekAt(n+1)) {
			return false
		}
		n++
		if !digits(count) {
			n--
			return false
		}
		return true
	}
	clock := func() {
		if digits(2) && part(':', 2) && part(':', 2) && l.peekAt(n) == '.' && isDigit(l.peekAt(n+1)) {
			n++
			for isDigit(l.peekAt(n)) {
				n++
			}
		}
	}
	switch {
	case l.peekAt(n) == 'T':
		t.kind = tokTime
		n++
		if !isDigit(l.peekAt(n)) {
			return l.errorf(l.line, l.column, "for example @T14:30", "a time needs an hour of two digits after @T")
		}
		clock()
	case digits(4):
		t.kind = tokDate
		if part('-', 2) {
			part('-', 2)
		}
		if l.peekAt(n) == 'T' {
			t.kind = tokDateTime
			n++
			if isDigit(l.peekAt(n)) {
				clock()
				switch l.peekAt(n) {
				case 'Z':
					n++
				case '+', '-':
					if mark := n; isDigit(l.peekAt(n+1)) && isDigit(l.peekAt(n+2)) && l.peekAt(n+3) == ':' {
						n++
						if !digits(2) || !part(':', 2) {
							n = mark
						}
					}
				}
			}
		}
	default:
		return l.errorf(l.line, l.column, "for example @2015-02-04, @2015-02-04T14:30:00Z or @T14:30", "a date or time must follow '@'")
	}
	t.text = l.src[l.pos+1 : l.pos+n]
	l.advance(n)
	return nil
}
