package search

import (
	"errors"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// reader gives the function that reads one value of a parameter with a
// modifier, and whether the modifier negates all values together. The errors
// of the function say what is wrong with the value; the caller names it.
func (p *parser) reader(param found, name, modifier string) (read func(string) (Expr, error), negate bool, err error) {
	as := param.as
	if param.Code == codeLastUpdated && modifier == "" {
		return func(raw string) (Expr, error) {
			d, err := p.date(as, raw)
			return LastUpdated{d.Prefix, d.Range, d.Written}, err
		}, false, nil
	}
	if param.Code == codeID && (modifier == "" || modifier == "not") {
		return readID, modifier == "not", nil
	}
	switch {
	case param.Kind == definitions.SearchString && (modifier == "exact" || modifier == "contains"):
		mode := StringExact
		if modifier == "contains" {
			mode = StringContains
		}
		return func(raw string) (Expr, error) { return readString(as, mode, raw) }, false, nil
	case param.Kind == definitions.SearchToken && modifier == "not":
		return func(raw string) (Expr, error) { return readToken(as, raw, param.caseless) }, true, nil
	case param.Kind == definitions.SearchReference && modifier == "identifier":
		return func(raw string) (Expr, error) { return readToken(as, raw, false) }, false, nil
	case param.Kind == definitions.SearchReference && modifier != "" && p.c.defs.IsResource(modifier):
		return func(raw string) (Expr, error) { return p.reference(param, modifier, raw) }, false, nil
	case modifier != "":
		if read := p.modified(param, modifier); read != nil {
			return read, modifier == "not-in", nil
		}
		return nil, false, fault.New(fault.Invalid, fault.CodeNotSupported, "",
			"search parameter %q: modifier :%s is not supported for %s parameters; they take %s",
			fault.Shorten(name), fault.Shorten(modifier), param.Kind, p.c.modifiersOf(param.parameter))
	}
	return func(raw string) (Expr, error) { return p.value(param, raw) }, false, nil
}

// value reads one value without modifier.
func (p *parser) value(param found, raw string) (Expr, error) {
	if param.Kind == definitions.SearchComposite {
		return p.composite(param, raw)
	}
	switch param.Kind {
	case definitions.SearchReference:
		return p.reference(param, "", raw)
	case definitions.SearchToken:
		return readToken(param.as, raw, param.caseless)
	case definitions.SearchSpecial:
		if param.overTexts() {
			return readWords(param.as, raw)
		}
		return p.near(param.as, raw)
	case definitions.SearchURI:
		if x, ok := p.versioned(param, raw); ok {
			return x, nil
		}
		if x, ok := p.relative(param.as, raw); ok {
			return x, nil
		}
	}
	return p.leaf(param.as, raw)
}

// versioned reads url=canonical|version as a search for the canonical and the
// business version (§3.1.1.4.9).
func (p *parser) versioned(param found, raw string) (Expr, bool) {
	parts := split(raw, '|')
	if param.Code != "url" || len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return nil, false
	}
	version, err := p.find([]string{param.as.Type}, "version")
	if err != nil || version.Kind != definitions.SearchToken {
		return nil, false
	}
	url, err := plain(parts[0])
	if err != nil {
		return nil, false
	}
	token, err := readToken(version.as, parts[1], version.caseless)
	return And{URI{Param: param.as, Value: Bound(url)}, token}, err == nil
}

// leaf reads a value of the kinds that need nothing but their Param.
func (p *parser) leaf(as Param, raw string) (Expr, error) {
	switch as.Kind {
	case definitions.SearchToken:
		return readToken(as, raw, false)
	case definitions.SearchString:
		return readString(as, StringStarts, raw)
	case definitions.SearchDate:
		return p.date(as, raw)
	case definitions.SearchNumber:
		return readNumber(as, raw)
	case definitions.SearchQuantity:
		return p.quantity(as, raw)
	case definitions.SearchURI:
		text, err := plain(raw)
		return URI{Param: as, Value: Bound(text)}, err
	}
	return nil, fmt.Errorf("parameters of type %s are not supported", as.Kind)
}

var errBackslash = errors.New(`a backslash must stand before one of \ , | $`)

func plain(raw string) (string, error) {
	text, ok := unescape(raw)
	if !ok {
		return "", errBackslash
	}
	return text, nil
}

func readID(raw string) (Expr, error) {
	text, err := plain(raw)
	if err == nil && !fhir.ID(text).Valid() {
		err = errors.New("an id is 1 to 64 letters, digits, hyphens and full stops")
	}
	return IDs{text}, err
}

func readString(as Param, mode StringMode, raw string) (Expr, error) {
	text, err := plain(raw)
	if err != nil {
		return nil, err
	}
	if mode == StringExact {
		return String{as, mode, Bound(text)}, nil
	}
	value := Normalize(text)
	switch {
	case value == "":
		return nil, errors.New("nothing is left to search for without punctuation and accents; use :exact")
	case len(value) > MaxText:
		return nil, fmt.Errorf("only the first %d bytes of a text are searched by", MaxText)
	}
	return String{as, mode, value}, nil
}

