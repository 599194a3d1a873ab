package sqldb

import (
	"fmt"
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
)

// fewUnits are looked up to be searched one after the other; more are left to the
// database.
const fewUnits = 8

func (c *compiler) quantityLeaf(x search.Quantity) leaf {
	l := c.named(x.Param, "quantity", fragment{}, byRID)
	own := numberRanges(x.Prefix, x.Range, quantityHi, isRange)
	ways := []fragment{all(c.unit(x, "@.unit"), numberCondition(x.Prefix, "@.lo", quantityHi, x.Range))}
	if units, few := c.unitsOf(x); few {
		for _, unit := range units {
			l.ranges = append(l.ranges, inUnit(unit, own)...)
		}
	} else {
		for _, r := range own {
			l.ranges = append(l.ranges, span{fragment: all(c.unit(x, "@.unit"), r.fragment), wide: r.wide})
		}
	}
	if k := x.Canonical; k != nil {
		unit := c.canonical(k.Unit)
		ways = append(ways, all(sql("@.unit = ?", unit), numberCondition(x.Prefix, "@.lo", quantityHi, k.Range)))
		l.ranges = append(l.ranges, inUnit(unit, numberRanges(x.Prefix, k.Range, quantityHi, isRange))...)
	}
	l.condition = either(ways...)
	return l
}

// inUnit are ranges of the rows that have a unit.
func inUnit(unit int64, ranges []span) []span {
	out := make([]span, len(ranges))
	for i, r := range ranges {
		out[i] = span{all(sql("@.unit = ?", unit), r.fragment), r.wide, unit}
	}
	return out
}

// unit is the condition that an entry's unit, the column, is the query's.
func (c *compiler) unit(x search.Quantity, column string) fragment {
	return c.dialect.among(column, join("", sql("SELECT u.id FROM unit u WHERE "), c.ofUnit(x)))
}

// ofUnit is the condition that unit u is the query's.
func (c *compiler) ofUnit(x search.Quantity) fragment {
	switch {
	case x.AnySystem && x.Unit == "":
		return sql("u.system > ?", CanonicalSystem)
	case x.AnySystem:
		return sql("u.system > ? AND (u.code = ? OR u.text = ?)", CanonicalSystem, Clean(x.Unit), Clean(x.Unit))
	case x.Unit == "":
		return sql("u.system = ?", c.system(x.System))
	}
	return sql("u.system = ? AND u.code = ?", c.system(x.System), Clean(x.Unit))
}

// unitsOf are the units that are the query's, in order; not few when there are
// many.
func (c *compiler) unitsOf(x search.Quantity) (units []int64, few bool) {
	if x.Unit == "" {
		return nil, false
	}
	f := c.ofUnit(x)
	key := "unit" + fmt.Sprint(f.args...)
	c.momentary = true
	units, known := c.found[key]
	if !known {
		units = c.numbers(key, join("", sql("SELECT u.id FROM unit u WHERE "), f, sql(" ORDER BY u.id LIMIT "+strconv.Itoa(fewUnits+1))))
	}
	return units, len(units) <= fewUnits
}

// canonical is the number of a canonical unit.
func (c *compiler) canonical(unit string) int64 {
	id, err := c.names.Find(c.ctx, c.db, UnitSpace, unitName(CanonicalSystem, unit, ""))
	c.fail(err)
	return id
}
