package sqlite

import (
	"context"
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// TestWhetherManyReferIsAskedOnceNotOfEach counts the rows read for one Binary to which many refer.
func TestWhetherManyReferIsAskedOnceNotOfEach(t *testing.T) {
	const many = 300
	s := opened(t)
	code := search.Param{Type: "Observation", Code: "code", Kind: definitions.SearchToken}
	subject := search.Param{Type: "Observation", Code: "subject", Kind: definitions.SearchReference}
	writes := []store.Write{{Key: fhir.Key{Type: "Binary", ID: "b"}, Method: "PUT", Body: s.Pack([]byte("{}"), nil)}}
	for i := range many {
		writes = append(writes, store.Write{Key: fhir.Key{Type: "Observation", ID: fhir.ID(fmt.Sprint("o", i))}, Method: "PUT", Body: s.Pack([]byte("{}"), []search.Entry{
			{Param: code, System: "s", Code: "shown"}, {Param: subject, RefType: "Binary", RefID: "b"},
		})})
	}
	err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, writes)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	hidden := search.Beside{Type: "Binary", X: search.Token{Param: code, System: "s", Code: "hidden"}}
	page, x, err := s.Explain(t.Context(), &search.Query{Types: []string{"Binary"}, Filter: search.And{search.IDs{"b"}, search.Not{X: hidden}}, Count: 1})
	if err != nil || len(page.Records) != 1 {
		t.Fatal(page, err)
	}
	read := int64(0)
	for _, statement := range x.Statements {
		read += max(statement.Touched, 0)
	}
	if read > 2*many {
		t.Errorf("%d rows are read of %d that refer to it", read, many)
	}
}
