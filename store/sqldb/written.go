package sqldb

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// written stands for the argument that tells Choices to a database without functions;
// later for the number above which policies count that are not among them.
type written struct {
	choices *Choices
	after   int64
	whose   whose
}

type later written

// whose says whose policies a condition asks for.
type whose uint8

const (
	anybodys whose = iota
	owners         // of the owner that is known
	rows           // of whoever owns the resources that the query is of
)

// row is the alias of the resources that a query is of.
const row = "r"

func whoseOf(x search.Governed, r string) whose {
	switch {
	case x.Owner != "":
		return owners
	case r == row:
		return rows
	}
	return anybodys
}

// fewPolicies are so many that all are told, whoever a query is about.
const fewPolicies = 20

// fewBytes are so many that all policies are told as bytes, whoever a query is about.
const fewBytes = 4 << 10

// tells says whether the query tells whose policies a condition asks for.
func (c *compiler) tells(w written) bool {
	return w.whose == owners || w.whose == rows && len(c.ids) > 0
}

// write puts arguments in place of deciding, written and later: of many policies those alone that
// the owner has at a time, or the owners of the resources that the query names. One that
// they get in between counts, since it is not among these.
func (c *compiler) write(f fragment, owner string, at int64) fragment {
	f = c.fill(f, owner, at)
	out := fragment{f.sql, slices.Clone(f.args)}
	deciders := map[deciding]*Decider{}
	for i, a := range f.args {
		switch a := a.(type) {
		case deciding:
			d := deciders[a]
			if d == nil {
				d = a.decider(c, at)
				deciders[a] = d
			}
			out.args[i] = d
		case written:
			numbers, all := c.told(a, owner, at)
			out.args[i] = c.text(a, numbers, all)
		case later:
			if _, all := c.told(written(a), owner, at); !all && a.after > 0 {
				out.args[i] = int64(0)
			} else {
				out.args[i] = afterwards(a.after)
			}
		}
	}
	return out
}

// told are the policies of which is told, and whether they are all.
func (c *compiler) told(w written, owner string, at int64) (numbers []int64, whole bool) {
	if len(w.choices.numbers) <= fewPolicies {
		return w.choices.numbers, true
	}
	var of []fragment
	now := sql("g.lo <= ? AND g.until > ?", at, at)
	key := "policies of Patient/" + owner
	switch {
	case w.whose == owners:
		of = append(of, join("", sql("SELECT g.policy FROM governed g WHERE g.patient = (SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?) AND ",
			c.typeNumber("Patient"), Clean(owner)), now))
	case w.whose == rows && len(c.ids) > 0:
		key = "policies of the resources"
		ids := all(in("k.type", c.types), in("k.id", c.ids), now)
		of = append(of, join("", sql("SELECT g.policy FROM resource k"+c.dialect.with("governed", "g", "", "g.patient = k.rid")+" WHERE "), ids),
			join("", sql("SELECT g.policy FROM resource k"+c.dialect.with("reference", "f", "reference_rid", "f.rid = k.rid")+
				c.dialect.with("governed", "g", "", "g.patient = f.target")+" WHERE "), ids))
	default:
		return w.choices.numbers, true
	}
	numbers, known := c.found[key]
	if !known {
		numbers = c.numbers(key, join(" UNION ", of...))
	}
	return numbers, false
}

// text is what is written of policies.
func (c *compiler) text(w written, numbers []int64, all bool) string {
	if !all {
		text, err := w.choices.text(numbers, false, w.after)
		c.fail(err)
		return text
	}
	o := w.choices
	o.once.Do(func() { o.whole, o.err = o.text(numbers, true, w.after) })
	c.fail(o.err)
	return o.whole
}

// text is what the Choices have of policies, as a JSON object of arrays: the condition
// and its values. Where all are told, those that come to nothing are left out.
func (c *Choices) text(numbers []int64, all bool, after int64) (string, error) {
	kinds := map[int32][]byte{}
	var b strings.Builder
	b.WriteByte('{')
	for _, n := range numbers {
		one, kind := choice{condition: holdsNever}, int32(-1)
		if i, ok := slices.BinarySearch(c.numbers, n); ok {
			kind = c.kinds[i]
			one = c.of[kind]
		} else if n > after {
			continue
		}
		if all && one.condition == holdsNever && n <= after {
			continue
		}
		text := kinds[kind]
		if text == nil {
			var err error
			if text, err = json.Marshal(append([]any{one.condition}, one.values...)); err != nil {
				return "", err
			}
			kinds[kind] = text
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strconv.FormatInt(n, 10) + `":`)
		b.Write(text)
	}
	b.WriteByte('}')
	return b.String(), nil
}

// about notes the resources that a query names.
func (c *compiler) about(conjuncts []search.Expr) {
	if len(c.types) != 1 {
		return
	}
	for _, x := range conjuncts {
		if ids, ok := x.(search.IDs); ok && len(ids) <= listed {
			c.ids = nil
			for _, id := range ids {
				c.ids = append(c.ids, Clean(id))
			}
			return
		}
	}
}
