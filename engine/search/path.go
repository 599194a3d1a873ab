package search

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// A path is one alternative of a search parameter's expression, in the small
// part of FHIRPath that nearly all of them are written in. It is followed
// directly on the tree; what does not fit goes through engine/fhirpath.
type path struct {
	root     string // "Patient"; "" when the expression is relative to a focus
	resource bool   // begins with %resource
	steps    []step
}

// stepKind says what a step does with the nodes it gets.
type stepKind uint8

const (
	stepChild        stepKind = iota // children called name
	stepType                         // keeps nodes of type name (as, ofType)
	stepIndex                        // keeps the node at a position
	stepEquals                       // keeps nodes whose child name has the text literal
	stepPointsTo                     // keeps references to resources of type name (where(resolve() is T))
	stepExtension                    // the extensions with url literal
	stepHasExtension                 // keeps nodes with an extension with url literal
)

type step struct {
	kind    stepKind
	name    string
	literal string
	index   int
}

// key is the same for paths that select the same from a focus they concern.
func (p path) key() string {
	return fmt.Sprintf("%t %#v", p.resource, p.steps)
}

// parsePaths reads an expression as alternatives. It fails when the
// expression uses more of FHIRPath than a path can say.
func parsePaths(d *definitions.Definitions, expression string) ([]path, error) {
	p := &pathParser{defs: d, src: expression}
	paths, err := p.union()
	if err == nil && p.space() != len(p.src) {
		err = p.unexpected()
	}
	return paths, err
}

type pathParser struct {
	defs *definitions.Definitions
	src  string
	at   int
}

func (p *pathParser) unexpected() error {
	return fmt.Errorf("more than a path, at character %d of %q", p.at+1, p.src)
}

// space skips white space and returns the position.
func (p *pathParser) space() int {
	for p.at < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.at]) >= 0 {
		p.at++
	}
	return p.at
}

// take consumes the text when it comes next.
func (p *pathParser) take(text string) bool {
	p.space()
	if !strings.HasPrefix(p.src[p.at:], text) {
		return false
	}
	p.at += len(text)
	return true
}

// word consumes an identifier, or returns "".
func (p *pathParser) word() string {
	start := p.space()
	for p.at < len(p.src) {
		c := p.src[p.at]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || isDigit(c) && p.at > start) {
			break
		}
		p.at++
	}
	return p.src[start:p.at]
}

func (p *pathParser) union() ([]path, error) {
	all, err := p.term()
	for err == nil && p.take("|") {
		var more []path
		more, err = p.term()
		all = append(all, more...)
	}
	return all, err
}

func (p *pathParser) term() ([]path, error) {
	paths, err := p.primary()
	for err == nil {
		switch {
		case p.take("."):
			paths, err = p.member(paths)
		case p.take("["):
			paths, err = p.subscript(paths)
		default:
			if before := p.at; p.word() == "as" {
				name := p.typeName()
				if name == "" {
					return nil, p.unexpected()
				}
				return each(paths, step{kind: stepType, name: name}), nil
			} else {
				p.at = before
				return paths, nil
			}
		}
	}
	return nil, err
}

func (p *pathParser) primary() ([]path, error) {
	if p.take("(") {
		paths, err := p.union()
		if err == nil && !p.take(")") {
			err = p.unexpected()
		}
		return paths, err
	}
	if p.take("%resource") {
		return []path{{resource: true}}, nil
	}
	name := p.word()
	if name == "" {
		return nil, p.unexpected()
	}
	if t := p.defs.Type(name); t != nil && t.Kind == definitions.Resource {
		return []path{{root: name}}, nil
	}
	if strings.HasPrefix(p.src[p.at:], "(") {
		p.at -= len(name)
		return p.member([]path{{}})
	}
	return []path{{steps: []step{{kind: stepChild, name: name}}}}, nil
}

// member reads what follows a dot.
func (p *pathParser) member(paths []path) ([]path, error) {
	name := p.word()
	if name == "" {
		return nil, p.unexpected()
	}
	if !p.take("(") {
		return each(paths, step{kind: stepChild, name: name}), nil
	}
	s, err := p.function(name)
	if err == nil && !p.take(")") {
		err = p.unexpected()
	}
	return each(paths, s), err
}

func (p *pathParser) function(name string) (step, error) {
	switch name {
	case "as", "ofType":
		if t := p.typeName(); t != "" {
			return step{kind: stepType, name: t}, nil
		}
	case "extension":
		if literal, ok := p.literal(); ok {
			return step{kind: stepExtension, literal: literal}, nil
		}
	case "where":
		return p.condition()
	}
	return step{}, p.unexpected()
}

// condition reads the argument of where().
func (p *pathParser) condition() (step, error) {
	name := p.word()
	switch {
	case name == "":
	case name == "resolve" && p.take("("):
		if p.take(")") && p.word() == "is" {
			if t := p.typeName(); t != "" {
				return step{kind: stepPointsTo, name: t}, nil
			}
		}
	case (name == "hasExtension" || name == "extension") && p.take("("):
		literal, ok := p.literal()
		if ok && p.take(")") && (name == "hasExtension" || p.take(".exists()")) {
			return step{kind: stepHasExtension, literal: literal}, nil
		}
	case p.take("="):
		if literal, ok := p.literal(); ok {
			return step{kind: stepEquals, name: name, literal: literal}, nil
		}
	}
	return step{}, p.unexpected()
}

func (p *pathParser) subscript(paths []path) ([]path, error) {
	start := p.space()
	for p.at < len(p.src) && isDigit(p.src[p.at]) {
		p.at++
	}
	n, err := strconv.Atoi(p.src[start:p.at])
	if err != nil || !p.take("]") {
		return nil, p.unexpected()
	}
	return each(paths, step{kind: stepIndex, index: n}), nil
}

// typeName reads a type. R4's own parameters write DateTime for dateTime.
func (p *pathParser) typeName() string {
	name := p.word()
	if name == "FHIR" && p.take(".") {
		name = p.word()
	}
	if name == "" || p.defs.Type(name) != nil {
		return name
	}
	if lower := strings.ToLower(name[:1]) + name[1:]; p.defs.Type(lower) != nil {
		return lower
	}
	return ""
}

// literal reads a string in single quotes without escapes.
func (p *pathParser) literal() (string, bool) {
	if !p.take("'") {
		return "", false
	}
	end := strings.IndexByte(p.src[p.at:], '\'')
	if end < 0 || strings.Contains(p.src[p.at:p.at+end], `\`) {
		return "", false
	}
	text := p.src[p.at : p.at+end]
	p.at += end + 1
	return text, true
}

// each adds a step to every path.
func each(paths []path, s step) []path {
	longer := make([]path, len(paths))
	for i, one := range paths {
		longer[i] = path{root: one.root, resource: one.resource, steps: append(append([]step(nil), one.steps...), s)}
	}
	return longer
}
