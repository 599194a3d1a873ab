package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/fault"
)

// Bounds of one _filter. As many comparisons may be written as a URL may have
// parameters.
const (
	maxNesting  = 20   // parentheses and brackets inside each other
	maxReadings = 1000 // comparisons, each counted for every type that a chain may lead to
)

// filtered reads _filter (R4 §3.3) about resources of types. The paths are search
// parameters and chains of them; and, or go from left to right without
// precedence.
func (p *parser) filtered(types []string, src string, depth int) (Expr, error) {
	f := &filterParser{p: p, src: src}
	x, err := f.logical(types, depth)
	if err == nil && f.space() < len(src) {
		err = f.unexpected("and, or, or the end")
	}
	return x, err
}

// filterParser is the state of one _filter.
type filterParser struct {
	p        *parser
	src      string
	at       int
	nested   int
	last     int  // where the last comparison begins that was counted
	written  int  // comparisons up to there
	readings int  // comparisons read, some again for another type
	empty    bool // the comparison being read is pr false, which negates its whole path
}

// logical reads comparisons joined by and, or.
func (f *filterParser) logical(types []string, depth int) (Expr, error) {
	if f.nested++; f.nested > maxNesting {
		return nil, f.refuse(f.at, fault.CodeTooCostly, "parentheses and brackets stand more than %d deep inside each other", maxNesting)
	}
	defer func() { f.nested-- }()
	x, err := f.term(types, depth)
	for err == nil {
		before := f.space()
		var y Expr
		switch f.word() {
		case "and":
			if y, err = f.term(types, depth); err == nil {
				x = both(x, y)
			}
		case "or":
			if y, err = f.term(types, depth); err == nil {
				x = oneOf(x, y)
			}
		default:
			f.at = before
			return x, nil
		}
	}
	return nil, err
}

func both(x, y Expr) Expr {
	if all, ok := x.(And); ok && len(all) > 0 {
		return append(all, y)
	}
	return And{x, y}
}

func oneOf(x, y Expr) Expr {
	if any, ok := x.(Or); ok && len(any) > 0 {
		return append(any, y)
	}
	return Or{x, y}
}

// term reads one comparison, or a filter in parentheses, perhaps negated.
func (f *filterParser) term(types []string, depth int) (Expr, error) {
	before := f.space()
	if f.word() == "not" {
		if f.nested++; f.nested > maxNesting {
			return nil, f.refuse(before, fault.CodeTooCostly, "more than %d filters stand inside each other", maxNesting)
		}
		defer func() { f.nested-- }()
		x, err := f.term(types, depth)
		return Not{x}, err
	}
	f.at = before
	if f.take('(') {
		x, err := f.logical(types, depth)
		if err == nil && !f.take(')') {
			err = f.unexpected("and, or, or )")
		}
		return x, err
	}
	f.empty = false
	x, err := f.path(types, depth)
	if f.empty {
		f.empty = false
		x = Not{x}
	}
	return x, err
}

// path reads a comparison: name.name operator value, where a name may have a
// filter in brackets on what it leads to.
func (f *filterParser) path(types []string, depth int) (Expr, error) {
	start := f.at
	if err := f.count(start, depth); err != nil {
		return nil, err
	}
	name := f.name()
	if name == "" {
		return nil, f.unexpected("the name of a search parameter")
	}
	if source, ok := strings.CutPrefix(name, "_has:"); ok {
		return f.has(types, start, source, depth)
	}
	switch {
	case f.next('['):
		if whole, parts := f.composite(types, name); whole != nil {
			return f.together(*whole, parts, name)
		}
	case !f.next('.'):
		return f.comparison(types, name, start)
	}
	from, end, empty := f.at, 0, false
	x, err := f.p.follow(types, name, f.rest(), func(target string) (Expr, error) {
		f.at = from
		var inside Expr
		var err error
		if f.take('[') {
			if inside, err = f.logical([]string{target}, depth+1); err != nil {
				return nil, err
			}
			if !f.take(']') {
				return nil, f.unexpected("]")
			}
		}
		if !f.take('.') {
			return nil, f.unexpected("a full stop and the name of a search parameter")
		}
		f.empty = false
		x, err := f.path([]string{target}, depth+1)
		if err == nil {
			end, empty = f.at, f.empty
		}
		if inside != nil {
			x = And{inside, x}
		}
		return x, err
	})
	f.at, f.empty = max(f.at, end), empty
	return x, f.located(start, err)
}

// has reads what follows _has: in a path: Type:reference:path.
func (f *filterParser) has(types []string, start int, name string, depth int) (Expr, error) {
	source, after, _ := strings.Cut(name, ":")
	code, rest, ok := strings.Cut(after, ":")
	if !ok || rest == "" {
		return nil, f.refuse(start, fault.CodeInvalid, "_has is written _has:Type:reference:parameter, as in _has:Observation:patient:code")
	}
	f.at -= len(rest)
	x, err := f.p.reverse(types, source, code, func() (Expr, error) { return f.path([]string{source}, depth+1) })
	return x, f.located(start, err)
}

// count refuses what goes beyond the bounds.
func (f *filterParser) count(start, depth int) error {
	if start >= f.last {
		f.last = start + 1
		f.written++
	}
	f.readings++
	limits := f.p.o.Limits
	switch {
	case depth > limits.Chain:
		return f.refuse(start, fault.CodeTooCostly, "a path follows more than %d references", limits.Chain)
	case f.written > limits.Parameters:
		return f.refuse(start, fault.CodeTooCostly, "there are more than %d names", limits.Parameters)
	case f.readings > maxReadings:
		return f.refuse(start, fault.CodeTooCostly,
			"there are more than %d comparisons, counting each for every type that its path may lead to; name the types, as in subject:Patient.name", maxReadings)
	}
	return nil
}

