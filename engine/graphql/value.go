package graphql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/inglehealth/ingle/spec/fault"
)

// value is what an argument or variable is given.
type value struct {
	kind valueKind
	text string  // of all but lists and null
	list []value // of a list
}

type valueKind uint8

const (
	null valueKind = iota
	stringKind
	enumKind // a name without quotes
	intKind
	floatKind
	booleanKind
	listKind
)

// items are the values of a list, or the one value.
func (v value) items() []value {
	switch v.kind {
	case listKind:
		return v.list
	case null:
		return nil
	}
	return []value{v}
}

// texts are the values as text, none of which may be a list or null.
func (v value) texts() ([]string, bool) {
	items := v.items()
	texts := make([]string, len(items))
	for i, item := range items {
		if item.kind == listKind || item.kind == null {
			return nil, false
		}
		texts[i] = item.text
	}
	return texts, len(texts) > 0
}

// integer is a whole number that is not negative.
func (v value) integer() (int, bool) {
	if v.kind != intKind {
		return 0, false
	}
	n, err := strconv.ParseInt(v.text, 10, 32)
	return int(n), err == nil && n >= 0
}

// String writes the value, for comparison and for messages.
func (v value) String() string {
	switch v.kind {
	case null:
		return "null"
	case listKind:
		parts := make([]string, len(v.list))
		for i, item := range v.list {
			parts[i] = item.String()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case stringKind, enumKind:
		return strconv.Quote(v.text)
	}
	return v.text
}

// value reads a value of the query. ok is false for a variable without one.
func (d *document) value(v *ast.Value) (out value, ok bool, err error) {
	switch v.Kind {
	case ast.Variable:
		if !d.declared[v.Raw] {
			return value{}, false, failure(invalid(v.Position, nil, fault.CodeRequired, "the variable $%s is not declared by the operation", fault.Shorten(v.Raw)))
		}
		out, ok = d.variables[v.Raw]
		return out, ok, nil
	case ast.ListValue:
		list := value{kind: listKind}
		for _, child := range v.Children {
			item, ok, err := d.value(child.Value)
			if err != nil {
				return value{}, false, err
			}
			if ok {
				list.list = append(list.list, item)
			}
		}
		return list, true, nil
	case ast.ObjectValue:
		return value{}, false, failure(invalid(v.Position, nil, fault.CodeValue, "no argument takes an object"))
	}
	kinds := map[ast.ValueKind]valueKind{
		ast.IntValue: intKind, ast.FloatValue: floatKind, ast.StringValue: stringKind, ast.BlockValue: stringKind,
		ast.BooleanValue: booleanKind, ast.NullValue: null, ast.EnumValue: enumKind,
	}
	return value{kind: kinds[v.Kind], text: v.Raw}, true, nil
}

// arguments are the arguments of a field or directive that have a value.
type arguments []given

type given struct {
	name string
	value
	at *ast.Position
}

func (a arguments) get(name string) (value, bool) {
	i := slices.IndexFunc(a, func(g given) bool { return g.name == name })
	if i < 0 {
		return value{}, false
	}
	return a[i].value, true
}

// text is a string or name, "" when it is not given.
func (a arguments) text(name string) string {
	v, _ := a.get(name)
	return v.text
}

// arguments reads the arguments of a field or directive. null is no value.
func (d *document) arguments(list ast.ArgumentList) (arguments, error) {
	var out arguments
	for _, a := range list {
		for _, other := range out {
			if other.name == a.Name {
				return nil, failure(invalid(a.Position, nil, fault.CodeDuplicate, "the argument %s is given twice", fault.Shorten(a.Name)))
			}
		}
		v, ok, err := d.value(a.Value)
		if err != nil {
			return nil, err
		}
		if ok && v.kind != null {
			out = append(out, given{a.Name, v, a.Position})
		}
	}
	return out, nil
}
