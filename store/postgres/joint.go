package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// What costs most in a short query is that it begins and ends, so those of a batch that
// have the same text go as one, a joint: it has the text once, asked for each of the rows of
// arguments in which they differ.

// joints knows in which arguments queries of a text differed so far. It is safe for
// concurrent use.
type joints struct {
	mu   sync.Mutex
	of   map[string]*joint
	size int // of the texts, in bytes
}

// joint is how queries of one text are asked together.
type joint struct {
	differ []bool      // of the arguments
	text   string      // "" when they cannot be
	proven atomic.Bool // the database has answered it
}

// going are queries of a batch that go as one.
type going struct {
	*joint // nil: there is one
	asked  []*asked
}

// goings are the queries of a batch.
func (s *Store) goings(batch []*asked) (all []going) {
	places := make(map[string]int, len(batch))
	for _, a := range batch {
		if i, ok := places[a.text]; ok {
			all[i].asked = append(all[i].asked, a)
			continue
		}
		places[a.text] = len(all)
		all = append(all, going{asked: []*asked{a}})
	}
	for i := range all {
		together := all[i].asked
		if len(together) == 1 {
			continue
		}
		if all[i].joint = s.joints.together(together); all[i].joint == nil {
			all[i].asked = together[:1]
			for _, a := range together[1:] {
				all = append(all, going{asked: []*asked{a}})
			}
		}
	}
	return all
}

// maxJoints bounds the texts that are known, in bytes.
const maxJoints = 16 << 20

// together is how queries of one text go together; nil when they cannot.
func (j *joints) together(asked []*asked) *joint {
	text := asked[0].text
	j.mu.Lock()
	defer j.mu.Unlock()
	known := j.of[text]
	if known != nil && known.text == "" {
		return nil
	}
	var differ []bool
	if known != nil {
		differ = known.differ
	}
	now := differing(differ, asked)
	if now == nil {
		return nil
	}
	if known == nil || !slices.Equal(now, known.differ) {
		known = &joint{differ: now, text: jointText(text, now, asked[0].args)}
		j.keep(text, known)
	}
	if known.text == "" {
		return nil
	}
	return known
}

// fail has what the database does not understand as one not go together any more.
func (j *joints) fail(all []going, err error) {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !strings.HasPrefix(refused.Code, "42") { // syntax, types, collations
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, g := range all {
		if g.joint != nil && !g.proven.Load() {
			j.keep(g.asked[0].text, &joint{})
		}
	}
}

// keep remembers how queries of a text go together, and forgets all others when these are too
// many. j.mu is held.
func (j *joints) keep(text string, how *joint) {
	if size := len(text) + len(how.text); j.of == nil || j.size+size > maxJoints {
		j.of, j.size = map[string]*joint{}, size
	} else {
		j.size += size
	}
	j.of[text] = how
}

// differing are the arguments in which queries differ, beside those that are known; nil when they have
// other types.
func differing(known []bool, asked []*asked) []bool {
	first := asked[0].args
	now := make([]bool, len(first))
	copy(now, known)
	for _, a := range asked[1:] {
		if len(a.args) != len(first) {
			return nil
		}
		for i := range now {
			if reflect.TypeOf(a.args[i]) != reflect.TypeOf(first[i]) {
				return nil
			}
			now[i] = now[i] || !sameArgument(first[i], a.args[i])
		}
	}
	return now
}

func sameArgument(a, b any) bool {
	switch a := a.(type) {
	case int64:
		other, ok := b.(int64)
		return ok && a == other
	case string:
		other, ok := b.(string)
		return ok && a == other
	case []byte:
		other, ok := b.([]byte)
		return ok && bytes.Equal(a, other)
	case []int64:
		other, ok := b.([]int64)
		return ok && slices.Equal(a, other)
	}
	return false
}

// jointText is text asked for each row of the arguments that differ; "" when one of them
// stands where an index would not be used for a column, or is no number and no text.
func jointText(text string, differ []bool, args []any) string {
	var b, arrays, columns strings.Builder
	b.WriteString("SELECT asking.n, answer.* FROM unnest(")
	for i, is := range differ {
		if !is {
			continue
		}
		if arrays.Len() > 0 {
			arrays.WriteString(", ")
		}
		switch args[i].(type) {
		case int64:
			fmt.Fprintf(&arrays, "$%d::bigint[]", i+1)
		case string:
			fmt.Fprintf(&arrays, "$%d::text[]", i+1)
		default:
			return ""
		}
		fmt.Fprintf(&columns, "a%d, ", i+1)
	}
	if arrays.Len() == 0 {
		return text
	}
	b.WriteString(arrays.String() + ") WITH ORDINALITY AS asking (" + columns.String() + "n) CROSS JOIN LATERAL (SELECT * FROM (")
	for {
		before, behind, found := strings.Cut(text, "$")
		b.WriteString(before)
		if !found {
			break
		}
		digits := 0
		for digits < len(behind) && behind[digits] >= '0' && behind[digits] <= '9' {
			digits++
		}
		number, err := strconv.Atoi(behind[:digits])
		if err != nil || number < 1 || number > len(differ) {
			return ""
		}
		switch {
		case !differ[number-1]:
			b.WriteString("$" + behind[:digits])
		case !compares(before):
			return ""
		default:
			fmt.Fprintf(&b, "asking.a%d", number)
			if _, isText := args[number-1].(string); isText {
				b.WriteString(` COLLATE "C"`)
			}
		}
		text = behind[digits:]
	}
	b.WriteString(") one OFFSET 0) answer")
	return b.String()
}

// compares says whether what follows is compared, or are the codes with which something is: in a list
// of several a column would have no index.
func compares(before string) bool {
	before = strings.TrimRight(strings.TrimSuffix(before, "ANY (string_to_array("), " ")
	return before != "" && strings.IndexByte("=<>", before[len(before)-1]) >= 0
}

// queue queues the queries.
func (g going) queue(queries *pgx.Batch) {
	if g.joint == nil {
		queries.Queue(g.asked[0].text, g.asked[0].args...)
		return
	}
	args := slices.Clone(g.asked[0].args)
	for i, is := range g.differ {
		if !is {
			continue
		}
		switch args[i].(type) {
		case int64:
			args[i] = column[int64](g.asked, i)
		case string:
			args[i] = column[string](g.asked, i)
		}
	}
	queries.Queue(g.text, args...)
}

// column are the arguments of queries at a place.
func column[T any](asked []*asked, place int) []T {
	all := make([]T, len(asked))
	for i, a := range asked {
		all[i] = a.args[place].(T)
	}
	return all
}

// take reads the rows of the queries.
func (g going) take(from pgx.BatchResults) error {
	first := g.asked[0]
	switch {
	case g.joint == nil:
		return take(from, first)
	case slices.Contains(g.differ, true):
		if err := take(from, g.asked...); err != nil {
			return err
		}
	default: // they are the same
		if err := take(from, first); err != nil {
			return err
		}
		for _, a := range g.asked[1:] {
			a.rows = first.rows
			a.rows.data = bytes.Clone(first.rows.data) // who reads it may keep and change it
		}
	}
	g.proven.Store(true)
	return nil
}