// comparison reads the operator and the value behind the name of a parameter.
func (f *filterParser) comparison(types []string, name string, start int) (Expr, error) {
	param, err := f.p.find(types, name)
	if err != nil {
		if code, modifier, ok := strings.Cut(name, ":"); ok {
			return nil, f.refuse(start, fault.CodeInvalid, "%q takes no modifier :%s at the end of a path; operators say how to compare", code, fault.Shorten(modifier))
		}
		return nil, f.located(start, err)
	}
	op, value, at, err := f.operation()
	if err != nil {
		return nil, err
	}
	if op == "pr" {
		if f.empty = value == "false"; !f.empty && value != "true" {
			return nil, f.refuse(at, fault.CodeValue, "pr takes true or false")
		}
		if param.Code == codeID || param.Code == codeLastUpdated {
			return And{}, nil
		}
		return Missing{Param: param.as}, nil
	}
	x, err := f.p.compare(param, op, value)
	return x, f.located(at, err)
}

// operation reads an operator and a value; at is where the operator stands.
func (f *filterParser) operation() (op, value string, at int, err error) {
	at = f.space()
	if op = f.word(); op == "" {
		return "", "", at, f.unexpected("an operator")
	}
	if !isOperator(op) {
		return "", "", at, f.refuse(at, fault.CodeInvalid, "%q is not an operator%s; the operators are %s",
			fault.Shorten(op), meant(op, operators), strings.Join(operators, ", "))
	}
	value, err = f.value()
	return op, value, at, err
}

// value reads a JSON string or a token.
func (f *filterParser) value() (string, error) {
	start := f.space()
	if f.take('"') {
		for f.at < len(f.src) && f.src[f.at] != '"' {
			if f.src[f.at] == '\\' {
				f.at++
			}
			f.at++
		}
		var text string
		if !f.take('"') || json.Unmarshal([]byte(f.src[start:f.at]), &text) != nil {
			return "", f.refuse(start, fault.CodeValue, "the string is not closed, or not written as in JSON")
		}
		return text, nil
	}
	for f.at < len(f.src) {
		r, n := utf8.DecodeRuneInString(f.src[f.at:])
		if unicode.IsSpace(r) || r == ')' || r == ']' {
			break
		}
		f.at += n
	}
	if f.at == start {
		return "", f.unexpected("a value")
	}
	return f.src[start:f.at], nil
}

// name reads a name in a path, with the type that a reference is followed to.
func (f *filterParser) name() string {
	start := f.space()
	for f.at < len(f.src) {
		c := f.src[f.at]
		if !isLetter(c) && !isDigit(c) && c != '_' && c != '-' && c != ':' {
			break
		}
		f.at++
	}
	return f.src[start:f.at]
}

// word reads letters.
func (f *filterParser) word() string {
	start := f.space()
	for f.at < len(f.src) && isLetter(f.src[f.at]) {
		f.at++
	}
	if f.at < len(f.src) && (isDigit(f.src[f.at]) || strings.IndexByte("_-:.[", f.src[f.at]) >= 0) {
		f.at = start // the beginning of a name
		return ""
	}
	return f.src[start:f.at]
}

// space skips white space and returns the position.
func (f *filterParser) space() int {
	for f.at < len(f.src) {
		r, n := utf8.DecodeRuneInString(f.src[f.at:])
		if !unicode.IsSpace(r) {
			break
		}
		f.at += n
	}
	return f.at
}

func (f *filterParser) next(c byte) bool { return f.at < len(f.src) && f.src[f.at] == c }

// take consumes c when it comes next.
func (f *filterParser) take(c byte) bool {
	if c == ')' || c == ']' || c == '(' {
		f.space()
	}
	if !f.next(c) {
		return false
	}
	f.at++
	return true
}

func (f *filterParser) rest() string {
	return strings.TrimLeft(f.src[f.at:], ".[")
}

func (f *filterParser) unexpected(wanted string) error {
	return f.refuse(f.space(), fault.CodeInvalid, "expected %s, found %s", wanted, f.found())
}

func (f *filterParser) found() string {
	if f.at >= len(f.src) {
		return "the end"
	}
	return fmt.Sprintf("%q", fault.Shorten(f.src[f.at:]))
}

// refuse is an error at a position, which it gives in characters from 1.
func (f *filterParser) refuse(at int, code fault.Code, format string, args ...any) error {
	return located{fault.New(fault.Invalid, code, "", "search parameter \"_filter\", at character %d: %s",
		utf8.RuneCountInString(f.src[:at])+1, fmt.Sprintf(format, args...))}
}

// located is an error that says where in the filter it is.
type located struct{ fault *fault.Error }

func (l located) Error() string { return l.fault.Error() }

func (l located) Unwrap() error { return l.fault }

// located gives an error that has no position one. What a filter names and the
// server does not know is a mistake in its value: leniency does not pass it
// over.
func (f *filterParser) located(at int, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[located](err); ok {
		return err
	}
	code, message := fault.CodeValue, err.Error()
	if e, ok := errors.AsType[*fault.Error](err); ok {
		code, message = e.Issues[0].Code, e.Issues[0].Message
	}
	return f.refuse(at, code, "%s", message)
}
