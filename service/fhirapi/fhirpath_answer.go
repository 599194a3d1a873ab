package fhirapi

import (
	"encoding/json"
	"strings"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Extensions of the FHIRPath Lab's server API.
const (
	jsonValue    = "http://fhir.forms-lab.com/StructureDefinition/json-value"
	xmlValue     = "http://fhir.forms-lab.com/StructureDefinition/xml-value"
	resourcePath = "http://fhir.forms-lab.com/StructureDefinition/resource-path"
)

// answer builds the Parameters that $fhirpath returns. The first error stays
// in err; after it nothing is added.
type answer struct {
	root  fhir.Node
	model *definitions.Type // of Parameters.parameter: which value[x] there are
	err   error
}

func newAnswer(d *definitions.Definitions) (*answer, error) {
	tree, err := fhir.New(d, "Parameters")
	if err != nil {
		return nil, err
	}
	a := &answer{root: tree.Root(), model: d.Type("Parameters.parameter")}
	a.text(a.root, "id", "fhirpath")
	return a, a.err
}

func (a *answer) add(parent fhir.Node, property string) fhir.Node {
	if a.err != nil {
		return fhir.Node{}
	}
	n, err := parent.Add(property)
	a.err = err
	return n
}

func (a *answer) text(n fhir.Node, property, text string) {
	if a.err == nil {
		_, a.err = n.Set(property, text)
	}
}

func (a *answer) graft(n fhir.Node, property string, src fhir.Node) {
	if a.err == nil {
		_, a.err = n.Graft(property, src)
	}
}

// parameter adds a parameter.
func (a *answer) parameter(name string) fhir.Node {
	n := a.add(a.root, "parameter")
	a.text(n, "name", name)
	return n
}

// part adds a part to a parameter.
func (a *answer) part(parent fhir.Node, name string) fhir.Node {
	n := a.add(parent, "part")
	a.text(n, "name", name)
	return n
}

func (a *answer) extension(n fhir.Node, url, value string) {
	e := a.add(n, "extension")
	a.text(e, "url", url)
	a.text(e, "valueString", value)
}

// value adds a part that is named after the type of v and holds it.
func (a *answer) value(parent fhir.Node, v fhirpath.Value) {
	n, ok := v.Node()
	if !ok {
		a.system(parent, v)
		return
	}
	part := a.part(parent, n.Type().Name)
	a.extension(part, resourcePath, n.Path())
	if n.IsResource() {
		a.graft(part, "resource", n)
		return
	}
	property := "value" + strings.ToUpper(n.Type().Name[:1]) + n.Type().Name[1:]
	if _, ok := a.model.Property(property); ok {
		a.graft(part, property, n)
		return
	}
	a.extension(part, jsonValue, string(n.AppendJSONIndent(nil)))
}

// system adds a value that is no element.
func (a *answer) system(parent fhir.Node, v fhirpath.Value) {
	name, property := "", ""
	switch v.Kind() {
	case fhirpath.KindBoolean:
		name, property = "boolean", "valueBoolean"
	case fhirpath.KindInteger:
		name, property = "integer", "valueInteger"
	case fhirpath.KindDecimal:
		name, property = "decimal", "valueDecimal"
	case fhirpath.KindDate:
		name, property = "date", "valueDate"
	case fhirpath.KindDateTime:
		name, property = "dateTime", "valueDateTime"
	case fhirpath.KindTime:
		name, property = "time", "valueTime"
	case fhirpath.KindLong:
		name, property = "integer64", "valueInteger64" // from R5 on
	case fhirpath.KindString:
		name, property = "string", "valueString"
		if v.String() == "" {
			a.part(parent, "empty-string")
			return
		}
	case fhirpath.KindQuantity:
		a.quantity(parent, v)
		return
	default:
		a.text(a.part(parent, v.TypeName()), "valueString", v.String())
		return
	}
	// FHIR's times have seconds and its strings something to see; FHIRPath's need not.
	if _, ok := a.model.Property(property); ok && fhir.CheckText(name, v.String()) == "" {
		a.text(a.part(parent, name), property, v.String())
		return
	}
	text, err := json.Marshal(v.String())
	if err != nil {
		a.err = err
		return
	}
	a.extension(a.part(parent, name), jsonValue, string(text))
}

func (a *answer) quantity(parent fhir.Node, v fhirpath.Value) {
	q, _ := v.Quantity()
	n := a.add(a.part(parent, "Quantity"), "valueQuantity")
	a.text(n, "value", fhirpath.Decimal(q.Value()).String())
	unit := q.Unit()
	if fhir.CheckText("string", unit) != "" {
		return
	}
	a.text(n, "unit", unit)
	if system := q.System(); system != "" && fhir.CheckText("code", unit) == "" {
		a.text(n, "system", system)
		a.text(n, "code", unit)
	}
}
