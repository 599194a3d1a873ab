package sqldb

// stretch is a part of a leaf's index in the order of key, then rid.
type stretch struct {
	place
	source    string // FROM, alias d
	key       string // of @
	kind      valueKind
	condition fragment // on @: in this stretch and in none before
	row       string   // of @: what orders a resource's rows in it
}

// lane is how rows of an index table lie in its primary key (param, column, rid,
// rest; of quantities the unit stands before the column), and those that are wide
// in their own index.
type lane struct {
	column, rest string
	kind         valueKind
	wide, by     string
}

var lanes = map[string]lane{
	"date":     {"@.lo", "@.span", intValue, "(@.lo + @.span)", "date_long"},
	"number":   {"@.lo", "@.hi, @.value", floatValue, "@.hi", "number_wide"},
	"quantity": {"@.lo", "@.entry", floatValue, "@.hi", "quantity_wide"},
	"string":   {"@.norm", "@.text", textValue, "", ""},
	"uri":      {"@.url", "@.version", textValue, "", ""},
}

// stretches are what of its index satisfies a leaf; nil when the index has no
// order, or cannot tell whether a resource came before.
func (r *run) stretches(l leaf) []stretch {
	lane, ok := lanes[l.table]
	if !ok {
		return nil
	}
	ranges := l.ranges
	if ranges == nil {
		ranges = spans(l.condition)
	}
	var out []stretch
	for _, param := range l.params.args {
		var before []fragment
		var part int64
		for i, f := range ranges {
			if l.table == "quantity" && f.unit == 0 {
				return nil
			}
			if part++; i > 0 && f.unit != ranges[i-1].unit {
				part, before = 1, nil
			}
			s := stretch{place: place{param.(int64), f.unit, part}, source: l.table + " d", key: lane.column, kind: lane.kind, row: lane.column + ", " + lane.rest}
			if f.wide {
				s.source, s.key, s.row = s.source+r.dialect.by(lane.by), lane.wide, lane.wide+", "+s.row
			}
			s.condition = all(append([]fragment{sql("@.param = ?", param), f.fragment}, before...)...)
			before = append(before, not(f.fragment))
			out = append(out, s)
		}
	}
	return out
}

// came is the condition that the resource of row d of stretch s has a row before.
func (r *run) came(l leaf, earlier []stretch, s stretch) fragment {
	b := r.alias("b")
	row := func(alias string) string { return "(" + sql(s.row).on(alias).sql + ")" }
	ways := []fragment{all(s.condition.on(b), sql(row(b)+" < "+row("d")))}
	for _, e := range earlier {
		ways = append(ways, e.condition.on(b))
	}
	return r.dialect.exists(sql("SELECT 1 FROM "+l.table+" "+b+r.dialect.by(l.table+"_rid")+" WHERE "+b+".rid = d.rid AND "),
		l.params.on(b), sql(" AND "), either(ways...))
}

// has says whether v is of the kind.
func (k valueKind) has(v any) bool {
	switch v.(type) {
	case int64:
		return k == intValue
	case float64:
		return k == floatValue
	case string:
		return k == textValue
	}
	return false
}
