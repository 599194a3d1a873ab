package search

import (
	"reflect"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Parts of a Reference besides what it refers to that a search may be about.
const (
	byDisplay    = ":display"
	byIdentifier = ":identifier"
)

// ParamsOf lists the parameters by which x and its parts search, each once; those of the
// parts of composites, which have but a kind, are left out. What is asked of the display or
// the identifier of references stands there once more, with that behind the code.
func ParamsOf(x Expr) []Param {
	if x == nil {
		return nil
	}
	c := paramCollector{named: map[Param]bool{}, seen: map[uintptr]bool{}}
	c.collect(reflect.ValueOf(x))
	return c.found
}

// Asked names a parameter of ParamsOf as a client writes it.
func Asked(p Param) string {
	if code, ok := strings.CutSuffix(p.Code, byDisplay); ok {
		return code + ":text"
	}
	return p.Code
}

// Params lists the parameters by which a query filters and sorts.
func (q *Query) Params() []Param {
	params := ParamsOf(q.Filter)
	for _, k := range q.Sort {
		params = append(params, k.Param)
	}
	return params
}

// paramCollector looks into whatever an expression is made of, so that no kind
// of expression is forgotten.
type paramCollector struct {
	found []Param
	named map[Param]bool   // those found
	seen  map[uintptr]bool // pointers, which may go in circles
}

var paramType, madeType, decisionsType = reflect.TypeFor[Param](), reflect.TypeFor[Made](), reflect.TypeFor[*Decisions]()

func (c *paramCollector) collect(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		switch {
		case v.IsNil() || c.seen[v.Pointer()]:
			return
		case v.Type() == decisionsType: // others may add to them meanwhile
			c.seen[v.Pointer()] = true
			for _, p := range (*Decisions)(v.UnsafePointer()).params() {
				c.add(p)
			}
		default:
			c.seen[v.Pointer()] = true
			c.collect(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			c.collect(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		if composed(v.Type().Elem()) {
			for i := range v.Len() {
				c.collect(v.Index(i))
			}
		}
	case reflect.Map:
		if composed(v.Type().Elem()) {
			for i := v.MapRange(); i.Next(); {
				c.collect(i.Value())
			}
		}
	case reflect.Struct:
		switch v.Type() {
		case paramType:
			c.param(v)
			return
		case madeType: // no part of the expression
			return
		}
		c.ofReference(v)
		for i := range v.NumField() {
			c.collect(v.Field(i))
		}
	}
}

// ofReference takes the Param of what is asked of a part of references.
func (c *paramCollector) ofReference(v reflect.Value) {
	part := byDisplay
	switch v.Type() {
	case reflect.TypeFor[Text](), reflect.TypeFor[Sequence](), reflect.TypeFor[String]():
	case reflect.TypeFor[Token](), reflect.TypeFor[Codes]():
		part = byIdentifier
	default:
		return
	}
	p := v.FieldByName("Param")
	if code := p.FieldByName("Code").String(); code != "" && definitions.SearchType(p.FieldByName("Kind").String()) == definitions.SearchReference {
		c.add(Param{Type: p.FieldByName("Type").String(), Code: code + part, Kind: definitions.SearchReference})
	}
}

// param takes a Param, which may stand in an unexported field.
func (c *paramCollector) param(v reflect.Value) {
	text := func(name string) string { return v.FieldByName(name).String() }
	p := Param{Type: text("Type"), Code: text("Code"), Kind: definitions.SearchType(text("Kind")), Of: text("Of")}
	if p.Code != "" {
		c.add(p)
	}
}

func (c *paramCollector) add(p Param) {
	if !c.named[p] {
		c.named[p] = true
		c.found = append(c.found, p)
	}
}

// composed says whether a value of a type may hold others.
func composed(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		return true
	}
	return false
}
