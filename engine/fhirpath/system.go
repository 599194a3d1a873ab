package fhirpath

import (
	"strconv"

	"github.com/inglehealth/ingle/spec/definitions"
)

// primitiveKind is the System type that a FHIR primitive converts to
// implicitly, KindNone for a complex type. R4 §2.1.9.1.
func primitiveKind(t *definitions.Type) Kind {
	if t == nil || t.Kind != definitions.Primitive {
		return KindNone
	}
	switch t.Name {
	case "boolean":
		return KindBoolean
	case "integer", "positiveInt", "unsignedInt":
		return KindInteger
	case "integer64":
		return KindLong
	case "decimal":
		return KindDecimal
	case "date":
		return KindDate
	case "dateTime", "instant":
		return KindDateTime
	case "time":
		return KindTime
	}
	return KindString
}

// system converts a primitive element to its System value; complex elements
// and System values stay as they are. A primitive without a value, having
// only extensions, stays an element.
func (v Value) system() Value {
	if v.kind != KindNode {
		return v
	}
	n := v.node
	if !n.HasValue() {
		return v
	}
	kind := primitiveKind(n.Type())
	switch kind {
	case KindNone:
		return v
	case KindString:
		return String(n.Text())
	case KindBoolean:
		return Boolean(n.Bool())
	case KindInteger, KindLong:
		if i, err := strconv.ParseInt(n.Text(), 10, 64); err == nil {
			return Value{kind: kind, num: i}
		}
	case KindDecimal:
		if d, ok := parseDecimal(n.Text()); ok {
			return Decimal(d)
		}
	case KindDate:
		if t, ok := parseDate(n.Text()); ok {
			return temporalValue(t)
		}
	case KindDateTime:
		if t, ok := parseDateTime(n.Text()); ok {
			return temporalValue(t)
		}
	case KindTime:
		if t, ok := parseTime(n.Text()); ok {
			return temporalValue(t)
		}
	}
	return v
}

const ucumSystem = "http://unitsofmeasure.org"

// quantity is system, converting Quantity elements too. An element with a
// comparator or without a value is not a System.Quantity and stays an element;
// one with a unit of another code system than UCUM is so only for comparing.
// R4 §2.1.9.1, Quantity to System.Quantity.
func (v Value) quantity() Value {
	if v.kind != KindNode {
		return v
	}
	t := v.node.Type()
	if t == nil || !t.Is("Quantity") {
		return v.system()
	}
	var value, unit, system, code string
	for c := v.node.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		switch c.Name() {
		case "value":
			value = c.Text()
		case "unit":
			unit = c.Text()
		case "system":
			system = c.Text()
		case "code":
			code = c.Text()
		case "comparator":
			return v
		}
	}
	d, ok := parseDecimal(value)
	if !ok {
		return v
	}
	if system != "" && system != ucumSystem {
		return Value{kind: KindQuantity, data: &Quantity{value: d, unit: code, system: system}}
	}
	switch {
	case code != "":
		unit = code
	case unit == "":
		unit = "1"
	}
	if system == "" && code == "" {
		if calendar, ok := calendarUnits[unit]; ok {
			return Value{kind: KindQuantity, data: &Quantity{value: d, unit: calendar, calendar: true}}
		}
	}
	mapped := system == ucumSystem && (unit == "a" || unit == "mo")
	return Value{kind: KindQuantity, data: &Quantity{value: d, unit: unit, mapped: mapped}}
}
