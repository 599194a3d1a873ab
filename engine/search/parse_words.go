package search

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Limits of a search in texts.
const (
	maxSequence    = 16 // words in a row
	maxTerms       = 64
	maxParentheses = 8
)

// readWords reads the value of _text or _content: words that must all be there,
// "words in a row", a beginning*, OR, NOT or -, and parentheses (§3.1.1.4.20). R5
// has the same of strings (:text), and of texts beside tokens and references
// (:text-advanced): R5 §3.2.1.5.5.14, §3.2.1.5.5.15.
func readWords(as Param, raw string) (Expr, error) {
	text, err := plain(raw)
	if err != nil {
		return nil, err
	}
	w := wordsParser{param: as, rest: text, split: Words}
	if as.Kind == definitions.SearchString {
		w.split = func(s string) []string { return strings.Fields(Normalize(s)) }
	}
	x, err := w.either(0)
	if err != nil {
		return nil, err
	}
	if w.next() == ')' {
		return nil, errors.New("a parenthesis is closed that was not opened")
	}
	return x, nil
}

// wordsParser reads what is left of a search in texts.
type wordsParser struct {
	param Param
	split func(string) []string
	rest  string
	terms int
}

// next is the next character that counts, 0 at the end.
func (w *wordsParser) next() rune {
	w.rest = strings.TrimLeftFunc(w.rest, unicode.IsSpace)
	if w.rest == "" {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(w.rest)
	return r
}

// operator takes a word that stands alone, in any case.
func (w *wordsParser) operator(name string) bool {
	w.next()
	if len(w.rest) < len(name) || !strings.EqualFold(w.rest[:len(name)], name) {
		return false
	}
	after := w.rest[len(name):]
	if after != "" && !strings.ContainsAny(after[:1], " \t\r\n()\"") {
		return false
	}
	w.rest = after
	return true
}

func (w *wordsParser) either(depth int) (Expr, error) {
	if depth > maxParentheses {
		return nil, fmt.Errorf("it has parentheses more than %d deep", maxParentheses)
	}
	x, err := w.all(depth)
	any := Or{x}
	for err == nil && w.operator("OR") {
		x, err = w.all(depth)
		any = append(any, x)
	}
	if len(any) == 1 {
		return any[0], err
	}
	return any, err
}

func (w *wordsParser) all(depth int) (Expr, error) {
	var parts And
	for {
		if w.operator("AND") && len(parts) == 0 {
			return nil, errors.New("AND stands between two words")
		}
		if c := w.next(); c == 0 || c == ')' {
			break
		}
		if before := w.rest; w.operator("OR") {
			w.rest = before
			break
		}
		x, err := w.term(depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, x)
	}
	switch len(parts) {
	case 0:
		return nil, errors.New("a word is missing")
	case 1:
		return parts[0], nil
	}
	return parts, nil
}

func (w *wordsParser) term(depth int) (Expr, error) {
	if w.terms++; w.terms > maxTerms {
		return nil, fmt.Errorf("it has more than %d words; this server looks for at most so many", maxTerms)
	}
	switch c := w.next(); {
	case c == '-' || w.operator("NOT"):
		w.rest = strings.TrimPrefix(w.rest, "-")
		if c := w.next(); c == 0 || c == ')' {
			return nil, errors.New("a word is missing after the - or NOT")
		}
		x, err := w.term(depth)
		return Not{x}, err
	case c == '(':
		w.rest = w.rest[1:]
		x, err := w.either(depth + 1)
		if err == nil && w.next() != ')' {
			err = errors.New("a parenthesis is not closed")
		}
		w.rest = strings.TrimPrefix(w.rest, ")")
		return x, err
	case c == '"':
		quoted, rest, closed := strings.Cut(w.rest[1:], `"`)
		if !closed {
			return nil, errors.New("a quotation mark is not closed")
		}
		w.rest = rest
		return w.sequence(quoted)
	}
	end := strings.IndexFunc(w.rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`()"`, r) })
	if end < 0 {
		end = len(w.rest)
	}
	word := w.rest[:end]
	w.rest = w.rest[end:]
	return w.sequence(word)
}

// sequence is what is found by a piece of text.
func (w *wordsParser) sequence(text string) (Expr, error) {
	stem, begun := strings.CutSuffix(text, "*")
	if !begun && strings.HasPrefix(w.rest, "*") {
		begun, w.rest = true, w.rest[1:]
	}
	words := w.split(stem)
	switch {
	case len(words) == 0:
		return nil, fmt.Errorf("%q has no letter or digit to look for", text)
	case len(words) > maxSequence:
		return nil, fmt.Errorf("it has more than %d words in a row; this server looks for at most so many", maxSequence)
	}
	if w.param.Kind != definitions.SearchString {
		return Sequence{Param: w.param, Words: words, Begun: begun}, nil
	}
	value := " " + strings.Join(words, " ")
	if !begun {
		value += " "
	}
	return String{Param: w.param, Mode: StringWords, Value: value}, nil
}
