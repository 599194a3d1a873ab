package fhir

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unescapeXML resolves the character references and the five entities of XML;
// s was checked.
func unescapeXML(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for len(s) > 0 {
		if s[0] != '&' {
			b = append(b, s[0])
			s = s[1:]
			continue
		}
		r, n := entity(s)
		if n == 0 {
			b = append(b, '&')
			s = s[1:]
			continue
		}
		b = utf8.AppendRune(b, r)
		s = s[n:]
	}
	return string(b)
}

// entity reads the reference that s begins with; n is 0 when it is none that
// XML knows without a DTD or names a character that XML does not allow.
func entity(s string) (r rune, n int) {
	end := strings.IndexByte(s[:min(len(s), 12)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := s[1:end]; name {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		if name[0] != '#' || len(name) < 2 {
			return 0, 0
		}
		base, digits := 10, name[1:]
		if digits[0] == 'x' {
			base, digits = 16, digits[1:]
		}
		v, err := strconv.ParseUint(digits, base, 32)
		if err != nil || !isXMLChar(rune(v)) {
			return 0, 0
		}
		return rune(v), end + 1
	}
}

// isXMLChar is the production Char of XML 1.0.
func isXMLChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}

func isXMLSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// isName says whether s, of bytes that the scanner takes for a name, is an
// NCName of Namespaces in XML.
func isName(s string) bool {
	if s == "" || !isNameStart(s[0]) {
		return false
	}
	for i, r := range s {
		if r >= utf8.RuneSelf && !unicode.Is(nameStartChars, r) && (i == 0 || !unicode.Is(nameChars, r)) {
			return false
		}
	}
	return true
}

// nameStartChars and nameChars are the productions NameStartChar and what
// NameChar adds to it (XML 1.0 §2.3), beyond ASCII.
var (
	nameStartChars = &unicode.RangeTable{
		R16: []unicode.Range16{
			{Lo: 0xC0, Hi: 0xD6, Stride: 1}, {Lo: 0xD8, Hi: 0xF6, Stride: 1}, {Lo: 0xF8, Hi: 0x2FF, Stride: 1}, {Lo: 0x370, Hi: 0x37D, Stride: 1},
			{Lo: 0x37F, Hi: 0x1FFF, Stride: 1}, {Lo: 0x200C, Hi: 0x200D, Stride: 1}, {Lo: 0x2070, Hi: 0x218F, Stride: 1}, {Lo: 0x2C00, Hi: 0x2FEF, Stride: 1},
			{Lo: 0x3001, Hi: 0xD7FF, Stride: 1}, {Lo: 0xF900, Hi: 0xFDCF, Stride: 1}, {Lo: 0xFDF0, Hi: 0xFFFD, Stride: 1},
		},
		R32: []unicode.Range32{{Lo: 0x10000, Hi: 0xEFFFF, Stride: 1}},
	}
	nameChars = &unicode.RangeTable{R16: []unicode.Range16{
		{Lo: 0xB7, Hi: 0xB7, Stride: 1}, {Lo: 0x300, Hi: 0x36F, Stride: 1}, {Lo: 0x203F, Hi: 0x2040, Stride: 1},
	}}
)

// appendXMLText appends s escaped for an attribute in double quotes, or for
// text.
func appendXMLText(dst []byte, s string, attribute bool) []byte {
	from := 0
	for i := range len(s) {
		var esc string
		switch s[i] {
		case '&':
			esc = "&amp;"
		case '<':
			esc = "&lt;"
		case '>':
			esc = "&gt;"
		case '"':
			if attribute {
				esc = "&quot;"
			}
		case '\r':
			esc = "&#13;"
		case '\n':
			if attribute {
				esc = "&#10;"
			}
		case '\t':
			if attribute {
				esc = "&#9;"
			}
		}
		if esc != "" {
			dst = append(append(dst, s[from:i]...), esc...)
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}
