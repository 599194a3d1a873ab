package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// kind says what the values of a column must be.
type kind uint8

const (
	anyPrimitive kind = iota // the view does not say
	textual
	boolean
	integral
	numeric
	temporal
	structured // an element of a complex type
)

const typeURL = "http://hl7.org/fhir/StructureDefinition/"

// typed reads a column's type: the URL of a StructureDefinition, relative to
// FHIR's own, or the path of a backbone element.
func (c *compiler) typed(column *Column, n fhir.Node) {
	column.Type = strings.TrimPrefix(n.Text(), typeURL)
	switch column.Type {
	case "boolean":
		column.kind = boolean
	case "integer", "positiveInt", "unsignedInt", "integer64":
		column.kind = integral
	case "decimal":
		column.kind = numeric
	case "date", "dateTime", "instant", "time":
		column.kind = temporal
	default:
		t := c.d.Type(column.Type)
		switch {
		case t == nil:
			c.problem(fault.CodeValue, n.Path(), "there is no type %q in FHIR %s; a column's type is one like string, decimal or CodeableConcept",
				fault.Shorten(n.Text()), c.d.Release)
		case t.Kind == definitions.Primitive:
			column.kind = textual
		default:
			column.kind = structured
		}
	}
}

// cell checks what a column's path gave.
func (r *run) cell(c *Column, out fhirpath.Collection) (fhirpath.Collection, error) {
	out = slices.DeleteFunc(out, valueless)
	if !c.Collection {
		switch {
		case len(out) == 0:
			return nil, nil
		case len(out) > 1:
			return nil, r.fail(c.path, "the column %s has %d values here; add first() or the like to its path, or set its collection to true", c.Name, len(out))
		}
	}
	for _, v := range out {
		if c.takes(v) {
			continue
		}
		if c.Type == "" {
			return nil, r.fail(c.path, "the column %s has no type, so it takes primitive values only; here it gives %s", c.Name, describe(out))
		}
		return nil, r.fail(c.path, "the column %s is of type %s; here it gives %s", c.Name, c.Type, describe(out))
	}
	if out == nil {
		out = fhirpath.Collection{}
	}
	return out, nil
}

// valueless says that v is a primitive element that has extensions only.
func valueless(v fhirpath.Value) bool {
	n, ok := v.Node()
	return ok && n.IsPrimitive() && !n.HasValue()
}

// takes says whether a value is of the column's type.
func (c *Column) takes(v fhirpath.Value) bool {
	n, isNode := v.Node()
	primitive := !isNode || n.IsPrimitive()
	switch c.kind {
	case structured:
		return isNode && (n.Type().Name == c.Type || n.Type().Is(c.Type))
	case boolean:
		_, ok := v.Truth()
		return ok
	case integral:
		d, ok := v.Number()
		if !ok {
			return false
		}
		_, err := d.Int64()
		return err == nil
	case numeric:
		_, ok := v.Number()
		return ok
	case temporal:
		_, ok := v.Temporal()
		return ok || isNode && n.Type().Name == c.Type
	}
	return primitive
}

func describe(c fhirpath.Collection) string {
	if len(c) != 1 {
		return strconv.Itoa(len(c)) + " values"
	}
	return fmt.Sprintf("a %s", c[0].TypeName())
}

func (r *run) fail(x expression, format string, args ...any) error {
	return fault.New(fault.Unprocessable, fault.CodeProcessing, x.at, "%s (in %s)", fmt.Sprintf(format, args...), r.resource.Tree().Key())
}
