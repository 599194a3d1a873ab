package search

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// notOfCare are date parameters that do not say when care was given.
var notOfCare = []string{"birthdate", "death-date", "value-date", codeLastUpdated}

// CareDates holds of resources that relate to care between two dates, of which
// one may be nil: whose earliest and latest date, by all their date parameters
// but those of birth, death and observed values, have something of that time
// between them; and of resources without such a date.
func (c *Catalog) CareDates(start, end *TimeRange) Expr {
	if start == nil && end == nil {
		return And{}
	}
	types := map[string][]string{} // by the codes of their parameters
	for _, t := range c.defs.ResourceTypes() {
		var codes []string
		for _, p := range c.lookup(t).list {
			if p.Kind == definitions.SearchDate && p.problem == "" && !slices.Contains(notOfCare, p.Code) {
				codes = append(codes, p.Code)
			}
		}
		key := strings.Join(codes, ",")
		types[key] = append(types[key], t)
	}
	var any Or
	for key, of := range types {
		if key == "" {
			any = append(any, TypeIs(of))
			continue
		}
		var params []Param
		for code := range strings.SplitSeq(key, ",") {
			params = append(params, c.Over(of, code))
		}
		any = append(any, And{TypeIs(of), cared(params, start, end)})
	}
	slices.SortFunc(any, func(a, b Expr) int { return strings.Compare(firstType(a), firstType(b)) })
	return any
}

func firstType(x Expr) string {
	if and, ok := x.(And); ok {
		x = and[0]
	}
	return x.(TypeIs)[0]
}

// cared is CareDates of types that have the date parameters.
func cared(params []Param, start, end *TimeRange) Expr {
	var undated, begun, ended = And{}, Or{}, Or{}
	for _, p := range params {
		undated = append(undated, Missing{Param: p, Want: true})
		if start != nil {
			ended = append(ended, Date{Param: p, Prefix: GE, Range: *start})
		}
		if end != nil {
			begun = append(begun, Date{Param: p, Prefix: LE, Range: *end})
		}
	}
	dated := And{}
	if start != nil {
		dated = append(dated, ended)
	}
	if end != nil {
		dated = append(dated, begun)
	}
	return Or{undated, dated}
}

// CareDateParams are the parameters of a type that say when care was given.
func (c *Catalog) CareDateParams(typeName string) []Param {
	var all []Param
	for _, p := range c.lookup(typeName).list {
		if p.Kind == definitions.SearchDate && p.problem == "" && !slices.Contains(notOfCare, p.Code) {
			all = append(all, p.Param)
		}
	}
	return all
}
