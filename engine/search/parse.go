package search

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/fault"
)

// CursorParameter carries Query.After in next links.
const CursorParameter = "_cursor"

// maxIssues bounds how many problems of one URL are reported.
const maxIssues = 10

// Parse reads the parameters of a search for one resource type, or over the
// whole system when resourceType is "". What is not understood is refused with
// a *fault.Error of kind Invalid that names the parameter; with o.Lenient,
// parameters that the server does not know are recorded in Query.Ignored
// instead. A malformed value and an unsupported modifier are always refused.
func (c *Catalog) Parse(resourceType string, pairs []Pair, o ParseOptions) (*Query, error) {
	p := &parser{c: c, o: o.withDefaults(), q: &Query{}}
	if resourceType != "" {
		if c.types[resourceType] == nil || resourceType == System {
			return nil, fault.New(fault.NotFound, fault.CodeNotSupported, "", "%s is not a resource type of FHIR %s%s",
				resourceType, c.defs.Release, meant(resourceType, c.defs.ResourceTypes()))
		}
		p.q.Types = []string{resourceType}
	}
	if len(pairs) > p.o.Limits.Parameters {
		return nil, fault.New(fault.Invalid, fault.CodeTooCostly, "",
			"%d search parameters were given; this server takes at most %d", len(pairs), p.o.Limits.Parameters)
	}
	p.q.Count = p.o.DefaultCount
	// The types decide which parameters there are, so they come first.
	for _, pair := range pairs {
		if pair.Name == "_type" {
			p.keep(pair, p.types(pair))
		}
	}
	for _, pair := range pairs {
		if pair.Name != "_type" {
			p.keep(pair, p.parameter(pair))
		}
	}
	if p.failed != nil {
		return nil, p.failed
	}
	if err := p.checkContained(); err != nil && len(p.issues) == 0 {
		return nil, err
	}
	if len(p.issues) > 0 {
		return nil, fault.Of(fault.Invalid, p.issues)
	}
	// Applied is put in the order of the request, which the first pass left.
	p.q.Applied = p.q.Applied[:0]
	for _, pair := range pairs {
		if !p.applied[pair] {
			continue
		}
		if pair.Name == "_count" { // which may have been lowered
			pair.Value = strconv.Itoa(p.q.Count)
		}
		p.q.Applied = append(p.q.Applied, pair)
	}
	if p.q.Count == 0 || p.q.Summary == SummaryCount {
		p.q.Count, p.q.Summary, p.q.Total = 0, SummaryCount, TotalAccurate
	}
	switch len(p.filter) {
	case 0:
	case 1:
		p.q.Filter = p.filter[0]
	default:
		p.q.Filter = p.filter
	}
	return p.q, nil
}

func (o ParseOptions) withDefaults() ParseOptions {
	setDefault(&o.MaxCount, 1000)
	setDefault(&o.DefaultCount, min(20, o.MaxCount))
	setDefault(&o.Limits.Parameters, 100)
	setDefault(&o.Limits.Values, 1000)
	setDefault(&o.Limits.Chain, 4)
	setDefault(&o.Limits.Length, 16<<10)
	setDefault(&o.Limits.Codes, 100_000)
	return o
}

func setDefault(limit *int, value int) {
	if *limit <= 0 {
		*limit = value
	}
}

// parser is the state of one Parse.
type parser struct {
	c       *Catalog
	o       ParseOptions
	q       *Query
	filter  And
	applied map[Pair]bool
	issues  []fault.Issue
	failed  error           // of the Terminology, not about what was asked
	seen    map[string]bool // result parameters that may come once
}

