package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/search/searchtest"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/synthetic"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
	"github.com/inglehealth/ingle/store/storetest"
)

// accompanied has some of the short queries of searches go together with others of the same text, and
// compares what they are answered with what they are answered alone.
type accompanied struct {
	*Store
	t            testing.TB
	asked, joint *int // queries, and those that went together with others
}

// sampled is of how many queries one is tried: databases plan each text anew.
const sampled = 20

func (a accompanied) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	return sqldb.WithLists(func() (store.Page, error) { return a.reader.Search(ctx, accompanying{pool{a.pool}, a}, q) },
		func(l *search.CodeList) error { return a.keepList(ctx, l) })
}

type accompanying struct {
	pool
	a accompanied
}

func (a accompanying) Short() sqldb.DB { return a.a }

// Query implements sqldb.DB.
func (a accompanied) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	if *a.asked++; *a.asked%sampled != 0 {
		return short{a.Store}.Query(ctx, text, args...)
	}
	ask := func(args []any) *asked { return &asked{text: text, args: args, done: make(chan struct{})} }
	first := ask(args)
	if err := a.runTogether([]*asked{first}); err != nil {
		return pool{a.pool}.Query(ctx, text, args...)
	}
	together := []*asked{ask(args), ask(slices.Clone(args))}
	for i := range args {
		other := slices.Clone(args)
		switch v := args[i].(type) {
		case int64:
			other[i] = v + 1
		case string:
			other[i] = v + "x"
		default:
			continue
		}
		if together = append(together, ask(other)); len(a.goings(together)) == len(together) {
			together = together[:len(together)-1] // it stands where it cannot differ
			a.joints.of = nil
		}
	}
	if len(a.goings(together)) == 1 {
		*a.joint++
	}
	if err := a.runTogether(together); err != nil {
		a.t.Errorf("together %v: %s %v", err, text, args)
	} else if diff := different(first.rows, together[0].rows) + different(first.rows, together[1].rows); diff != "" {
		a.t.Errorf("together %s: %s %v", diff, text, args)
	}
	rows := first.rows
	return &rows, nil
}

func different(a, b gathered) string {
	if slices.Equal(a.ends, b.ends) && string(a.data) == string(b.data) && (len(a.ends) == 0 || slices.Equal(a.types, b.types)) {
		return ""
	}
	return fmt.Sprintf("%d values of %d bytes are %d of %d", len(a.ends), len(a.data), len(b.ends), len(b.data))
}

func TestPostgreSQLSearchesAsTheMatcherInMemoryAloneAndTogether(t *testing.T) {
	var asked, joint int
	storetest.RunSearch(t, searchtest.Packages{R5: testpackage.R5, Load: testpackage.Load}, func(t *testing.T) store.Store {
		s, err := Open(t.Context(), pgtest.URL(t), pgtest.Schema())
		if err != nil {
			t.Fatal(err)
		}
		return accompanied{s, t, &asked, &joint}
	}, func(t testing.TB) []*fhir.Tree { return synthetic.Patients(t, 2) })
	if joint < asked/sampled/2 {
		t.Errorf("of %d queries %d went together with others", asked, joint)
	}
}

func TestManyWhoAskTheSameOfOtherThingsAreEachAnsweredTheirs(t *testing.T) {
	s, err := Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const text = "SELECT i::bigint, 'of ' || i, convert_to(i::text, 'UTF8') FROM generate_series(1, 100) i WHERE i >= $1 AND i < $2 AND 'x' < $3 ORDER BY i DESC"
	var wg sync.WaitGroup
	for n := range int64(300) {
		wg.Go(func() {
			from := n % 90
			until := from + n%5 // some are of nothing
			var got []int64
			err := sqldb.ForEach(t.Context(), short{s}, text, []any{from, until, fmt.Sprint("y", n%3)}, func(r sqldb.Rows) error {
				var i int64
				var is string
				var bytes []byte
				err := r.Scan(&i, &is, &bytes)
				if got = append(got, i); is != fmt.Sprint("of ", i) || string(bytes) != fmt.Sprint(i) {
					t.Errorf("%d is %s and %s", i, is, bytes)
				}
				bytes[0] = 0 // which nobody else has
				return err
			})
			var want []int64
			for i := until - 1; i >= max(1, from); i-- {
				want = append(want, i)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("from %d until %d: %v, want %v, %v", from, until, got, want, err)
			}
		})
	}
	wg.Wait()
	if j := s.joints.of[text]; j == nil || !j.proven.Load() {
		t.Error("none went together")
	}
}

func TestWhatDiffersInAListGoesAlone(t *testing.T) {
	for _, c := range []struct {
		text   string
		differ []bool
		args   []any
		want   string
	}{
		{"SELECT $1::bigint", []bool{true}, []any{int64(1)}, ""},
		{"SELECT 1 FROM x WHERE a = $1 AND b = $2", []bool{true, true}, []any{int64(1), "t"},
			`SELECT asking.n, answer.* FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS asking (a1, a2, n) CROSS JOIN LATERAL (SELECT * FROM (SELECT 1 FROM x WHERE a = asking.a1 AND b = asking.a2 COLLATE "C") one OFFSET 0) answer`},
		{"SELECT 1 FROM x WHERE a IN ($1, $2) AND b < $3", []bool{false, false, true}, []any{int64(1), int64(2), int64(3)},
			"SELECT asking.n, answer.* FROM unnest($3::bigint[]) WITH ORDINALITY AS asking (a3, n) CROSS JOIN LATERAL (SELECT * FROM (SELECT 1 FROM x WHERE a IN ($1, $2) AND b < asking.a3) one OFFSET 0) answer"},
		{"SELECT 1 FROM x WHERE a IN ($1, $2)", []bool{false, true}, []any{int64(1), int64(2)}, ""},
		{"SELECT 1 FROM x WHERE a = ANY ($1)", []bool{true}, []any{[]int64{1}}, ""},
		{"SELECT 1", nil, nil, "SELECT 1"},
	} {
		if got := jointText(c.text, c.differ, c.args); got != c.want {
			t.Errorf("%s becomes %s, want %s", c.text, got, c.want)
		}
	}
}

func TestATextThatTheDatabaseDoesNotUnderstandAsOneGoesAlone(t *testing.T) {
	s, err := Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ask := func(n int64) *asked {
		return &asked{text: "SELECT n FROM (SELECT 1 AS n, 2 AS m) x WHERE n = $1 FETCH FIRST ROW ONLY FOR UPDATE OF nobody", args: []any{n}, done: make(chan struct{})}
	}
	if err := s.runTogether([]*asked{ask(1), ask(2)}); err == nil {
		t.Fatal("it was understood")
	}
	if all := s.goings([]*asked{ask(1), ask(2)}); len(all) != 2 {
		t.Error("the next ones go together")
	}
}

func TestTheTextsOfJointsAreForgottenBeforeTheyTakeTooMuch(t *testing.T) {
	var j joints
	for n := range 100 {
		text := fmt.Sprintf("SELECT %d FROM x WHERE a = $1 AND b <> '%s'", n, strings.Repeat("x", maxText/2))
		if j.together([]*asked{{text: text, args: []any{int64(1)}}, {text: text, args: []any{int64(2)}}}) == nil {
			t.Fatal("they go alone")
		}
		size := 0
		for text, of := range j.of {
			size += len(text) + len(of.text)
		}
		if size == 0 || size > maxJoints {
			t.Fatalf("%d bytes of %d texts", size, len(j.of))
		}
	}
}
