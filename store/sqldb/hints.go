package sqldb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// hints are what a statement that reads a resource says beside its owners, so that most of
// what governs it is known without another one: whether the resource has any of the labels
// and codes that something asks for, which few have, and its dates.
type hints struct {
	told     []search.Standing // what they decide; the rest is asked of the database
	nodes    []search.Governed // all
	kinds    map[*search.Decisions]*inquiry
	policies []int64 // of the owners
	marked   bool    // something that was probed for holds, or may
	unknown  string  // outlines that are to be learned if the resource is shown
	labels   []int64 // parameters for which outlines are looked through
	dates    []dated
	params   map[search.Param][]int64 // of the dates
}

// dated is a row of table date.
type dated struct{ param, lo, hi int64 }

// hinted is what is known of a Standing for good.
type hinted struct {
	ok     bool // hints can say all that it asks for, save what policies ask for
	leaves *leaves
	nodes  []search.Governed
}

// merged is what one statement asks.
type merged struct {
	of  []*leaves
	all leaves
	x   search.Expr // nil: nothing

	labels byOutline
	rest   search.Expr // what outlines do not tell of; nil: nothing
}

// Keys of what is kept with the parts of a filter.
type (
	hintedKey   struct{}
	mergedKey   struct{}
	outlinesKey struct {
		names *Names
		of    *merged
	}
)

// hintedOf is kept with x.
func hintedOf(x search.Standing) *hinted {
	t, ok := x.Made.Get(hintedKey{}).(*hinted)
	if !ok {
		t = &hinted{leaves: new(leaves)}
		if _, t.ok = tellable(x.X, &t.nodes); t.ok {
			t.leaves.add(x.X)
		}
		x.Made.Put(hintedKey{}, t)
	}
	return t
}

// merge is what the parts are asked for together, kept with made until one changes.
func merge(parts []*leaves, made *search.Made) *merged {
	m, ok := made.Get(mergedKey{}).(*merged)
	if ok && slices.Equal(m.of, parts) {
		return m
	}
	m = &merged{of: slices.Clone(parts)}
	for _, p := range parts {
		m.all.join(p)
	}
	m.x = m.all.any()
	labels, rest := outlined(&m.all)
	m.labels, m.rest = labels, rest.any()
	made.Put(mergedKey{}, m)
	return m
}

// hint begins the hints of the query for one resource, which conjunct number one names; open is
// the condition of those conjuncts that the hints do not decide.
func (r *run) hint(one int) (h *hints, open fragment) {
	var others []fragment
	h = &hints{kinds: map[*search.Decisions]*inquiry{}}
	for i, x := range r.conjuncts {
		if i == one {
			continue
		}
		standing, is := x.(search.Standing)
		if !is || standing.Made == nil || !hintedOf(standing).ok {
			others = append(others, r.conditionOf(x, row, row))
			continue
		}
		h.told = append(h.told, standing)
		for _, node := range hintedOf(standing).nodes {
			node.At = standing.At
			h.nodes = append(h.nodes, node)
		}
	}
	return h, all(others...)
}

// columns are what says the hints.
func (h *hints) columns(r *run) (marked, outlines, dates fragment) {
	marked, outlines, dates = sql("0"), sql("''"), sql("''")
	if h.told == nil {
		return marked, outlines, dates
	}
	var parts []*leaves
	for _, x := range h.told {
		parts = append(parts, hintedOf(x).leaves)
	}
	for _, x := range h.nodes {
		if x.Kinds == nil || h.kinds[x.Each] != nil {
			continue
		}
		of := probesOf(x.Each, false).inquiry()
		h.kinds[x.Each] = of
		if of.leaves != nil {
			parts = append(parts, of.leaves)
		}
	}
	m := merge(parts, h.told[0].Made)
	probed := r.probe(m.x) // made anyway: names that are not there are asked for whether the resource is or not
	if !m.labels.empty() && !r.reader.labelsOften.is(r.types[0]) {
		probed, h.labels = r.probe(m.rest), m.labels.params(r.compiler)
		outlines = r.kept(h.told[0].Made, outlinesKey{r.names, m}, false, func() *made { return r.making(m.labels.column) }).fragment
	}
	if probed.sql != "" {
		marked = join("", sql("CASE WHEN "), probed, sql(" THEN 1 ELSE 0 END"))
	}
	if m.all.dates != nil {
		h.params = make(map[search.Param][]int64, len(m.all.dates))
		var params []int64
		for _, d := range m.all.dates {
			h.params[d] = r.params(d)
			params = append(params, h.params[d]...)
		}
		dates = join("", sql("coalesce((SELECT string_agg(concat_ws(':', d.param, d.lo, d.lo + d.span), ',') FROM date d WHERE d.rid = "+row+".rid AND "), in("d.param", params), sql("), '')"))
	}
	return marked, outlines, dates
}

