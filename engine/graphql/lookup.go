package graphql

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
)

// lookup is a search that a field stands for, without what it is about.
type lookup struct {
	pairs     []search.Pair
	reference string               // code of the parameter that points to the resource at hand; "" at the root
	criterion *fhirpath.Expression // where(...) over each match; nil for none
	source    string               // of criterion
	offset    int
	count     int // -1: all of a list, the default of a page
	at        cursor
}

// readLookup understands the arguments of a list or connection. on is the type
// of the resource that it is a field of, or the root of a query.
func (d *document) readLookup(on *named, p *planned) error {
	s, l := on.schema, &lookup{count: -1}
	p.lookup = l
	known := map[string]*argument{}
	names := []string{}
	reverse := on != s.query
	for _, a := range s.searchArguments(p.child) {
		known[a.name] = a
		names = append(names, a.name)
	}
	for _, a := range p.arguments {
		var err error
		switch {
		case a.name == argReference && reverse:
			err = l.pointTo(s, on, p, a)
		case (a.name == argCursor || a.name == "cursor") && p.source == fromConnection:
			err = d.resume(p, a, reverse)
		case a.name == argFHIRPath:
			l.source = a.text
			l.criterion, err = d.criterion(a)
		case a.name == argCount:
			l.count, err = whole(a)
		case a.name == argOffset && p.source == fromList:
			l.offset, err = whole(a)
		case a.name == argSort:
			err = l.add(a, argSort, plain)
		case a.name == argFilter && known[argFilter] != nil:
			err = l.addFilter(a)
		case known[a.name] != nil && known[a.name].code != "":
			err = l.add(a, known[a.name].code, escaped)
		default:
			err = p.noSearchArgument(a, names)
		}
		if err != nil {
			return err
		}
	}
	if reverse && l.reference == "" {
		return failure(invalid(p.at, nil, fault.CodeRequired, "%s of a %s needs the argument _reference: the search parameter of %s that points to it, which is one of %s",
			p.name, on.name, p.child.name, strings.Join(s.pointers(p.child, on), ", ")))
	}
	return nil
}

// noSearchArgument explains where what is missing is to be found.
func (p *planned) noSearchArgument(a given, names []string) error {
	switch a.name {
	case "_include", "_revinclude", "_contained", "_containedType":
		return failure(invalid(a.at, nil, fault.CodeNotSupported, "GraphQL has no %s: ask for the resource of a reference, or for a list with _reference", a.name))
	case argCursor, "cursor":
		return failure(invalid(a.at, nil, fault.CodeNotSupported, "a cursor is possible only with a connection"))
	case "id":
		return failure(invalid(a.at, nil, fault.CodeNotSupported, "%s has no argument id; search with _id, or ask for %s(id: ...)", p.name, p.child.name))
	}
	if strings.Contains(a.name, "__") {
		return failure(invalid(a.at, nil, fault.CodeNotSupported, "%s has no argument %q: a hyphen in the name of a search parameter is one underscore", p.name, fault.Shorten(a.name)))
	}
	return p.noArgument(a, names)
}

func (l *lookup) pointTo(s *Schema, on *named, p *planned, a given) error {
	codes := s.pointers(p.child, on)
	if a.kind != stringKind && a.kind != enumKind || !slices.Contains(codes, strings.ReplaceAll(a.text, "-", "_")) {
		return failure(invalid(a.at, nil, fault.CodeValue, "_reference is the name of a search parameter of %s that points to a %s, which is one of %s",
			p.child.name, on.name, strings.Join(codes, ", ")))
	}
	for _, known := range s.searchArguments(p.child) {
		if known.name == strings.ReplaceAll(a.text, "-", "_") {
			l.reference = known.code
		}
	}
	return nil
}

// resume makes the search of a cursor.
func (d *document) resume(p *planned, a given, reverse bool) error {
	l := p.lookup
	switch {
	case reverse:
		return failure(invalid(a.at, nil, fault.CodeNotSupported, "a cursor is followed at the root of a query to the whole system: { %s(_cursor: ...) }", p.name))
	case len(p.arguments) > 1:
		return failure(invalid(a.at, nil, fault.CodeInvalid, "a cursor carries the search that it belongs to: give no other arguments"))
	}
	c, err := readCursor(a.text)
	if err != nil || c.Type != p.child.name {
		return failure(invalid(a.at, nil, fault.CodeValue, "this is no cursor of a %s: take one from first, previous, next or last", p.name))
	}
	l.at, l.count = c, -1
	for _, pair := range c.Pairs {
		l.pairs = append(l.pairs, search.Pair{Name: pair[0], Value: pair[1]})
	}
	if c.Where != "" {
		l.source = c.Where
		l.criterion, err = d.criterion(given{value: value{kind: stringKind, text: c.Where}, at: a.at})
	}
	return err
}

// add makes a pair of an argument, several values being alternatives.
func (l *lookup) add(a given, code string, write func(string) string) error {
	texts, ok := a.texts()
	if !ok {
		return failure(invalid(a.at, nil, fault.CodeValue, "%s is a value, or a list of values that are alternatives", a.name))
	}
	written := make([]string, len(texts))
	for i, text := range texts {
		written[i] = write(text)
	}
	l.pairs = append(l.pairs, search.Pair{Name: code, Value: strings.Join(written, ",")})
	return nil
}

// addFilter joins filter expressions, which are alternatives like other values.
func (l *lookup) addFilter(a given) error {
	texts, ok := a.texts()
	if !ok {
		return failure(invalid(a.at, nil, fault.CodeValue, "_filter is a filter expression, or a list of them that are alternatives"))
	}
	if len(texts) > 1 {
		for i := range texts {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	l.pairs = append(l.pairs, search.Pair{Name: argFilter, Value: strings.Join(texts, " or ")})
	return nil
}

func plain(text string) string { return text }

// escaped is a value whose commas separate nothing. What is escaped already
// stays.
func escaped(text string) string {
	if !strings.Contains(text, ",") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			b.WriteByte(text[i])
			i++
		case text[i] == ',':
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
