package search

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// resultParameters shape the result rather than filter it (§3.1.1.5).
var resultParameters = []string{"_contained", "_containedType", "_count", "_elements", "_include", "_revinclude", "_sort", "_summary", "_total"}

// resultReader gives the method that reads a result parameter, or nil.
func resultReader(name string) func(*parser, Pair) error {
	switch name {
	case "_sort":
		return (*parser).sort
	case "_count":
		return (*parser).count
	case "_total":
		return (*parser).total
	case "_summary":
		return (*parser).summary
	case "_elements":
		return (*parser).elements
	case "_contained", "_containedType":
		return (*parser).contained
	case "_include", "_revinclude":
		return (*parser).include
	}
	return nil
}

// once refuses a second occurrence, and modifiers.
func (p *parser) once(pair Pair) error {
	name, modifier, modified := strings.Cut(pair.Name, ":")
	if modified {
		hint := ""
		if name == "_sort" {
			hint = "; for descending order put a hyphen before the name, as in _sort=-date"
		}
		return fault.New(fault.Invalid, fault.CodeNotSupported, "", "%s takes no modifier :%s%s", name, fault.Shorten(modifier), hint)
	}
	if p.seen[name] {
		return fault.New(fault.Invalid, fault.CodeInvalid, "", "%s is given twice; give it once, with commas if it takes several values", name)
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[name] = true
	return nil
}

// types reads _type of a search over the system.
func (p *parser) types(pair Pair) error {
	if err := p.once(pair); err != nil {
		return err
	}
	if err := p.checkText(pair); err != nil {
		return err
	}
	var types []string
	for _, name := range strings.Split(pair.Value, ",") {
		if !p.c.defs.IsResource(name) {
			return malformed("_type", pair.Value, "%q is not a resource type of FHIR %s%s", fault.Shorten(name), p.c.defs.Release, meant(name, p.c.defs.ResourceTypes()))
		}
		if !slices.Contains(types, name) {
			types = append(types, name)
		}
	}
	if len(p.q.Types) > 0 && !slices.Equal(types, p.q.Types) {
		return malformed("_type", pair.Value, "this URL already searches %s", p.q.Types[0])
	}
	p.q.Types = types
	p.apply(pair)
	return nil
}

func (p *parser) count(pair Pair) error {
	if err := p.once(pair); err != nil {
		return err
	}
	n, err := strconv.ParseUint(pair.Value, 10, 31)
	if err != nil {
		return malformed("_count", pair.Value, "it takes a whole number of resources a page")
	}
	p.q.Count = min(int(n), p.o.MaxCount)
	return nil
}

func (p *parser) total(pair Pair) error {
	if err := p.once(pair); err != nil {
		return err
	}
	switch pair.Value {
	case "none":
		p.q.Total = TotalNone
	case "estimate":
		p.q.Total = TotalEstimate
	case "accurate":
		p.q.Total = TotalAccurate
	default:
		return malformed("_total", pair.Value, "it takes none, estimate or accurate")
	}
	return nil
}

func (p *parser) summary(pair Pair) error {
	if err := p.once(pair); err != nil {
		return err
	}
	switch s := Summary(pair.Value); s {
	case SummaryTrue, SummaryText, SummaryData, SummaryCount:
		p.q.Summary = s
	case "false":
	default:
		return malformed("_summary", pair.Value, "it takes true, text, data, count or false")
	}
	return nil
}

// elements reads _elements: names of elements at the top of the resources.
func (p *parser) elements(pair Pair) error {
	if err := p.once(pair); err != nil {
		return err
	}
	types := p.q.Types
	if len(types) == 0 {
		types = p.c.defs.ResourceTypes()
	}
	for _, name := range strings.Split(pair.Value, ",") {
		name, err := Element(p.c.defs, types, name)
		if err != nil {
			return malformed("_elements", pair.Value, "%s", err)
		}
		if !slices.Contains(p.q.Elements, name) {
			p.q.Elements = append(p.q.Elements, name)
		}
	}
	return nil
}

// Element reads a name in _elements (R4 §3.1.1.5.9), which some of types must
// have as an element: "value", which may be written "value[x]" or
// "Observation.value", too. The error says what was meant.
func Element(d *definitions.Definitions, types []string, name string) (string, error) {
	name = strings.TrimSpace(name)
	base := strings.TrimSuffix(name, "[x]")
	var names []string
	for _, t := range types {
		short := strings.TrimPrefix(base, t+".")
		for _, e := range d.Type(t).Elements {
			if e.Name == short {
				return short, nil
			}
			if rest, ok := strings.CutPrefix(short, e.Name); ok && len(e.Types) > 1 && rest[0] >= 'A' && rest[0] <= 'Z' {
				return "", fmt.Errorf("no element is called %q; all the forms of a choice are named together: %s", fault.Shorten(name), e.Name)
			}
			names = append(names, e.Name)
		}
	}
	if strings.Contains(name, ".") {
		return "", fmt.Errorf("%q goes into an element; only whole elements of the resource can be named", fault.Shorten(name))
	}
	return "", fmt.Errorf("no element is called %q%s", fault.Shorten(name), meant(name, names))
}

func (p *parser) sort(pair Pair) error {
	if err := p.once(pair); err != nil {
		return err
	}
	keys := strings.Split(pair.Value, ",")
	if len(keys) > 8 {
		return malformed("_sort", pair.Value, "it has %d parts; this server sorts by at most 8", len(keys))
	}
	for _, key := range keys {
		code, desc := strings.CutPrefix(key, "-")
		if code == "" {
			return malformed("_sort", pair.Value, "it takes names of search parameters, as in _sort=-date,name")
		}
		param, err := p.find(p.q.Types, code)
		if err != nil {
			return err
		}
		if param.Kind == definitions.SearchComposite || param.Kind == definitions.SearchSpecial {
			return malformed("_sort", pair.Value, "%q is a parameter of type %s, which has no order", code, param.Kind)
		}
		p.q.Sort = append(p.q.Sort, SortKey{Param: param.as, Desc: desc})
	}
	return nil
}

// include reads _include and _revinclude (§3.1.1.5.5): Source:param,
// Source:param:Target, Source:* or *.
func (p *parser) include(pair Pair) error {
	name, modifier, modified := strings.Cut(pair.Name, ":")
	one := Include{Reverse: name == "_revinclude", Iterate: modified}
	if modified && modifier != "iterate" {
		return fault.New(fault.Invalid, fault.CodeNotSupported, "", "%s takes the modifier :iterate, not :%s", name, fault.Shorten(modifier))
	}
	if len(p.q.Includes) >= p.o.Limits.Parameters {
		return fault.New(fault.Invalid, fault.CodeTooCostly, "", "there are more than %d includes", p.o.Limits.Parameters)
	}
	if pair.Value == "*" {
		if one.Reverse {
			return malformed(pair.Name, pair.Value, "name the type that refers to the result, as in _revinclude=Provenance:* or Provenance:target")
		}
		one.Param = Param{Type: System, Code: "*", Kind: definitions.SearchReference}
		if !one.Iterate && len(p.q.Types) == 1 {
			one.Source = p.q.Types[0]
			one.Param.Type = one.Source
		}
		p.q.Includes = append(p.q.Includes, one)
		return nil
	}
	parts := strings.Split(pair.Value, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return malformed(pair.Name, pair.Value, "it is written Type:reference, Type:reference:Target, Type:* or *")
	}
	one.Source = parts[0]
	if !p.c.defs.IsResource(one.Source) {
		return malformed(pair.Name, pair.Value, "%q is not a resource type%s", fault.Shorten(one.Source), meant(one.Source, p.c.defs.ResourceTypes()))
	}
	one.Param = Param{Type: one.Source, Code: "*", Kind: definitions.SearchReference}
	if parts[1] != "*" {
		param, err := p.find([]string{one.Source}, parts[1])
		if err != nil {
			return err
		}
		if param.Kind != definitions.SearchReference {
			return malformed(pair.Name, pair.Value, "%q is a %s; only references can be included", parts[1], param.Kind)
		}
		one.Param = param.as
	}
	if len(parts) == 3 && parts[2] != "" {
		one.Target = parts[2]
		if !p.c.defs.IsResource(one.Target) {
			return malformed(pair.Name, pair.Value, "%q is not a resource type%s", fault.Shorten(one.Target), meant(one.Target, p.c.defs.ResourceTypes()))
		}
	}
	p.q.Includes = append(p.q.Includes, one)
	return nil
}
