package sqldb

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
)

// labelParam is the parameter of security labels.
const labelParam = "_security"

// codeSeparator is between codes that are one argument. No label of those that are told
// so has it.
const codeSeparator = "\x1f" // chr(31)

// labelsAlone says whether x is a label, or one of several, of the resource or of what it
// refers to.
func labelsAlone(x search.Expr) bool {
	switch x := x.(type) {
	case search.Token:
		return x.Param.Code == labelParam && !x.AnyCode && !x.Start && !x.AnySystem && x.Code != "" && !strings.Contains(x.Code, codeSeparator)
	case search.Chain:
		_, tokens := anyToken(x.X)
		return tokens && x.Former != search.Even && labelsAlone(x.X)
	case search.Or:
		return len(x) > 0 && !slices.ContainsFunc(x, func(e search.Expr) bool { return !labelsAlone(e) })
	}
	return false
}

// labelling is a Standing that holds of what no label hides, of those that it always asks for,
// and of those for which the policy of one owner asks. The statements for all owners whose
// policies ask for labels alone have the same text, whichever these are.
type labelling struct {
	always leaves
	parts  []labelPart

	made  search.Made // what is asked for together
	mu    sync.Mutex
	of    *merged // what asked is for
	asked map[string]*askedLabels
}

// labelPart hides what has a label for which the policy asks, or has labels unless the policy
// opens it.
type labelPart struct {
	x      search.Expr
	policy search.Governed
	labels *leaves // nil: of the policy
}

// askedLabels are what is asked for when policies say what they do: codes of each list of
// merged, and the parts of which labels alone are not all.
type askedLabels struct {
	codes []string
	rest  []int
}

// labellingKey is what a labelling depends on besides: by what the resource refers to the owner.
type labellingKey struct{ by search.Param }

// labellingOf is kept with x; nil when something else may hide, too, or By does not say who
// the owner is.
func labellingOf(x search.Standing) *labelling {
	l, ok := x.Made.Get(labellingKey{x.By}).(*labelling)
	if !ok {
		l = newLabelling(search.Owned(x.X, x.By, x.Owner))
		x.Made.Put(labellingKey{x.By}, l)
	}
	return l
}

func newLabelling(x search.Expr) *labelling {
	not, ok := x.(search.Not)
	if !ok {
		return nil
	}
	parts, ok := not.X.(search.Or)
	if !ok || labelsAlone(not.X) {
		parts = search.Or{not.X}
	}
	l := new(labelling)
	for _, p := range parts {
		if labelsAlone(p) {
			l.always.add(p)
			continue
		}
		one, ok := labelPartOf(p)
		if !ok {
			return nil
		}
		l.parts = append(l.parts, one)
	}
	if l.parts == nil {
		return nil
	}
	return l
}

func labelPartOf(x search.Expr) (part labelPart, ok bool) {
	part.x = x
	switch x := x.(type) {
	case search.Governed:
		part.policy = x
		return part, !x.Lacking && x.Owner != ""
	case search.And:
		if len(x) != 2 || !labelsAlone(x[0]) {
			return part, false
		}
		not, _ := x[1].(search.Not)
		part.policy, ok = not.X.(search.Governed)
		part.labels = new(leaves)
		part.labels.add(x[0])
		return part, ok && !part.policy.Lacking && part.policy.Owner != ""
	}
	return part, false
}

// What a policy asks, unless it is of a kind.
const (
	asksNothing = -1 - iota
	asksNoMore  // all is meant
)

// answer is the kind of the policy of an owner who has one at most, or what it asks.
func answer(x *search.Governed, policies []int64) int {
	if len(policies) == 0 {
		return asksNothing
	}
	whole := policies[0] > afterwards(x.After)
	if x.Kinds == nil {
		_, is := slices.BinarySearch(x.Policies, policies[0])
		whole = whole || is
	} else if kind, ok := x.Kinds.Of(policies[0]); ok {
		return kind
	}
	if whole {
		return asksNoMore
	}
	return asksNothing
}

// unlabelled is the condition of x, of whose owner the policy is known; ok is false when x asks
// for more than labels whatever the policy.
func (c *compiler) unlabelled(x search.Standing, r string) (f fragment, ok bool) {
	if c.settled == nil || c.settled.owner == nil || r != row || x.Owner == "" {
		return f, false
	}
	l := labellingOf(x)
	if l == nil {
		return f, false
	}
	policies := c.inForceFor(x.Owner, x.At)
	answers := make([]int, len(l.parts))
	for i := range l.parts {
		answers[i] = answer(&l.parts[i].policy, policies)
	}
	m := l.together(answers)
	if m.x == nil {
		return f, false
	}
	asked := l.ask(m, answers)
	kept := c.kept(&l.made, unlabelledKey{c.names, m, c.size != nil}, c.size != nil, func() *made { return c.makeUnlabelled(m) })
	f = fragment{kept.sql, slices.Clone(kept.args)}
	for i, a := range f.args {
		if list, is := a.(labelList); is {
			f.args[i] = asked.codes[list]
		}
	}
	for _, i := range asked.rest {
		f = all(f, not(c.condition(search.Owned(search.At(l.parts[i].x, x.At), x.By, x.Owner), r)))
	}
	return f, true
}

// together is whatever labels are asked for, whoever the owner is; the kinds of the answers are
// known then.
func (l *labelling) together(answers []int) *merged {
	all := append(make([]*leaves, 0, 8), &l.always)
	for i := range l.parts {
		p := &l.parts[i]
		switch {
		case p.labels != nil:
			all = append(all, p.labels)
		case p.policy.Kinds != nil:
			of := probesOf(p.policy.Each, true)
			now := of.inquiry()
			if answers[i] >= len(now.told) {
				of.learn(p.policy.Each, answers[i])
				now = of.inquiry()
			}
			if now.leaves != nil {
				all = append(all, now.leaves)
			}
		}
	}
	return merge(all, &l.made)
}

