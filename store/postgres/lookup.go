package postgres

import (
	"context"
	"runtime"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// Concurrent reads by key share round trips: while some are asked for, the
// next ones gather. They have connections of their own, so that they never
// wait behind a slow search.
const (
	lookers    = 1 // queries on their way at once
	maxLookup  = 64
	lookupTime = 30 * time.Second
)

// lookup is one Read on its way.
type lookup struct {
	typeNumber int64
	id         string
	found      *sqldb.Stored
	err        error
	done       chan struct{}
}

// Read implements store.Reader.
func (s *Store) Read(ctx context.Context, key fhir.Key) (store.Record, error) {
	return read(s, func(db pool) (store.Record, error) {
		t, err := s.names.Find(ctx, pool{s.naming}, sqldb.TypeSpace, string(key.Type))
		if err != nil {
			return store.Record{}, err
		}
		l := &lookup{typeNumber: t, id: sqldb.Clean(string(key.ID)), done: make(chan struct{})}
		select {
		case s.looking <- l:
		case <-ctx.Done():
			return store.Record{}, ctx.Err()
		}
		select {
		case <-l.done:
		case <-ctx.Done():
			return store.Record{}, ctx.Err()
		}
		switch {
		case l.err != nil:
			return store.Record{}, l.err
		case l.found == nil:
			return store.Record{Key: key}, store.ErrNotFound
		}
		return s.reader.Record(ctx, db, key, l.found)
	})
}

// look answers lookups until there are no more.
func (s *Store) look() {
	for first := range s.looking {
		s.lookUp(gather(first, s.looking, maxLookup))
	}
}

// gather takes what waits, or is about to, up to most with the first: it lets others who are
// ready to ask run before it looks.
func gather[T any](first T, waiting <-chan T, most int) []T {
	runtime.Gosched()
	all := append(make([]T, 0, most), first)
	for len(all) < most {
		select {
		case next, ok := <-waiting:
			if !ok {
				return all
			}
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

// lookUp answers some lookups. When the connection breaks it asks once more,
// on another one.
func (s *Store) lookUp(asked []*lookup) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	types, ids := make([]int64, len(asked)), make([]string, len(asked))
	for i, l := range asked {
		types[i], ids[i] = l.typeNumber, l.id
	}
	found := make([]*sqldb.Stored, len(asked))
	ask := func() error {
		put := func(n int64, v *sqldb.Stored) { found[n-1] = v }
		if len(asked) == 1 {
			return s.reader.Lookup(ctx, pool{s.short}, "(SELECT 1::bigint AS n, $1::integer AS type, $2::text AS id) k", []any{types[0], ids[0]}, put)
		}
		return s.reader.Lookup(ctx, pool{s.short}, "unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (type, id, n)", []any{types, ids}, put)
	}
	err := ask()
	if away(err) {
		s.short.Reset()
		err = ask()
	}
	for i, l := range asked {
		l.found, l.err = found[i], err
		close(l.done)
	}
}
