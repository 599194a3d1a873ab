package sqldb

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/inglehealth/ingle/engine/search"
)

// Whether a resource has any label stands in its outline, which its row names: that takes
// no look into an index for each of those that policies ask for. Most resources have none.

// byOutline are the labels that outlines tell of, as far as none is none of them.
type byOutline struct {
	own    []search.Param // of the resource
	chains []search.Chain // of what it refers to
}

// outlined takes what outlines tell of apart from the rest.
func outlined(p *leaves) (of byOutline, rest leaves) {
	labels := func(list search.Expr) bool {
		return list.(search.Or)[0].(search.Token).Param.Code == labelParam
	}
	rest.dates = p.dates
	for _, list := range p.tokens {
		if param := list[0].(search.Token).Param; !labels(list) {
			rest.add(list)
		} else if !slices.Contains(of.own, param) {
			of.own = append(of.own, param)
		}
	}
	for _, chain := range p.chains {
		if lists := chain.X.(search.Or); slices.ContainsFunc(lists, func(x search.Expr) bool { return !labels(x) }) {
			rest.add(chain)
		} else {
			of.chains = append(of.chains, chain)
		}
	}
	return of, rest
}

func (o *byOutline) empty() bool { return o.own == nil && o.chains == nil }

// column is the numbers of the outlines of the resource and of what it refers to.
func (o *byOutline) column(c *compiler) fragment {
	numbers := []fragment{sql(row + ".outline")}
	for _, chain := range o.chains {
		numbers = append(numbers, join("", sql("array_to_string(ARRAY("), c.toTargets(chain, row, func(t string) fragment { return sql(t + ".outline") }), sql("), ',')")))
	}
	if len(numbers) == 1 {
		return sql(row + ".outline::text")
	}
	return join("", sql("concat_ws(',', "), join(", ", numbers...), sql(")"))
}

// params are the numbers of the labels' parameters, which are those of a type each.
func (o *byOutline) params(c *compiler) (all []int64) {
	for _, p := range o.own {
		all = append(all, c.params(p)...)
	}
	for _, chain := range o.chains {
		for _, list := range chain.X.(search.Or) {
			all = append(all, c.params(list.(search.Or)[0].(search.Token).Param)...)
		}
	}
	return all
}

// labelled says whether one of the outlines, given as column has them, has one of the
// parameters, or may: one that is not in memory is asked for only when the resource is shown.
func (c *compiler) labelled(outlines string, params []int64) (is, known bool, err error) {
	known = true
	for number := range strings.SplitSeq(outlines, ",") {
		if number == "" {
			continue
		}
		id, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return false, false, errCorrupt
		}
		text, ok := c.names.knownOutline(id)
		if !ok {
			is, known = true, false
		}
		is = is || slices.ContainsFunc(params, func(p int64) bool { return inOutline(text, p) })
	}
	return is, known, nil
}

// learnOutlines has outlines in memory.
func (c *compiler) learnOutlines(outlines string) error {
	for number := range strings.SplitSeq(outlines, ",") {
		if id, err := strconv.ParseInt(number, 10, 64); err == nil {
			if _, err := c.names.outline(c.ctx, short(c.db), id); err != nil {
				return err
			}
		}
	}
	return nil
}

// inOutline says whether a parameter has a value.
func inOutline(outline string, param int64) bool {
	return strings.Contains(outline, ","+strconv.FormatInt(param, 10)+":")
}

// labelsOften says of types whether many of what is read has labels, whichever these are: to
// ask for those that policies mean is better then. It is safe for concurrent use.
type labelsOften struct{ of sync.Map } // type number to *atomic.Int64

// A read that found labels counts for some that found none.
const (
	labelledCounts = 4
	oftenLabelled  = 64
)

func (o *labelsOften) count(typeNumber int64) *atomic.Int64 {
	if n, ok := o.of.Load(typeNumber); ok {
		return n.(*atomic.Int64)
	}
	n, _ := o.of.LoadOrStore(typeNumber, new(atomic.Int64))
	return n.(*atomic.Int64)
}

// is says whether a read of the type should not go by outlines. Some do nevertheless, which tells
// whether it is still so.
func (o *labelsOften) is(typeNumber int64) bool {
	n := o.count(typeNumber)
	if n.Load() < oftenLabelled {
		return false
	}
	n.Add(-1)
	return true
}

// saw notes whether a read that went by outlines found labels.
func (o *labelsOften) saw(typeNumber int64, labels bool) {
	n := o.count(typeNumber)
	switch now := n.Load(); {
	case labels && now < 2*oftenLabelled:
		n.Add(labelledCounts)
	case !labels && now > 0:
		n.Add(-1)
	}
}