// maxAsked bounds the answers of which it is kept what they ask.
const maxAsked = 1000

// ask is what answers ask of m.
func (l *labelling) ask(m *merged, answers []int) *askedLabels {
	key := make([]byte, 0, 32)
	for _, a := range answers {
		key = append(strconv.AppendInt(key, int64(a), 10), ' ')
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of != m || len(l.asked) >= maxAsked {
		l.of, l.asked = m, map[string]*askedLabels{}
	}
	asked := l.asked[string(key)]
	if asked == nil {
		asked = l.find(m, answers)
		l.asked[string(key)] = asked
	}
	return asked
}

func (l *labelling) find(m *merged, answers []int) *askedLabels {
	asked, known := new(askedLabels), m.all.lists()
	var all leaves
	all.join(&l.always)
	for i := range l.parts {
		p := &l.parts[i]
		x := askedBy(p.policy, answers[i])
		and, isAnd := x.(search.And)
		or, isOr := x.(search.Or)
		never, always := isOr && len(or) == 0, isAnd && len(and) == 0
		switch {
		case p.labels == nil && never, p.labels != nil && always:
		case p.labels != nil && never:
			all.join(p.labels)
		case p.labels == nil && labelsAlone(x) && among(x, known):
			all.add(x)
		default:
			asked.rest = append(asked.rest, i)
		}
	}
	lists := all.lists()
	for _, k := range known {
		codes := ""
		if i := slices.IndexFunc(lists, func(l tokenList) bool { return l.of == k.of }); i >= 0 {
			codes = Clean(strings.Join(lists[i].codes, codeSeparator))
		}
		asked.codes = append(asked.codes, codes)
	}
	return asked
}

// askedBy is what a policy asks by its answer.
func askedBy(x search.Governed, answer int) search.Expr {
	switch answer {
	case asksNothing:
		return search.Or{}
	case asksNoMore:
		return search.And{}
	}
	return x.Each.Of(answer)
}

// among says whether x asks for nothing beyond lists.
func among(x search.Expr, lists []tokenList) bool {
	var of leaves
	of.add(x)
	return !slices.ContainsFunc(of.lists(), func(one tokenList) bool {
		i := slices.IndexFunc(lists, func(l tokenList) bool { return l.of == one.of })
		return i < 0 || slices.ContainsFunc(one.codes, func(code string) bool { return !slices.Contains(lists[i].codes, code) })
	})
}

// labelList stands for the codes of the list with its number.
type labelList int

// unlabelledKey is what the condition of labels is made by.
type unlabelledKey struct {
	names *Names
	of    *merged
	sized bool
}

// makeUnlabelled is that a resource has none of the labels that are yet to be said, which are of m. If there are
// few that have labels of these systems at all, those with the labels that are said are looked up once: PostgreSQL
// does not know how many that is, and plans for as many as have any. Otherwise, if there are few that have one of m,
// it is asked of those alone.
func (c *compiler) makeUnlabelled(m *merged) *made {
	return c.making(func(c *compiler) fragment {
		number := labelList(-1)
		label := func(c *compiler, list search.Expr) leaf {
			number++
			first := list.(search.Or)[0].(search.Token)
			return c.named(first.Param, "token", sql("@.code = ANY (string_to_array(?, chr(31))) AND @.system = ?", number, c.system(first.System)), byKey)
		}
		if _, ok := c.fewOf(m.any()); ok {
			return not(isIn(row, c.withLabels(m, label)))
		}
		var ways []fragment
		for _, list := range m.all.tokens {
			ways = append(ways, c.leafCondition(label(c, list), row))
		}
		for _, chain := range m.all.chains {
			ways = append(ways, c.chained(chain, row, func(t string) fragment {
				var of []fragment
				for _, list := range chain.X.(search.Or) {
					of = append(of, c.leafCondition(label(c, list), t))
				}
				return either(of...)
			}))
		}
		hidden := either(ways...)
		if set, ok := c.fewOf(m.x.(search.Standing).X); ok {
			hidden = all(isIn(row, set), hidden)
		}
		return not(hidden)
	})
}

// any is that a resource has a label of a system of m's, whatever the label.
func (m *merged) any() search.Expr {
	var any search.Or
	of := func(list search.Expr) search.Expr {
		first := list.(search.Or)[0].(search.Token)
		return search.Token{Param: first.Param, System: first.System, AnyCode: true}
	}
	for _, list := range m.all.tokens {
		any = append(any, of(list))
	}
	for _, chain := range m.all.chains {
		var inner search.Or
		for _, list := range chain.X.(search.Or) {
			inner = append(inner, of(list))
		}
		chain.X = inner
		any = append(any, chain)
	}
	return any
}

// withLabels selects the resources that have a label of m, in the order of its lists.
func (c *compiler) withLabels(m *merged, label func(*compiler, search.Expr) leaf) (selects []fragment) {
	for _, list := range m.all.tokens {
		selects = append(selects, c.leafSet(label(c, list))...)
	}
	for _, chain := range m.all.chains {
		set, _ := c.chainedSet(chain, func(c *compiler) (of []fragment, ok bool) {
			for _, list := range chain.X.(search.Or) {
				of = append(of, c.leafSet(label(c, list))...)
			}
			return of, true
		})
		selects = append(selects, set...)
	}
	return selects
}