func (p *parser) checkText(pair Pair) error {
	if len(pair.Name) > p.o.Limits.Length || len(pair.Value) > p.o.Limits.Length {
		return fault.New(fault.Invalid, fault.CodeTooLong, "", "search parameter %q is longer than %d bytes, the most this server takes",
			fault.Shorten(pair.Name), p.o.Limits.Length)
	}
	if !utf8.ValidString(pair.Name) || !utf8.ValidString(pair.Value) || strings.IndexByte(pair.Value, 0) >= 0 {
		return fault.New(fault.Invalid, fault.CodeValue, "", "search parameter %q is not valid UTF-8 text, or holds a NUL character", fault.Shorten(pair.Name))
	}
	return nil
}

// keep records the outcome of reading a pair: an error, as ignored when
// leniency allows that.
func (p *parser) keep(pair Pair, err error) {
	if err == nil {
		return
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		f = fault.Wrap(err, fault.Invalid, fault.CodeInvalid, "", "search parameter %q cannot be understood", fault.Shorten(pair.Name))
	}
	if _, unknown := errors.AsType[notKnown](err); unknown && p.o.Lenient {
		p.q.Ignored = append(p.q.Ignored, Ignored{Pair: pair, Why: f.Issues[0].Message})
		return
	}
	if len(p.issues) < maxIssues {
		p.issues = append(p.issues, f.Issues...)
	}
}

// parameter reads one pair.
func (p *parser) parameter(pair Pair) error {
	if err := p.checkText(pair); err != nil {
		return err
	}
	name, _, _ := strings.Cut(pair.Name, ":")
	switch pair.Name {
	case "_":
		return nil // a cache-buster
	case "":
		return fault.New(fault.Invalid, fault.CodeInvalid, "", "a search parameter has no name")
	case "_format", "_pretty":
		return nil // of the HTTP service
	case CursorParameter:
		p.q.After = pair.Value
		return nil
	}
	if read := resultReader(name); read != nil {
		if err := read(p, pair); err != nil {
			return err
		}
		p.apply(pair)
		return nil
	}
	x, err := p.expr(p.q.Types, pair.Name, pair.Value, 0)
	if err != nil {
		return err
	}
	p.filter = append(p.filter, x)
	p.apply(pair)
	return nil
}

func (p *parser) apply(pair Pair) {
	if p.applied == nil {
		p.applied = map[Pair]bool{}
	}
	p.applied[pair] = true
}

// expr reads name=value about resources of the given types (none: of any
// type). depth counts the links of chains passed on the way here.
func (p *parser) expr(types []string, name, value string, depth int) (Expr, error) {
	if depth > p.o.Limits.Chain {
		return nil, fault.New(fault.Invalid, fault.CodeTooCostly, "",
			"a search parameter follows more than %d references; this server follows at most %d (the rest is %q)",
			p.o.Limits.Chain, p.o.Limits.Chain, fault.Shorten(name))
	}
	if rest, ok := strings.CutPrefix(name, "_has:"); ok {
		return p.has(types, rest, value, depth)
	}
	if head, rest, ok := strings.Cut(name, "."); ok {
		return p.chain(types, head, rest, value, depth)
	}
	if x, ok, err := p.special(types, name, value, depth); ok {
		return x, err
	}
	code, modifier, modified := strings.Cut(name, ":")
	if modified && modifier == "" {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "search parameter %q ends in a colon without a modifier", fault.Shorten(name))
	}
	param, err := p.find(types, code)
	if err != nil {
		return nil, err
	}
	return p.values(param, name, modifier, value)
}

// found is a parameter as a query names it.
type found struct {
	*parameter
	as      Param
	targets []string // of a reference: types that it may be to; nil for any
}

