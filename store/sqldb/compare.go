package sqldb

import "github.com/inglehealth/ingle/engine/search"

// longSpan is the width in microseconds (32 days) from which a date counts as
// long. A short entry's lower bound is less than this below its upper one, so
// a bound on hi gives one on lo, which the index is ordered by; long entries
// have an index of their own (date_long), whose predicate isLong repeats.
const (
	longSpan = 2764800000000
	isLong   = "@.span > 2764800000000"
	dateHi   = "(@.lo + @.span)"
)

// dateCondition compares an entry's [lo, hi) with the query's r, as package
// search defines. lo and hi are column expressions.
func dateCondition[T int64 | float64](p search.Prefix, lo, hi string, from, to T) fragment {
	equal := sql(lo+" >= ? AND "+hi+" <= ?", from, to)
	switch p {
	case search.EQ:
		return equal
	case search.NE:
		return sql("("+lo+" < ? OR "+hi+" > ?)", from, to)
	case search.GT:
		return sql(hi+" > ?", to)
	case search.LT:
		return sql(lo+" < ?", from)
	case search.GE:
		return sql("("+hi+" > ? OR "+lo+" >= ? AND "+hi+" <= ?)", to, from, to)
	case search.LE:
		return sql("("+lo+" < ? OR "+lo+" >= ? AND "+hi+" <= ?)", from, from, to)
	case search.SA:
		return sql(lo+" >= ?", to)
	case search.EB:
		return sql(hi+" <= ?", from)
	case search.AP:
		return sql(lo+" < ? AND "+hi+" > ?", to, from)
	case search.CO:
		return sql(lo+" <= ? AND "+hi+" >= ?", from, to)
	}
	return sql(nothing)
}

// dateRanges splits a date condition into ranges of the indexes (param, lo)
// and date_long; each result implies the condition, together they are it.
func dateRanges(p search.Prefix, r search.TimeRange) []span {
	condition := dateCondition(p, "@.lo", dateHi, r.Lo, r.Hi)
	switch p {
	case search.EQ:
		return spans(all(sql("@.lo < ?", r.Hi), condition))
	case search.GT:
		return []span{{fragment: all(sql("@.lo > ?", r.Hi-longSpan), condition)}, {all(sql(isLong), condition), true, 0}}
	case search.GE:
		return []span{{fragment: all(sql("@.lo > ?", r.Lo-longSpan), condition)}, {all(sql(isLong+" AND "+dateHi+" > ?", r.Hi)), true, 0}}
	case search.LE:
		return spans(all(sql("@.lo < ?", r.Hi), condition))
	case search.EB:
		return spans(all(sql("@.lo < ?", r.Lo), condition))
	case search.AP:
		return []span{{fragment: all(sql("@.lo > ?", r.Lo-longSpan), condition)}, {all(sql(isLong), condition), true, 0}}
	case search.CO:
		return []span{{fragment: all(sql("@.lo >= ?", r.Hi-longSpan), condition)}, {all(sql(isLong), condition), true, 0}}
	}
	return spans(condition)
}

// numberCondition compares an entry's lo and hi with the query's range.
func numberCondition(p search.Prefix, lo, hi string, r search.NumberRange) fragment {
	switch p {
	case search.EQ:
		return sql(lo+" >= ? AND "+hi+" < ?", r.Lo, r.Hi)
	case search.NE:
		return sql("("+lo+" < ? OR "+hi+" >= ?)", r.Lo, r.Hi)
	case search.GT:
		return sql(hi+" > ?", r.Value)
	case search.LT:
		return sql(lo+" < ?", r.Value)
	case search.GE:
		return sql(hi+" >= ?", r.Value)
	case search.LE:
		return sql(lo+" <= ?", r.Value)
	case search.SA:
		return sql(lo+" > ?", r.Value)
	case search.EB:
		return sql(hi+" < ?", r.Value)
	case search.AP:
		return sql(lo+" < ? AND "+hi+" >= ?", r.Hi, r.Lo)
	}
	return sql(nothing)
}

// isWide and isRange repeat the predicates of the indexes number_wide and
// quantity_wide. A quantity's upper bound is NULL when it is the lower one.
const (
	isWide     = "@.hi > @.lo"
	isRange    = "@.hi IS NOT NULL"
	quantityHi = "coalesce(@.hi, @.lo)"
)

// numberRanges splits a number condition as dateRanges does: a point's bounds
// are equal, what is wider has an index of its own.
func numberRanges(p search.Prefix, r search.NumberRange, hi, wide string) []span {
	condition := numberCondition(p, "@.lo", hi, r)
	switch p {
	case search.EQ:
		return spans(all(sql("@.lo < ?", r.Hi), condition))
	case search.GT:
		return []span{{fragment: all(sql("@.lo > ?", r.Value), condition)}, {all(sql(wide), condition), true, 0}}
	case search.GE:
		return []span{{fragment: all(sql("@.lo >= ?", r.Value), condition)}, {all(sql(wide), condition), true, 0}}
	case search.EB:
		return spans(all(sql("@.lo < ?", r.Value), condition))
	case search.AP:
		return []span{{fragment: all(sql("@.lo >= ?", r.Lo), condition)}, {all(sql(wide), condition), true, 0}}
	}
	return spans(condition)
}
