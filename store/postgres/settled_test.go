package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// processes are two on the same schema.
func processes(t *testing.T) (one, other *Store) {
	t.Helper()
	schema := pgtest.Schema()
	var both [2]*Store
	for i := range both {
		s, err := Open(context.WithoutCancel(t.Context()), pgtest.URL(t), schema)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		both[i] = s
	}
	return both[0], both[1]
}

func TestThePolicyThatAProcessRemembersIsTheOneThatAnotherGave(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	one, other := processes(t)
	subject := search.Param{Code: "subject", Type: "Observation", Kind: definitions.SearchReference}
	put := func(key fhir.Key, index ...search.Entry) store.Write {
		return store.Write{Key: key, Updated: time.Now(), Method: "PUT", Release: definitions.R4,
			Body: one.Pack(fmt.Appendf(nil, `{"resourceType":"%s","id":"%s"}`, key.Type, key.ID), index)}
	}
	err := one.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{put(fhir.Key{Type: "Patient", ID: "a"}), put(fhir.Key{Type: "Observation", ID: "1"}, search.Entry{Param: subject, RefType: "Patient", RefID: "a"})})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	hidden := search.Governed{Params: []search.Param{subject}, Sole: true, Policies: []int64{1}, After: 1}
	query := func(by search.Expr) *search.Query {
		return &search.Query{Types: []string{"Observation"}, Count: 10, Filter: search.And{by, search.Standing{X: search.Not{X: hidden}, At: 5, Made: new(search.Made)}}}
	}
	var last store.PolicyMark
	for _, step := range []struct {
		policy string // that the other process gives
		shown  int
	}{{"", 1}, {"first", 0}, {"", 1}, {"later", 0}, {"first", 0}, {"", 1}} {
		var spans []store.PolicySpan
		if step.policy != "" {
			spans = []store.PolicySpan{{Lo: 0, Until: 10, Policy: step.policy}}
		}
		err := other.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			if err := tx.Lock(ctx, "policies"); err != nil {
				return err
			}
			return tx.Govern(ctx, "a", spans)
		})
		if err != nil {
			t.Fatal(err)
		}
		marks, err := one.PolicyMarks(ctx, []fhir.ID{"a"}, 5)
		if err != nil || marks["a"] == last || (marks["a"].State == 0) != (step.policy == "") {
			t.Errorf("%q: the marks %v, %v, after %v", step.policy, marks, err, last)
		}
		last = marks["a"]
		ofPatient := query(search.Reference{Param: subject, Type: "Patient", ID: "a"})
		if n, err := one.Count(ctx, ofPatient); err != nil || int(n) != step.shown {
			t.Errorf("%q: %d counted, %v", step.policy, n, err)
		}
		for range 2 {
			page, err := one.Search(ctx, ofPatient)
			if err != nil || len(page.Records) != step.shown || !slices.Equal(page.Marks, []store.PolicyMark{last}) {
				t.Errorf("%q: of the patient %+v, %v", step.policy, page, err)
			}
			page, err = one.Search(ctx, query(search.IDs{"1"}))
			if err != nil || len(page.Records) != step.shown || !page.Looked || (page.Beside == nil) != (step.shown == 1) || !slices.Equal(page.Marks, []store.PolicyMark{last}) {
				t.Errorf("%q: by its id %+v, %v", step.policy, page, err)
			}
		}
	}
}

// told keeps the texts of queries.
type told struct {
	sqldb.DB
	texts *[]string
}

func (d told) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	*d.texts = append(*d.texts, text)
	return d.DB.Query(ctx, text, args...)
}