// find looks a parameter up in the types searched. Over several types it must
// be there, of the same kind, in each.
func (p *parser) find(types []string, code string) (found, error) {
	if len(types) == 0 {
		types = []string{System}
	}
	var first *parameter
	var all []*parameter
	for _, t := range types {
		one := p.c.lookup(t).params[code]
		all = append(all, one)
		switch {
		case one == nil:
			return found{}, p.unknown(t, code)
		case one.problem != "":
			return found{}, notKnown{fault.New(fault.Invalid, fault.CodeNotSupported, "",
				"search parameter %q of %s is not supported: %s", code, of(t), one.problem)}
		case first == nil:
			first = one
		case first.Kind != one.Kind:
			return found{}, notKnown{fault.New(fault.Invalid, fault.CodeNotSupported, "",
				"search parameter %q is a %s for %s but a %s for %s; search these types one by one", code, first.Kind, first.Type, one.Kind, t)}
		}
	}
	return found{first, p.c.Over(types, code), targetsOf(all)}, nil
}

// unknown explains that there is no such parameter.
func (p *parser) unknown(typeName, code string) error {
	t := p.c.lookup(typeName)
	var codes []string
	for _, one := range t.list {
		if one.problem == "" {
			codes = append(codes, one.Code)
		}
	}
	candidates := append(slices.Clone(codes), resultParameters...)
	why := ""
	if typeName == System {
		why = "; a search over all types takes parameters that every type has, name types with _type for more"
	}
	end := meant(code, candidates)
	if end == "" {
		end = "."
	}
	return notKnown{fault.New(fault.Invalid, fault.CodeNotSupported, "", "%s has no search parameter %q%s It has: %s%s",
		of(typeName), fault.Shorten(code), end, strings.Join(codes, ", "), why)}
}

// notKnown says that there is no such parameter, or not here: what lenient
// handling passes over (§3.1.1.5 of R4's search, Prefer: handling).
type notKnown struct{ fault *fault.Error }

func (n notKnown) Error() string { return n.fault.Error() }

func (n notKnown) Unwrap() error { return n.fault }

// of names a type in a message.
func of(typeName string) string {
	if typeName == System {
		return "the system"
	}
	return typeName
}

// meant is a half-sentence with the nearest candidate, or "".
func meant(name string, candidates []string) string {
	if near := fault.Nearest(name, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// values reads the value of a parameter, alternatives split at commas.
func (p *parser) values(param found, name, modifier, value string) (Expr, error) {
	if modifier == "missing" {
		return missing(param, name, value)
	}
	raw := split(value, ',')
	if len(raw) > p.o.Limits.Values {
		return nil, fault.New(fault.Invalid, fault.CodeTooCostly, "",
			"search parameter %q has %d values; this server takes at most %d", fault.Shorten(name), len(raw), p.o.Limits.Values)
	}
	read, negate, err := p.reader(param, name, modifier)
	if err != nil {
		return nil, err
	}
	var any Or
	for _, one := range raw {
		if one == "" {
			return nil, malformed(name, value, "it has an empty value; leave the parameter out or give a value")
		}
		x, err := read(one)
		if err != nil {
			return nil, malformed(name, one, "%s", err)
		}
		any = append(any, x)
	}
	x := simplify(any)
	if negate {
		x = Not{x}
	}
	return x, nil
}

// simplify takes away an Or around one alternative and joins ids to one list.
func simplify(any Or) Expr {
	if len(any) == 1 {
		return any[0]
	}
	var ids IDs
	for _, x := range any {
		one, ok := x.(IDs)
		if !ok {
			return any
		}
		ids = append(ids, one...)
	}
	return ids
}

func missing(param found, name, value string) (Expr, error) {
	if value != "true" && value != "false" {
		return nil, malformed(name, value, "modifier :missing takes true or false")
	}
	if param.Code == codeID || param.Code == codeLastUpdated {
		if value == "true" {
			return Or{}, nil
		}
		return And{}, nil
	}
	return Missing{Param: param.as, Want: value == "true"}, nil
}

// malformed says what is wrong with a parameter's value.
func malformed(name, value, format string, args ...any) error {
	return fault.New(fault.Invalid, fault.CodeValue, "", "search parameter %q has the value %q: %s",
		fault.Shorten(name), fault.Shorten(value), fmt.Sprintf(format, args...))
}
