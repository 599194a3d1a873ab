package fhirapi

import (
	"reflect"
	"slices"
)

// Route is one thing that can be done at one kind of address: Shape is a field of
// shapes, or "operation".
type Route struct {
	Shape, Name, Method              string
	System, Typed, Instance, Version bool
	Types                            []string
}

// Routes are all that the API has.
func Routes() (all []Route) {
	shapes := reflect.ValueOf(newShapes()).Elem()
	for i := range shapes.NumField() {
		name := shapes.Type().Field(i).Name
		if name == "readingOperation" || name == "writingOperation" {
			continue
		}
		endpoints := shapes.Field(i).Elem().FieldByName("endpoints")
		for _, method := range endpoints.MapKeys() {
			all = append(all, Route{Shape: name, Method: method.String(), Name: endpoints.MapIndex(method).Elem().FieldByName("name").String()})
		}
	}
	for _, op := range operations(nil) {
		for _, method := range []string{"GET", "POST"} {
			if method == "GET" && op.writes {
				continue
			}
			r := Route{Shape: "operation", Method: method, Name: op.name, System: op.system, Typed: op.typed, Instance: op.instance, Version: op.version}
			for _, t := range op.types {
				r.Types = append(r.Types, string(t))
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Route) int {
		return slices.Compare([]string{a.Shape, a.Name, a.Method}, []string{b.Shape, b.Name, b.Method})
	})
	return all
}
