package search

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// operators are those of _filter (R4 §3.3.1). What ss, sb, in and ni ask of a
// token is what a modifier asks.
var operators = []string{"eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr", "po", "ss", "sb", "in", "ni", "re"}

// operatorsOf lists what can be asked of each kind of parameter, pr aside.
var operatorsOf = map[definitions.SearchType][]string{
	definitions.SearchString:    {"eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le"},
	definitions.SearchNumber:    {"eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb"},
	definitions.SearchQuantity:  {"eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb"},
	definitions.SearchDate:      {"eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb", "po", "co"},
	definitions.SearchToken:     {"eq", "ne", "ss", "sb", "in", "ni"},
	definitions.SearchReference: {"re"},
	definitions.SearchURI:       {"eq", "ne"},
	definitions.SearchComposite: {"eq"},
}

// subsumption names the modifier that asks the same as an operator: ss is true
// of the concepts below the value.
var subsumption = map[string]string{"ss": "below", "sb": "above", "in": "in", "ni": "not-in"}

// stringModes are the operators on strings, ne aside.
var stringModes = map[string]StringMode{
	"eq": StringEquals, "co": StringContains, "sw": StringStarts, "ew": StringEnds,
	"gt": StringAbove, "lt": StringBelow, "ge": StringFrom, "le": StringUpTo,
}

// systems may be written in place of their URIs (R4 §3.3.1).
var systems = map[string]string{
	"loinc": "http://loinc.org", "snomed": "http://snomed.info/sct", "ucum": ucumSystem,
	"rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
}

func isOperator(op string) bool { return slices.Contains(operators, op) }

// compare is what an operator other than pr asks of a parameter.
func (p *parser) compare(param found, op, value string) (Expr, error) {
	if err := applies(op, param.Kind); err != nil {
		return nil, err
	}
	as := param.as
	switch {
	case param.Code == codeID:
		x, err := readID(value)
		if op == "ne" {
			x = Not{x}
		} else if op != "eq" {
			return nil, fmt.Errorf("operator %s cannot be used on _id", op)
		}
		return x, err
	case param.Kind == definitions.SearchString:
		return compareString(as, op, value)
	case param.Kind == definitions.SearchDate:
		d, err := p.compareDate(as, op, value)
		if param.Code == codeLastUpdated {
			return LastUpdated{d.Prefix, d.Range, d.Written}, err
		}
		return d, err
	case param.Kind == definitions.SearchToken && subsumption[op] != "":
		read, negate, err := p.reader(param, param.Code+":"+subsumption[op], subsumption[op])
		if err != nil {
			return nil, err
		}
		x, err := read(expandSystem(value, 0))
		if negate {
			x = Not{x}
		}
		return x, err
	case param.Kind == definitions.SearchNumber:
		return readNumber(as, op+value)
	case param.Kind == definitions.SearchQuantity:
		return p.quantity(as, op+expandSystem(value, 1))
	case param.Kind == definitions.SearchToken:
		value = expandSystem(value, 0)
	}
	if op == "ne" {
		x, err := p.leafOf(param, value)
		return Other{x}, err
	}
	return p.value(param, value)
}

// leafOf reads a value that is compared with one entry.
func (p *parser) leafOf(param found, value string) (Expr, error) {
	if param.Kind == definitions.SearchToken {
		return readToken(param.as, value, param.caseless)
	}
	return p.leaf(param.as, value)
}

func applies(op string, kind definitions.SearchType) error {
	allowed := operatorsOf[kind]
	if slices.Contains(allowed, op) {
		return nil
	}
	return fault.New(fault.Invalid, fault.CodeValue, "", "operator %s cannot be used on a parameter of type %s; it takes %s",
		op, kind, strings.Join(append([]string{"pr"}, allowed...), ", "))
}

func compareString(as Param, op, value string) (Expr, error) {
	if op == "ne" {
		x, err := compareString(as, "eq", value)
		return Other{x}, err
	}
	x := String{as, stringModes[op], Normalize(value)}
	switch {
	case x.Value == "":
		return nil, fmt.Errorf("nothing is left of %q to compare with, without punctuation", fault.Shorten(value))
	case len(x.Value) > MaxText:
		return nil, fmt.Errorf("only the first %d bytes of a text are searched by", MaxText)
	}
	return x, nil
}

// compareDate reads a date. po and co take the range as it is written.
func (p *parser) compareDate(as Param, op, value string) (Date, error) {
	if op != "po" && op != "co" {
		return p.date(as, op+value)
	}
	d, err := p.date(as, value)
	if err != nil {
		return d, err
	}
	if d.Prefix != EQ || isLetter(value[0]) {
		return d, fmt.Errorf("%q is not a date", fault.Shorten(value))
	}
	d.Prefix = CO
	if op == "po" {
		d.Prefix = AP
	}
	return d, nil
}

// expandSystem puts the URI of a system in the place of its short name, which is the
// part of the value with this number.
func expandSystem(value string, part int) string {
	parts := split(value, '|')
	if len(parts) < 2 || part >= len(parts) {
		return value
	}
	if uri, ok := systems[strings.ToLower(parts[part])]; ok {
		parts[part] = uri
	}
	return strings.Join(parts, "|")
}
