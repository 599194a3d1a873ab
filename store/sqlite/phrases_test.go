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

func quantity(value float64, unit string) search.Entry {
	return search.Entry{Param: search.Param{Type: "Condition", Code: "size", Kind: definitions.SearchQuantity},
		Number: search.NumberRange{Value: value, Lo: value, Hi: value}, Text: unit}
}

func TestUnitsGoWithTheLastWhoHasThem(t *testing.T) {
	s := opened(t)
	s.put(t, "a", quantity(1, "spoons as for Ada"), quantity(2, "drops"))
	s.put(t, "b", search.Entry{Param: search.Param{Type: "Condition", Code: "pair", Kind: definitions.SearchComposite},
		Parts: []search.Entry{{Param: condition, Code: "1"}, quantity(3, "spoons as for Ada")}})
	s.put(t, "c", quantity(1, "drops"))
	units := func(want string) {
		t.Helper()
		got := ""
		err := s.read(t.Context(), func(c *conn) error {
			return sqldb.ForEach(t.Context(), c, "SELECT text FROM unit ORDER BY text", nil, func(r sqldb.Rows) error {
				var text string
				err := r.Scan(&text)
				got += text + ";"
				return err
			})
		})
		if err != nil || got != want {
			t.Errorf("units %s, want %s; %v", got, want, err)
		}
	}
	expunge := func(x store.Expunge) {
		t.Helper()
		if _, err := s.Expunge(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	units("drops;spoons as for Ada;")
	expunge(store.Expunge{Key: fhir.Key{Type: "Condition", ID: "a"}, Everything: true})
	units("drops;spoons as for Ada;")
	s.put(t, "b", quantity(4, "drops"))
	expunge(store.Expunge{Key: fhir.Key{Type: "Condition", ID: "b"}, OldVersions: true})
	units("drops;")
	s.put(t, "b", quantity(4, "spoons as for Ada"))
	for unit, want := range map[string]int64{"drops": 1, "spoons as for Ada": 1, "spoons": 0} {
		n, err := s.Count(t.Context(), &search.Query{Types: []string{"Condition"}, Filter: search.Quantity{
			Param: quantity(0, "").Param, Prefix: search.GT, AnySystem: true, Unit: unit}})
		if n != want || err != nil {
			t.Errorf("%d in %s, want %d; %v", n, unit, want, err)
		}
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