func TestTheFewThatAPolicyHidesByALabelAreLookedUpOnce(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	s, _ := processes(t)
	subject := search.Param{Code: "subject", Type: "Observation", Kind: definitions.SearchReference}
	encounter := search.Param{Code: "encounter", Type: "Observation", Kind: definitions.SearchReference}
	label := search.Param{Code: "_security", Type: "Observation", Kind: definitions.SearchToken}
	visit := search.Param{Code: "_security", Type: "Encounter", Kind: definitions.SearchToken}
	err := s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		put := func(typ fhir.Type, id int, index ...search.Entry) store.Write {
			return store.Write{Key: fhir.Key{Type: typ, ID: fhir.ID(fmt.Sprint(id))}, Updated: time.Now(), Method: "PUT", Release: definitions.R4, Body: s.Pack([]byte("{}"), index)}
		}
		writes := []store.Write{
			put("Patient", 1), put("Encounter", 1, search.Entry{Param: visit, System: "s", Code: "secret"}),
			put("Encounter", 2, search.Entry{Param: visit, System: "s", Code: "plain"}), put("Encounter", 3, search.Entry{Param: visit, System: "t", Code: "secret"}),
		}
		for i := range 20 {
			index := []search.Entry{{Param: subject, RefType: "Patient", RefID: "1"}}
			switch of := i % 5; of {
			case 0:
				index = append(index, search.Entry{Param: label, System: "s", Code: "secret"})
			case 4:
				index = append(index, search.Entry{Param: label, System: "s", Code: "plain"})
			default:
				index = append(index, search.Entry{Param: encounter, RefType: "Encounter", RefID: fmt.Sprint(of)})
			}
			writes = append(writes, put("Observation", i, index...))
		}
		if _, err := tx.Put(ctx, writes); err != nil {
			return err
		}
		if err := tx.Lock(ctx, "policies"); err != nil {
			return err
		}
		return tx.Govern(ctx, "1", []store.PolicySpan{{Lo: 0, Until: 10, Policy: "secret"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	policies, err := s.Policies(ctx, 0)
	if err != nil || len(policies) != 1 {
		t.Fatal(policies, err)
	}
	kinds := new(search.Kinds)
	kinds.Add(policies[0].Number, 0)
	each := search.NewDecisions(func(int) search.Expr {
		return search.Or{search.Token{Param: label, System: "s", Code: "secret"},
			search.Chain{Param: encounter, Target: "Encounter", X: search.Or{search.Token{Param: visit, System: "s", Code: "secret"}}}}
	})
	hidden := search.Governed{Params: []search.Param{subject}, Sole: true, Kinds: kinds, Each: each}
	q := &search.Query{Types: []string{"Observation"}, Count: 30, Filter: search.And{search.Reference{Param: subject, Type: "Patient", ID: "1"},
		search.Standing{X: search.Not{X: hidden}, At: 5, Made: new(search.Made)}}}
	var texts []string
	page, err := s.reader.Search(ctx, told{pool{s.pool}, &texts}, q)
	if err != nil || len(page.Records) != 12 {
		t.Fatalf("%d are shown, %v", len(page.Records), err)
	}
	if last := texts[len(texts)-1]; !strings.Contains(last, "(r.rid IN (SELECT ") || strings.Contains(last, "EXISTS (") {
		t.Errorf("each is asked for the label: %s", last)
	}
}

func TestWhatAnotherProcessWritesWhileAQueryIsMadeIsHidden(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	one, other := processes(t)
	subject := search.Param{Code: "subject", Type: "Observation", Kind: definitions.SearchReference}
	code := search.Param{Code: "code", Type: "Observation", Kind: definitions.SearchToken}
	put := func(key fhir.Key, index ...search.Entry) {
		err := other.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Put(ctx, []store.Write{{Key: key, Updated: time.Now(), Method: "PUT", Release: definitions.R4,
				Body: other.Pack(fmt.Appendf(nil, `{"resourceType":"%s","id":"%s"}`, key.Type, key.ID), index)}})
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	put(fhir.Key{Type: "Patient", ID: "a"})
	err := other.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Lock(ctx, "policies"); err != nil {
			return err
		}
		return tx.Govern(ctx, "a", []store.PolicySpan{{Lo: 0, Until: 10, Policy: "x"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	policies, err := one.Policies(ctx, 0)
	if err != nil || len(policies) != 1 {
		t.Fatal(policies, err)
	}
	each := search.NewDecisions(func(kind int) search.Expr {
		if kind == 0 {
			return search.Token{Param: code, System: "new", Code: "hidden"}
		}
		put(fhir.Key{Type: "Observation", ID: "1"}, search.Entry{Param: subject, RefType: "Patient", RefID: "a"}, search.Entry{Param: code, System: "new", Code: "hidden"})
		return search.Or{}
	})
	kinds := new(search.Kinds)
	kinds.Add(policies[0].Number, 0)
	kinds.Add(policies[0].Number+1, 1)
	hidden := search.Governed{Params: []search.Param{subject}, Sole: true, Kinds: kinds, Each: each}
	page, err := one.Search(ctx, &search.Query{Types: []string{"Observation"}, Count: 10, Filter: search.Standing{X: search.Not{X: hidden}, At: 5, Made: new(search.Made)}})
	if err != nil || len(page.Records) > 0 {
		t.Errorf("%d are shown, %v", len(page.Records), err)
	}
}
