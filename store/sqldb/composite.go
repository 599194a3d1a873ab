package sqldb

import (
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
)

// compositeLeaf compares the parts of one entry. The row with the second part
// is the one that is looked for; further parts are in further rows of the same
// entry.
func (c *compiler) compositeLeaf(x search.Composite) leaf {
	l := c.named(x.Param, "composite", sql(nothing), bySet)
	if len(x.Parts) == 0 {
		return l
	}
	front, first := []fragment{{}}, 0
	if isTextPart(x.Parts[0]) {
		first = 1
		front = front[:0]
		for _, alternative := range alternatives(x.Parts[0]) {
			front = append(front, c.part(alternative, frontColumns("@.")))
		}
		if exactFront(x.Parts[0]) {
			l.reach = byKey
		}
	}
	rest := []fragment{sql("@.part = " + strconv.Itoa(first))}
	if first < len(x.Parts) {
		rest = append(rest, c.partOf(x.Parts[first], "@."))
	}
	for i := first + 1; i < len(x.Parts); i++ {
		rest = append(rest, join("",
			sql("EXISTS (SELECT 1 FROM composite z WHERE z.param = @.param AND z.part = "+strconv.Itoa(i)+
				" AND z.text = @.text AND z.rid = @.rid AND z.entry = @.entry AND "),
			c.partOf(x.Parts[i], "z."), sql(")")))
	}
	l.ranges = nil
	for _, f := range front {
		l.ranges = append(l.ranges, span{fragment: all(append([]fragment{f}, rest...)...)})
	}
	if front[0].sql == "" {
		l.condition = all(rest...)
	} else {
		l.condition = all(append([]fragment{either(front...)}, rest...)...)
	}
	return l
}

// columns are where a part's value stands.
type columns struct{ text, more, system, extra, unit, lo, hi, cunit, clo, chi string }

func frontColumns(alias string) columns {
	return columns{text: alias + "text", more: alias + "more", system: alias + "system", extra: alias + "extra"}
}

func partColumns(alias string) columns {
	return columns{
		text: alias + "ptext", more: alias + "pmore", system: alias + "psystem", extra: alias + "pextra",
		unit: alias + "unit", lo: alias + "lo", hi: "coalesce(" + alias + "hi, " + alias + "lo)",
		cunit: alias + "cunit", clo: alias + "clo", chi: "coalesce(" + alias + "chi, " + alias + "clo)",
	}
}

func (c *compiler) partOf(x search.Expr, alias string) fragment {
	var conditions []fragment
	for _, alternative := range alternatives(x) {
		conditions = append(conditions, c.part(alternative, partColumns(alias)))
	}
	return either(conditions...)
}

func alternatives(x search.Expr) []search.Expr {
	if or, ok := x.(search.Or); ok {
		return or
	}
	return []search.Expr{x}
}

// isTextPart says whether a part stands in front, as isText does for entries.
func isTextPart(x search.Expr) bool {
	for _, alternative := range alternatives(x) {
		switch alternative.(type) {
		case search.Token, search.String, search.Reference, search.URI:
			return true
		}
	}
	return false
}

// exactFront says whether x fixes the text column.
func exactFront(x search.Expr) bool {
	for _, alternative := range alternatives(x) {
		switch a := alternative.(type) {
		case search.Token:
			if a.AnyCode {
				return false
			}
		case search.String:
			return false
		}
	}
	return true
}

func (c *compiler) part(x search.Expr, at columns) fragment {
	switch x := x.(type) {
	case search.Token:
		switch {
		case x.AnyCode:
			return sql(at.system+" = ?", c.system(x.System))
		case x.AnySystem:
			return sql(at.text+" = ?", Clean(x.Code))
		}
		return sql(at.text+" = ? AND "+at.system+" = ?", Clean(x.Code), c.system(x.System))
	case search.String:
		return c.textCondition(at.text, at.more, x)
	case search.URI:
		return sql(at.text+" = ?", Clean(x.Value))
	case search.Reference:
		return c.referencePart(x, at)
	case search.Date:
		return dateCondition(x.Prefix, at.lo, at.hi, float64(x.Range.Lo), float64(x.Range.Hi))
	case search.Number:
		return numberCondition(x.Prefix, at.lo, at.hi, x.Range)
	case search.Quantity:
		own := all(c.unit(x, at.unit), numberCondition(x.Prefix, at.lo, at.hi, x.Range))
		if x.Canonical == nil {
			return own
		}
		return either(own, all(sql(at.cunit+" = ?", c.canonical(x.Canonical.Unit)), numberCondition(x.Prefix, at.clo, at.chi, x.Canonical.Range)))
	}
	return sql(nothing)
}

func (c *compiler) referencePart(x search.Reference, at columns) fragment {
	var conditions []fragment
	url := strconv.FormatInt(URLReference, 10)
	switch {
	case x.URL != "":
		conditions = append(conditions, sql(at.text+" = ? AND "+at.system+" = "+url, Clean(x.URL)))
	case x.Type != "":
		conditions = append(conditions, sql(at.text+" = ? AND "+at.system+" = ?", Clean(x.ID), c.typeNumber(x.Type)))
	default:
		conditions = append(conditions, sql(at.text+" = ? AND "+at.system+" <> "+url, Clean(x.ID)))
	}
	return all(append(conditions, versionCondition(x, at.extra))...)
}
