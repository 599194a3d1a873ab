package postgres

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store/sqldb"
)

// Number implements sqldb.Namer. New names are committed by themselves, so
// that the cache never has a number that a rollback takes back.
func (s *Store) Number(space sqldb.Space, text string) (int64, error) {
	ctx := context.Background()
	id, err := s.names.Find(ctx, pool{s.naming}, space, text)
	if err != nil || id != sqldb.Unknown {
		return id, err
	}
	table, columns, values := space.Stored(text)
	insert := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ") ON CONFLICT DO NOTHING"
	if _, err := s.naming.Exec(ctx, sqldb.PostgreSQL.Rebind(insert), values...); err != nil {
		return 0, err
	}
	return s.names.Find(ctx, pool{s.naming}, space, text)
}

// named is a Namer that knows the new systems of a set of writes already.
type named struct {
	*Store
	systems map[string]int64
}

// Number implements sqldb.Namer.
func (n named) Number(space sqldb.Space, text string) (int64, error) {
	if id, ok := n.systems[text]; ok && space == sqldb.SystemSpace {
		return id, nil
	}
	return n.Store.Number(space, text)
}

// fewSystems is up to where new systems are numbered one by one, which keeps
// them in the cache.
const fewSystems = 8

// name numbers the systems that index entries bring, many with one statement.
func (s *Store) name(ctx context.Context, all iter.Seq[[]search.Entry]) (sqldb.Namer, error) {
	fresh := map[string]bool{}
	for entries := range all {
		s.names.NewSystems(fresh, entries)
	}
	if len(fresh) <= fewSystems {
		return s, nil
	}
	// In one order, so that two who bring the same ones do not lock each other out.
	texts := slices.Sorted(maps.Keys(fresh))
	if _, err := s.naming.Exec(ctx, "INSERT INTO name (space, text) SELECT $1, t FROM unnest($2::text[]) AS t ORDER BY t COLLATE \"C\" ON CONFLICT DO NOTHING",
		int64(sqldb.SystemSpace), texts); err != nil {
		return nil, err
	}
	rows, err := pool{s.naming}.Query(ctx, "SELECT n.text, n.id FROM unnest($2::text[]) AS t JOIN name n ON n.space = $1 AND n.text = t", int64(sqldb.SystemSpace), texts)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	systems := make(map[string]int64, len(texts))
	for rows.Next() {
		var text string
		var id int64
		if err := rows.Scan(&text, &id); err != nil {
			return nil, err
		}
		systems[text] = id
	}
	return named{s, systems}, rows.Err()
}
