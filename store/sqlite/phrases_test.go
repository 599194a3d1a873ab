package sqlite

import (
	"context"
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var condition = search.Param{Type: "Condition", Code: "code", Kind: definitions.SearchToken}

func opened(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *Store) put(t *testing.T, id string, entries ...search.Entry) {
	t.Helper()
	err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{{Key: fhir.Key{Type: "Condition", ID: fhir.ID(id)}, Expect: store.Any, Method: "PUT", Body: s.Pack([]byte("{}"), entries)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Store) number(t *testing.T, query string, args ...any) (n int64) {
	t.Helper()
	err := s.read(t.Context(), func(c *conn) error {
		return sqldb.ForEach(t.Context(), c, query, args, func(r sqldb.Rows) error { return r.Scan(&n) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPhrasesAreKeptOnceAndGoWithTheLastWhoHasThem(t *testing.T) {
	s := opened(t)
	for _, id := range []string{"a", "b"} {
		s.put(t, id, search.Entry{Param: condition, Code: "1", Text: "Headache"},
			search.Entry{Param: search.Param{Type: "Condition", Code: "_text", Kind: definitions.SearchSpecial}, Norm: "secret words"})
	}
	s.put(t, "c", search.Entry{Param: condition, Code: "1", Text: "Stays"})
	if n := s.number(t, "SELECT count(*) FROM phrase"); n != 3 {
		t.Errorf("%d phrases", n)
	}
	for i, id := range []fhir.ID{"a", "b"} {
		if _, err := s.Expunge(t.Context(), store.Expunge{Key: fhir.Key{Type: "Condition", ID: id}, Everything: true}); err != nil {
			t.Fatal(err)
		}
		if n, want := s.number(t, "SELECT count(*) FROM phrase"), int64(3-2*i); n != want {
			t.Errorf("%d phrases after %s, want %d", n, id, want)
		}
	}
	if n := s.number(t, "SELECT count(*) FROM phrase_word WHERE phrase_word MATCH 'secret OR headache'"); n != 0 {
		t.Error("words of expunged texts are found")
	}
	if n := s.number(t, "SELECT count(*) FROM phrase_word_data WHERE instr(block, CAST('ecret' AS BLOB)) > 0"); n != 0 {
		t.Error("words of expunged texts are still in the index")
	}
}

func TestTheOldestLongListsOfCodesGo(t *testing.T) {
	s := opened(t)
	s.reader.MaxListed = 1500
	s.put(t, "a", search.Entry{Param: condition, System: "s", Code: "c7"})
	for range 2 {
		for n := range 4 {
			codings := []search.Coding{{System: "s", Code: "c7"}}
			for i := range 600 {
				codings = append(codings, search.Coding{System: fmt.Sprint("s", n), Code: fmt.Sprint("c", i)})
			}
			p, err := s.Search(t.Context(), &search.Query{Types: []string{"Condition"}, Count: 10,
				Filter: search.Codes{Param: condition, List: search.NewCodeList(codings)}})
			if err != nil || len(p.Records) != 1 {
				t.Fatalf("%d records, %v", len(p.Records), err)
			}
		}
	}
	if n := s.number(t, "SELECT count(*) FROM code_list"); n != 2 {
		t.Errorf("%d lists", n)
	}
	if n := s.number(t, "SELECT count(*) FROM listed_code"); n != 1202 {
		t.Errorf("%d codes", n)
	}
}
