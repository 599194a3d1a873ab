package sqldb

import (
	"context"
	"strconv"
)

// unitsAtOnce is how many units are removed together.
const unitsAtOnce = 10_000

// UnusedUnit is the condition that no row has a unit, a row of table unit. Those
// of canonical units, in which no one has written anything, count as used:
// searches know their numbers by heart. It reads the tables of quantities once.
var UnusedUnit = "unit.system <> " + strconv.FormatInt(CanonicalSystem, 10) +
	" AND unit.id NOT IN (SELECT DISTINCT q.unit FROM quantity q) AND unit.id NOT IN (SELECT DISTINCT c.unit FROM composite c)"

// UnusedUnits gives some units after a number that no resource has, in order.
func (s *Reader) UnusedUnits(ctx context.Context, db DB, after int64) (ids []int64, err error) {
	err = ForEach(ctx, db, s.Dialect.Rebind("SELECT unit.id FROM unit WHERE unit.id > ? AND "+UnusedUnit+" ORDER BY unit.id LIMIT "+strconv.Itoa(unitsAtOnce)),
		[]any{after}, func(r Rows) error {
			var id int64
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

// SweepUnused calls remove with what no resource has any more: phrases, or units.
// remove looks again in a transaction that keeps others from taking them up.
func SweepUnused(orphans func(after int64) ([]int64, error), remove func(ids []int64) error) error {
	for after := int64(0); ; {
		ids, err := orphans(after)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := remove(ids); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}