// probe is the condition of x on the resource; empty when x is nil.
func (r *run) probe(x search.Expr) fragment {
	if x == nil {
		return fragment{}
	}
	return r.condition(x, row)
}

// say reads what the columns said.
func (h *hints) say(r *run, marked int64, outlines, dates string) error {
	h.marked = marked != 0
	if outlines != "" {
		labelled, known, err := r.labelled(outlines, h.labels)
		if err != nil {
			return err
		}
		if known {
			r.reader.labelsOften.saw(r.types[0], labelled)
		} else {
			h.unknown = outlines
		}
		h.marked = h.marked || labelled
	}
	rows, err := triples(dates)
	for _, d := range rows {
		h.dates = append(h.dates, dated{d[0], d[1], d[2]})
	}
	return err
}

// show says whether all that they decide holds of what was read, as far as it can be said.
func (h *hints) show(policies []int64) bool {
	h.policies = policies
	return !slices.ContainsFunc(h.told, func(x search.Standing) bool { return h.of(x.X) != yes })
}

// governed is whether one of the policies asks for what holds.
func (h *hints) governed(x search.Governed) tri {
	any := no
	for _, n := range h.policies {
		any = max(any, h.asks(x, n))
	}
	return any
}

// asks is whether what a policy asks holds.
func (h *hints) asks(x search.Governed, policy int64) tri {
	if x.Kinds == nil {
		_, is := slices.BinarySearch(x.Policies, policy)
		return triOf(is || policy > afterwards(x.After))
	}
	kind, ok := x.Kinds.Of(policy)
	if !ok {
		return triOf(policy > afterwards(x.After))
	}
	told := h.kinds[x.Each].told
	switch {
	case kind >= len(told):
		probesOf(x.Each, false).learn(x.Each, kind)
	case told[kind]:
		return h.of(x.Each.Of(kind))
	}
	return perhaps
}

// tri is whether something holds.
type tri int8

const (
	no tri = iota
	perhaps
	yes
)

func triOf(is bool) tri {
	if is {
		return yes
	}
	return no
}

// of is whether x holds, which is told of.
func (h *hints) of(x search.Expr) tri {
	switch x := x.(type) {
	case search.And:
		all := yes
		for _, one := range x {
			all = min(all, h.of(one))
		}
		return all
	case search.Or:
		any := no
		for _, one := range x {
			any = max(any, h.of(one))
		}
		return any
	case search.Not:
		return yes - h.of(x.X)
	case search.Governed:
		return h.governed(x)
	case search.Date:
		return triOf(slices.ContainsFunc(h.dates, func(d dated) bool {
			return slices.Contains(h.params[x.Param], d.param) && d.lo < x.Range.Hi && d.hi > x.Range.Lo
		}))
	case search.Missing:
		has := slices.ContainsFunc(h.dates, func(d dated) bool { return slices.Contains(h.params[x.Param], d.param) })
		return triOf(has != x.Want)
	}
	if h.marked {
		return perhaps
	}
	return no
}

// triples are three numbers each with colons between them, joined by commas.
func triples(text string) (all [][3]int64, err error) {
	for one := range strings.SplitSeq(text, ",") {
		if one == "" {
			continue
		}
		var of [3]int64
		rest := one
		for i := range of {
			var number string
			number, rest, _ = strings.Cut(rest, ":")
			if of[i], err = strconv.ParseInt(number, 10, 64); err != nil {
				return nil, err
			}
		}
		all = append(all, of)
	}
	return all, nil
}
