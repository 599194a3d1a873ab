package definitions

import (
	"strings"
	"testing"
)

// unknownName walks a search expression over the definitions and reports the
// first name that no type has. It knows the forms that search expressions
// use: paths, unions, ofType, as, where, resolve, exists, indexers.
func unknownName(d *Definitions, base, expression string) string {
	for _, part := range splitTop(expression, '|') {
		if bad := walkPath(d, base, strings.TrimSpace(part)); bad != "" {
			return bad
		}
	}
	return ""
}

func walkPath(d *Definitions, base, path string) string {
	_, bad := typesOf(d, []*Type{d.Type(base)}, base, path)
	return bad
}

func typesOf(d *Definitions, from []*Type, base, path string) ([]*Type, string) {
	now := from
	for i, step := range splitTop(path, '.') {
		step = strings.TrimSpace(step)
		name, args, call := strings.Cut(step, "(")
		name, _, _ = strings.Cut(name, "[")
		switch {
		case call && name == "": // a parenthesis
			inner := strings.TrimSuffix(args, ")")
			var out []*Type
			for _, alt := range splitTop(inner, '|') {
				if of, as, ok := strings.Cut(alt, " as "); ok {
					if _, bad := typesOf(d, now, base, of); bad != "" {
						return nil, bad
					}
					out = append(out, d.Type(strings.TrimSpace(as)))
					continue
				}
				t, bad := typesOf(d, now, base, strings.TrimSpace(alt))
				if bad != "" {
					return nil, bad
				}
				out = append(out, t...)
			}
			now = out
		case call && (name == "as" || name == "ofType"):
			t := d.Type(strings.TrimSuffix(args, ")"))
			if t == nil {
				return nil, args
			}
			found := false
			for _, n := range now {
				found = found || n == t || t.Is(n.Name)
			}
			if !found {
				return nil, path + " is never " + t.Name
			}
			now = []*Type{t}
		case call:
			if name == "extension" {
				now = []*Type{d.Type("Extension")}
			}
		case i == 0 && d.Type(name) != nil && d.Type(name).Kind == Resource:
			now = []*Type{d.Type(name)}
		default:
			var next []*Type
			for _, t := range now {
				if e := t.Element(name); e != nil {
					for _, ref := range e.Types {
						next = append(next, ref.Type)
					}
				}
			}
			if len(next) == 0 {
				return nil, name
			}
			now = next
		}
	}
	return now, ""
}

func splitTop(s string, sep byte) []string {
	var out []string
	depth, start := 0, 0
	for i := range len(s) {
		switch {
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		case s[i] == sep && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

func TestEverySearchExpressionNamesElementsThatExist(t *testing.T) {
	r4 := loadFile(t, "hl7.fhir.r4.core-4.0.1.tgz", nil)
	for _, d := range []*Definitions{MustBuiltIn(R4), MustBuiltIn(R4B), r4} {
		r := d.Release
		for _, p := range d.paramByURL {
			if len(p.Base) == 0 {
				continue // on no type: nothing can be asked with it
			}
			for _, base := range p.Base {
				if d.Type(base) == nil {
					t.Errorf("%s %s: unknown base %s", r, p.URL, base)
				}
			}
			if p.Expression == "" || p.Code == "deceased" { // a boolean expression, no path
				continue
			}
			if bad := unknownName(d, p.Base[0], p.Expression); bad != "" {
				t.Errorf("%s %s: %s: no element %s", r, p.URL, p.Expression, bad)
			}
			for _, c := range p.Components {
				if d.SearchParameterByURL(c.Definition) == nil {
					t.Errorf("%s %s: unknown component %s", r, p.URL, c.Definition)
				}
				out, bad := typesOf(d, []*Type{d.Type(p.Base[0])}, p.Base[0], splitTop(p.Expression, '|')[0])
				if bad == "" && c.Expression != "" {
					for _, alt := range splitTop(strings.TrimPrefix(c.Expression, "%resource."), '|') {
						if strings.HasPrefix(c.Expression, "%resource") {
							out = []*Type{d.Type(p.Base[0])}
						}
						if _, bad := typesOf(d, out, "", strings.TrimSpace(alt)); bad != "" {
							t.Errorf("%s %s: component %q: %s", r, p.URL, c.Expression, bad)
						}
					}
				}
			}
		}
	}
}
