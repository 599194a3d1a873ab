package search

import "reflect"

// ParamsOf lists the parameters by which x and its parts search; those of the
// parts of composites, which have but a kind, are left out.
func ParamsOf(x Expr) []Param {
	var found []Param
	if x != nil {
		collectParams(reflect.ValueOf(x), &found)
	}
	return found
}

// collectParams looks into whatever v is made of, so that no kind of expression
// is forgotten.
func collectParams(v reflect.Value, found *[]Param) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			collectParams(v.Elem(), found)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			collectParams(v.Index(i), found)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			collectParams(v.MapIndex(k), found)
		}
	case reflect.Struct:
		if p, ok := reflect.TypeAssert[Param](v); ok {
			if p.Code != "" {
				*found = append(*found, p)
			}
			return
		}
		for i := range v.NumField() {
			collectParams(v.Field(i), found)
		}
	}
}

// Params lists the parameters by which a query filters and sorts.
func (q *Query) Params() []Param {
	params := ParamsOf(q.Filter)
	for _, k := range q.Sort {
		params = append(params, k.Param)
	}
	return params
}
