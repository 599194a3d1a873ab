package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var condition = search.Param{Type: "Condition", Code: "code", Kind: definitions.SearchToken}

var size = search.Param{Type: "Condition", Code: "size", Kind: definitions.SearchQuantity}

// saying writes a Condition whose code has a display.
func saying(ctx context.Context, s store.Store, id, text string) error {
	return indexed(ctx, s, id, search.Entry{Param: condition, Code: "1", Text: text})
}

// weighing writes a Condition with a quantity in a unit.
func weighing(ctx context.Context, s store.Store, id, unit string) error {
	return indexed(ctx, s, id, search.Entry{Param: size, Number: search.NumberRange{Value: 1, Lo: 1, Hi: 1}, Text: unit})
}

func indexed(ctx context.Context, s store.Store, id string, e search.Entry) error {
	return s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{{
			Key: fhir.Key{Type: "Condition", ID: fhir.ID(id)}, Expect: store.Any, Method: "PUT", Release: definitions.R4,
			Body: s.Pack([]byte("{}"), []search.Entry{e}),
		}})
		return err
	})
}

func said(ctx context.Context, s store.Store, text string) (int64, error) {
	return s.Count(ctx, &search.Query{Types: []string{"Condition"}, Filter: search.Text{Param: condition, Value: search.Phrase(text)}})
}

func measured(ctx context.Context, s store.Store, unit string) (int64, error) {
	return s.Count(ctx, &search.Query{Types: []string{"Condition"}, Filter: search.Quantity{Param: size, Prefix: search.GT, AnySystem: true, Unit: unit}})
}

func TestATextThatAnotherProcessExpungedCanComeAgain(t *testing.T) {
	place := pgtest.URL(t) + " " + pgtest.Schema()
	one, other := openPlace(t, place), openPlace(t, place)
	defer one.Close()
	defer other.Close()
	for round := range 3 {
		for _, s := range []store.Store{one, other} {
			if err := errors.Join(saying(t.Context(), s, "a", "Headache"), weighing(t.Context(), s, "b", "Headache")); err != nil {
				t.Fatal(err)
			}
			if n, err := said(t.Context(), other, "head"); n != 1 || err != nil {
				t.Fatalf("round %d: %d, %v", round, n, err)
			}
			if n, err := measured(t.Context(), other, "Headache"); n != 1 || err != nil {
				t.Fatalf("round %d: %d with the unit, %v", round, n, err)
			}
			if _, err := one.Expunge(t.Context(), store.Expunge{Everything: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	conn := connect(t, pgtest.URL(t))
	for _, table := range []string{"phrase", "unit"} {
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+strings.Fields(place)[1]+"."+table).Scan(&n); n != 0 || err != nil {
			t.Errorf("%d are left in table %s, %v", n, table, err)
		}
	}
}

func TestTextsAreFoundWhateverIsExpungedMeanwhile(t *testing.T) {
	place := pgtest.URL(t) + " " + pgtest.Schema()
	one, other := openPlace(t, place), openPlace(t, place)
	defer one.Close()
	defer other.Close()
	var wg sync.WaitGroup
	for g, s := range []store.Store{one, other, one, other} {
		wg.Go(func() {
			for i := range 25 {
				text := fmt.Sprintf("Text %d", i%3)
				id := fmt.Sprintf("%d-%d", g, i)
				if err := errors.Join(saying(t.Context(), s, id, text), weighing(t.Context(), s, id+"-u", text)); err != nil {
					t.Error(err)
					return
				}
				if i%2 != 0 {
					continue
				}
				for _, gone := range []string{id, id + "-u"} {
					if _, err := s.Expunge(t.Context(), store.Expunge{Key: fhir.Key{Type: "Condition", ID: fhir.ID(gone)}, Everything: true}); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	texts, units := int64(0), int64(0)
	for i := range 3 {
		n, err := said(t.Context(), one, fmt.Sprintf("text %d", i))
		if err != nil {
			t.Fatal(err)
		}
		m, err := measured(t.Context(), one, fmt.Sprintf("Text %d", i))
		if err != nil {
			t.Fatal(err)
		}
		texts, units = texts+n, units+m
	}
	if texts != 4*12 || units != 4*12 {
		t.Errorf("%d of %d are found by their text, %d by their unit", texts, 4*12, units)
	}
}
