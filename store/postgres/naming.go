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
	if space.IsPhrase() {
		p := sqldb.Phrase{Space: space, Text: text}
		numbers, err := s.namePhrases(ctx, map[sqldb.Phrase]bool{p: true})
		return numbers[p], err
	}
	table, columns, values := space.Stored(text)
	insert := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ") ON CONFLICT DO NOTHING"
	if _, err := s.naming.Exec(ctx, sqldb.PostgreSQL.Rebind(insert), values...); err != nil {
		return 0, err
	}
	return s.names.Find(ctx, pool{s.naming}, space, text)
}

// named is a Namer that knows the new systems and phrases of a set of writes
// already.
type named struct {
	*Store
	systems map[string]int64
	phrases map[sqldb.Phrase]int64
}

// Number implements sqldb.Namer.
func (n named) Number(space sqldb.Space, text string) (int64, error) {
	switch {
	case space == sqldb.SystemSpace:
		if id, ok := n.systems[text]; ok {
			return id, nil
		}
	case space.IsPhrase():
		if id, ok := n.phrases[sqldb.Phrase{Space: space, Text: text}]; ok {
			return id, nil
		}
	}
	return n.Store.Number(space, text)
}

// fewSystems is up to where new systems are numbered one by one, keptSystems up
// to where they go into the cache.
const (
	fewSystems  = 8
	keptSystems = 1000
)

// name numbers the systems and phrases that index entries bring, many with one
// statement.
func (s *Store) name(ctx context.Context, all iter.Seq[[]search.Entry]) (n sqldb.Namer, err error) {
	systems, phrases := map[string]bool{}, map[sqldb.Phrase]bool{}
	for entries := range all {
		s.names.NewSystems(systems, entries)
		s.names.NewPhrases(phrases, entries)
	}
	out := named{Store: s}
	if len(systems) > fewSystems {
		if out.systems, err = s.nameSystems(ctx, slices.Sorted(maps.Keys(systems))); err != nil {
			return nil, err
		}
	}
	if len(phrases) > 0 {
		if out.phrases, err = s.namePhrases(ctx, phrases); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// nameSystems numbers systems, which are sorted, so that two who bring the same
// ones do not lock each other out.
func (s *Store) nameSystems(ctx context.Context, texts []string) (map[string]int64, error) {
	if _, err := s.naming.Exec(ctx, "INSERT INTO name (space, text) SELECT $1, t FROM unnest($2::text[]) AS t ORDER BY t COLLATE \"C\" ON CONFLICT DO NOTHING",
		int64(sqldb.SystemSpace), texts); err != nil {
		return nil, err
	}
	systems := make(map[string]int64, len(texts))
	err := sqldb.ForEach(ctx, pool{s.naming}, "SELECT n.text, n.id::bigint FROM unnest($2::text[]) AS t JOIN name n ON n.space = $1 AND n.text = t",
		[]any{int64(sqldb.SystemSpace), texts}, func(r sqldb.Rows) error {
			var text string
			var id int64
			err := r.Scan(&text, &id)
			systems[text] = id
			if err == nil && len(texts) <= keptSystems {
				s.names.Add(sqldb.SystemSpace, text, id)
			}
			return err
		})
	return systems, err
}
