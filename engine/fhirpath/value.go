package fhirpath

import (
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Kind says what a Value holds.
type Kind uint8

// The kinds. A FHIR element is a KindNode even when it is primitive; the
// others are the types of the System namespace.
const (
	KindNone Kind = iota
	KindNode
	KindBoolean
	KindString
	KindInteger
	KindLong
	KindDecimal
	KindDate
	KindDateTime
	KindTime
	KindQuantity
	KindType   // what type() returns
	KindObject // %terminologies and %factory
)

var kindNames = [...]string{"", "", "System.Boolean", "System.String", "System.Integer", "System.Long", "System.Decimal",
	"System.Date", "System.DateTime", "System.Time", "System.Quantity", "System.TypeInfo", "System.Any"}

// Value is one item of a collection: an element of a resource, or a value of
// a System type. The zero Value is no value. Values are immutable.
type Value struct {
	node fhir.Node
	num  int64
	data any // string, *apd.Decimal, *Temporal, *Quantity, *typeInfo or object
	kind Kind
}

// Collection is an ordered list of values; empty is FHIRPath's { }.
type Collection []Value

// NodeValue makes a value of an element, no value of no node; it does not
// allocate.
func NodeValue(n fhir.Node) Value {
	if n.IsZero() {
		return Value{}
	}
	return Value{kind: KindNode, node: n}
}

// Boolean makes a System.Boolean.
func Boolean(b bool) Value {
	if b {
		return Value{kind: KindBoolean, num: 1}
	}
	return Value{kind: KindBoolean}
}

// String makes a System.String.
func String(s string) Value { return Value{kind: KindString, data: s} }

// Integer makes a System.Integer.
func Integer(i int32) Value { return Value{kind: KindInteger, num: int64(i)} }

// Long makes a System.Long.
func Long(i int64) Value { return Value{kind: KindLong, num: i} }

// Decimal makes a System.Decimal; d must not be changed afterwards.
func Decimal(d *apd.Decimal) Value { return Value{kind: KindDecimal, data: d} }

// QuantityOf makes a System.Quantity with a UCUM unit ("1" for none); value
// must not be changed afterwards.
func QuantityOf(value *apd.Decimal, unit string) Value {
	return Value{kind: KindQuantity, data: &Quantity{value: value, unit: unit}}
}

// Kind returns what v holds.
func (v Value) Kind() Kind { return v.kind }

// Node returns the element that v is.
func (v Value) Node() (fhir.Node, bool) { return v.node, v.kind == KindNode }

// TypeName is the qualified name of v's type: "FHIR.Patient", "FHIR.code",
// "System.String".
func (v Value) TypeName() string {
	if v.kind == KindNode {
		return "FHIR." + v.node.Type().Name
	}
	return kindNames[v.kind]
}

// Truth returns the boolean that v is, primitive elements included.
func (v Value) Truth() (value, ok bool) {
	s := v.system()
	return s.num != 0, s.kind == KindBoolean
}

// Text returns the string that v is, primitive elements of string types
// included.
func (v Value) Text() (string, bool) {
	if v.kind == KindNode {
		if !v.node.HasValue() || primitiveKind(v.node.Type()) != KindString {
			return "", false
		}
		return v.node.Text(), true
	}
	s, ok := v.data.(string)
	return s, ok && v.kind == KindString
}

// Number returns the number that v is, primitive elements included. The
// result must not be changed.
func (v Value) Number() (*apd.Decimal, bool) { return v.system().decimal() }

// Temporal returns the date, date-time or time that v is, primitive elements
// included.
func (v Value) Temporal() (*Temporal, bool) {
	t, ok := v.system().data.(*Temporal)
	return t, ok
}

// Quantity returns the quantity that v is, Quantity elements of UCUM or
// without a system included.
func (v Value) Quantity() (*Quantity, bool) {
	q, ok := v.quantity().data.(*Quantity)
	return q, ok
}

// String is v as toString() gives it; for a complex element its path.
func (v Value) String() string {
	s := v.system()
	if text, ok := s.text(); ok {
		return text
	}
	if v.kind == KindNode {
		return v.node.Path()
	}
	if info, ok := v.data.(*typeInfo); ok {
		return info.namespace + "." + info.name
	}
	return v.TypeName()
}

// text is the toString() of a System value.
func (v Value) text() (string, bool) {
	switch v.kind {
	case KindString:
		return v.data.(string), true
	case KindBoolean:
		return strconv.FormatBool(v.num != 0), true
	case KindInteger, KindLong:
		return strconv.FormatInt(v.num, 10), true
	case KindDecimal:
		return formatDecimal(v.data.(*apd.Decimal)), true
	case KindDate, KindDateTime, KindTime:
		return v.data.(*Temporal).String(), true
	case KindQuantity:
		return v.data.(*Quantity).String(), true
	}
	return "", false
}

// typeInfo is what type() returns. FHIRPath §9.1 Reflection.
type typeInfo struct{ namespace, name, base string }
