package graphql

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/inglehealth/ingle/spec/fault"
)

// bind gives the variables of the operation their values.
func (s *Schema) bind(d *document, sent jsontext.Value) error {
	d.variables, d.declared = map[string]value{}, map[string]bool{}
	var given map[string]jsontext.Value
	if len(sent) > 0 {
		if err := json.Unmarshal(sent, &given); err != nil {
			return failure(invalid(nil, nil, fault.CodeStructure, "the variables are no JSON object: %v", err))
		}
	}
	for _, v := range d.operation.VariableDefinitions {
		if d.declared[v.Variable] {
			return failure(invalid(v.Position, nil, fault.CodeDuplicate, "the variable $%s is declared twice", fault.Shorten(v.Variable)))
		}
		d.declared[v.Variable] = true
		if err := s.bindOne(d, v, given[v.Variable]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) bindOne(d *document, v *ast.VariableDefinition, sent jsontext.Value) error {
	name := fault.Shorten(v.Variable)
	if t := s.types[v.Type.Name()]; t == nil || t.kind != scalar {
		return failure(invalid(v.Position, nil, fault.CodeNotFound, "the variable $%s has the type %s, which is no type of a value here", name, fault.Shorten(v.Type.Name())))
	}
	switch {
	case sent != nil:
		read, ok := readJSON(sent)
		if !ok {
			return failure(invalid(v.Position, nil, fault.CodeValue, "the variable $%s has a value that no argument takes: give text, a number, true or false, or a list of these", name))
		}
		d.variables[v.Variable] = read
	case v.DefaultValue != nil:
		read, ok, err := d.value(v.DefaultValue)
		if err != nil {
			return err
		}
		if ok {
			d.variables[v.Variable] = read
		}
	}
	got, ok := d.variables[v.Variable]
	if v.Type.NonNull && (!ok || got.kind == null) {
		return failure(invalid(v.Position, nil, fault.CodeRequired, "the variable $%s must have a value", name))
	}
	if ok && !got.fits(v.Type) {
		return failure(invalid(v.Position, nil, fault.CodeValue, "the variable $%s is declared as %s, which %s is not", name, v.Type.String(), fault.Shorten(got.String())))
	}
	return nil
}

// fits says whether a value is of a type. The scalars of FHIR take any text,
// number or boolean.
func (v value) fits(t *ast.Type) bool {
	switch {
	case v.kind == null:
		return !t.NonNull
	case t.Elem != nil:
		for _, item := range v.items() {
			if !item.fits(t.Elem) {
				return false
			}
		}
		return true
	case v.kind == listKind:
		return false
	}
	switch t.NamedType {
	case "Int":
		return v.kind == intKind
	case "Float":
		return v.kind == intKind || v.kind == floatKind
	case "Boolean":
		return v.kind == booleanKind
	case "String":
		return v.kind == stringKind
	case "ID":
		return v.kind == stringKind || v.kind == intKind
	}
	return true
}

// readJSON makes a value of JSON; objects and lists in lists are none.
func readJSON(v jsontext.Value) (value, bool) {
	switch v.Kind() {
	case 'n':
		return value{}, true
	case 't', 'f':
		return value{kind: booleanKind, text: string(v)}, true
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		return value{kind: stringKind, text: string(text)}, err == nil
	case '0':
		if strings.ContainsAny(string(v), ".eE") {
			return value{kind: floatKind, text: string(v)}, true
		}
		return value{kind: intKind, text: string(v)}, true
	case '[':
		var items []jsontext.Value
		if err := json.Unmarshal(v, &items); err != nil {
			return value{}, false
		}
		list := value{kind: listKind}
		for _, item := range items {
			read, ok := readJSON(item)
			if !ok || read.kind == listKind {
				return value{}, false
			}
			list.list = append(list.list, read)
		}
		return list, true
	}
	return value{}, false
}
