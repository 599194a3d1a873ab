package sqlite

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// interrupted has something done before each query.
type interrupted struct {
	*conn
	before func()
}

func (i interrupted) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	i.before()
	return i.conn.Query(ctx, text, args...)
}

func (i interrupted) Short() sqldb.DB { return i }

// One patient in 50 is female, so that a page takes several pieces of the final
// observations; before each query some that stand at the beginning come to be
// final, or cease to be.
func TestWhatIsUnchangedIsFoundOnceThoughOthersAreWrittenDuringAPage(t *testing.T) {
	s := opened(t)
	const patients, changing = 4000, 90
	status := search.Param{Type: "Observation", Code: "status", Kind: definitions.SearchToken}
	subject := search.Param{Type: "Observation", Code: "subject", Kind: definitions.SearchReference}
	gender := search.Param{Type: "Patient", Code: "gender", Kind: definitions.SearchToken}
	put := func(writes []store.Write) {
		t.Helper()
		if err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Put(ctx, writes)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	resource := func(key fhir.Key, entries ...search.Entry) store.Write {
		return store.Write{Key: key, Expect: store.Any, Method: "PUT", Release: definitions.R4, Body: s.Pack([]byte("{}"), entries)}
	}
	patient := func(i int) fhir.Key { return fhir.Key{Type: "Patient", ID: fhir.ID(fmt.Sprintf("p%04d", i))} }
	observation := func(i int, code string) store.Write {
		return resource(fhir.Key{Type: "Observation", ID: fhir.ID(fmt.Sprintf("o%04d", i))}, search.Entry{Param: status, Code: code},
			search.Entry{Param: subject, RefType: "Patient", RefID: string(patient(i).ID)})
	}
	var writes []store.Write
	var want []fhir.ID
	for i := range patients {
		code := "male"
		if i >= changing && i%50 == 0 {
			code, want = "female", append(want, patient(i).ID)
		}
		writes = append(writes, resource(patient(i), search.Entry{Param: gender, Code: code}), observation(i, "final"))
	}
	put(writes)
	final := true
	q := search.Query{Types: []string{"Patient"}, Count: 10, Filter: search.And{
		search.Has{Source: "Observation", Param: subject, X: search.Token{Param: status, AnySystem: true, Code: "final"}},
		search.Not{X: search.Token{Param: gender, AnySystem: true, Code: "male"}}}}
	var got []fhir.ID
	for {
		var page store.Page
		if err := s.read(t.Context(), func(c *conn) (err error) {
			page, err = s.reader.Search(t.Context(), interrupted{c, func() {
				var changes []store.Write
				final = !final
				for i := range changing {
					changes = append(changes, observation(i, map[bool]string{true: "final", false: "draft"}[final]))
				}
				put(changes)
			}}, &q)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			got = append(got, r.Key.ID)
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("found %d, not %d: %v", len(got), len(want), got)
	}
}
