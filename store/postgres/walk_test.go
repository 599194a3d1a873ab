package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// planned adds up what the scans of queries read.
type planned struct {
	sqldb.DB
	read int64
}

// Query implements sqldb.DB.
func (p *planned) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	_, n, err := plan(ctx, p.DB, text, args)
	if err != nil {
		return nil, err
	}
	p.read += n
	return p.DB.Query(ctx, text, args...)
}

func TestAPortionOfAWalkReadsNoMoreTheMoreThereIsBehindIt(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	s, err := Open(ctx, pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	const all, portion = 3000, 20
	var writes []store.Write
	for i := range all {
		k := fhir.Key{Type: "Patient", ID: fhir.ID(fmt.Sprint("p", i))}
		writes = append(writes, store.Write{
			Key: k, Updated: time.Now(), Method: "PUT", Release: definitions.R4, Body: s.Pack(fmt.Appendf(nil, `{"resourceType":"Patient","id":"%s"}`, k.ID), nil),
		})
	}
	if err := s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, writes)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	read, err := read(s, func(db pool) (int64, error) {
		p := &planned{DB: db}
		_, err := s.reader.Walk(ctx, p, store.WalkQuery{Type: "Patient", At: 1 << 40, Limit: portion})
		return p.read, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if read > 10*portion {
		t.Errorf("%d rows are read for %d", read, portion)
	}
}