// readToken reads one of the four forms of a token. With caseless, entries that are
// kept in lower case (withoutCase) are found in any case.
func readToken(as Param, raw string, caseless bool) (Expr, error) {
	parts := split(raw, '|')
	if len(parts) > 2 {
		return nil, errors.New(`a token has one | between system and code; write \| for one that belongs to the code`)
	}
	for i := range parts {
		text, err := plain(parts[i])
		if err != nil {
			return nil, err
		}
		parts[i] = Bound(text)
	}
	x := Token{Param: as, Code: parts[len(parts)-1]}
	switch {
	case len(parts) == 1:
		x.AnySystem = true
	case parts[0] == "" && parts[1] == "":
		return nil, errors.New("a token needs a system or a code beside the |")
	default:
		x.System, x.AnyCode = parts[0], parts[1] == ""
	}
	if lower := strings.ToLower(x.Code); caseless && x.System == "" && lower != x.Code {
		folded := x
		folded.Code = lower
		return Or{x, folded}, nil
	}
	return x, nil
}

// prefixed takes the comparison prefix off a value.
func prefixed(raw string) (Prefix, string, error) {
	if len(raw) < 2 || !isLetter(raw[0]) || !isLetter(raw[1]) {
		return EQ, raw, nil
	}
	switch prefix := Prefix(raw[:2]); prefix {
	case EQ, NE, GT, LT, GE, LE, SA, EB, AP:
		return prefix, raw[2:], nil
	}
	return "", "", fmt.Errorf("%q is not a prefix; the prefixes are eq, ne, gt, lt, ge, le, sa, eb and ap", raw[:2])
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func (p *parser) date(as Param, raw string) (Date, error) {
	prefix, text, err := prefixed(raw)
	if err != nil {
		return Date{}, err
	}
	r, ok := ParseTime(text)
	if !ok {
		return Date{}, errors.New("a date is written YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.sss]] with Z or a time zone such as +02:00")
	}
	d := Date{Param: as, Prefix: prefix, Range: r}
	if prefix == AP && !p.o.Now.IsZero() {
		distance := p.o.Now.UnixMicro() - r.Lo
		if distance < 0 {
			distance = -distance
		}
		d.Range = TimeRange{Lo: r.Lo - distance/10, Hi: r.Hi + distance/10}
		d.Written = r
	}
	return d, nil
}

var errNumber = errors.New("a number is written like 100, 5.40, -3 or 1e2")

func readNumber(as Param, raw string) (Expr, error) {
	prefix, text, err := prefixed(raw)
	if err != nil {
		return nil, err
	}
	r, ok := ParseNumber(text)
	if !ok {
		return nil, errNumber
	}
	if prefix == AP {
		r = r.widen()
	}
	return Number{as, prefix, r}, nil
}

func (p *parser) quantity(as Param, raw string) (Expr, error) {
	parts := split(raw, '|')
	if len(parts) != 1 && len(parts) != 3 {
		return nil, errors.New("a quantity is written number, number|system|code or number||unit")
	}
	prefix, text, err := prefixed(parts[0])
	if err != nil {
		return nil, err
	}
	r, ok := ParseNumber(text)
	if !ok {
		return nil, errNumber
	}
	q := Quantity{Param: as, Prefix: prefix, Range: r, AnySystem: true}
	if len(parts) == 3 {
		system, err := plain(parts[1])
		if err != nil {
			return nil, err
		}
		unit, err := plain(parts[2])
		if err != nil {
			return nil, err
		}
		q.System, q.Unit, q.AnySystem = Bound(system), Bound(unit), system == ""
		if system == ucumSystem && unit != "" {
			q.Canonical = p.c.units.canonical(r, unit)
		}
	}
	if prefix == AP {
		q.Range = r.widen()
		if q.Canonical != nil {
			q.Canonical.Range = q.Canonical.Range.widen()
		}
	}
	return q, nil
}

// composite reads the parts of a composite value, split at $.
func (p *parser) composite(param found, raw string) (Expr, error) {
	parts := split(raw, '$')
	if len(parts) != len(param.components) {
		codes := make([]string, len(param.components))
		for i, one := range param.components {
			codes[i] = one.code
		}
		return nil, fmt.Errorf("it needs %d parts, %s, and has %d", len(codes), strings.Join(codes, "$"), len(parts))
	}
	x := Composite{Param: param.as}
	for i, one := range param.components {
		if parts[i] == "" {
			return nil, fmt.Errorf("the part for %s is empty", one.code)
		}
		part, err := p.part(one, parts[i])
		if err != nil {
			return nil, fmt.Errorf("in the part for %s, %w", one.code, err)
		}
		x.Parts = append(x.Parts, part)
	}
	return x, nil
}

func (p *parser) part(one component, raw string) (Expr, error) {
	as := Param{Kind: one.kind}
	if one.kind == definitions.SearchReference {
		return p.reference(found{&parameter{Param: as, def: one.def}, as, one.def.Targets}, "", raw)
	}
	if one.kind == definitions.SearchToken {
		return readToken(as, raw, one.caseless)
	}
	return p.leaf(as, raw)
}
