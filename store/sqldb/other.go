package sqldb

import "github.com/inglehealth/ingle/engine/search"

// otherLeaf finds rows of the same parameter that are none of x's.
func (c *compiler) otherLeaf(x search.Other) (leaf, bool) {
	var conditions []fragment
	var l leaf
	for _, one := range alternatives(x.X) {
		var ok bool
		if l, ok = c.leaf(one); !ok {
			return l, false
		}
		conditions = append(conditions, l.condition)
	}
	l.condition, l.ranges, l.exact = not(either(conditions...)), nil, false
	if l.reach = byRID; l.table == "token" {
		l.reach = bySet
	}
	return l, true
}
