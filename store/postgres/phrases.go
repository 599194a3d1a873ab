package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store/sqldb"
)

// Phrases and units that no resource has are removed by Expunge, while every
// process knows the numbers of many by heart. Each removal counts up, and who writes
// numbers looks whether he knew them after the last one, holding a lock that
// keeps a removal from coming in between.
const phrasesName = "phrases"

// phrasesRemoved is SQLSTATE division_by_zero: how the check of keepPhrases
// fails.
const phrasesRemoved = "22012"

// keepPhrases queues the check before what a transaction writes of phrases and
// units.
func (t *tx) keepPhrases() {
	t.enqueue("SELECT pg_advisory_xact_lock_shared($1)", t.store.lockKey(phrasesName))
	t.enqueue("SELECT 1 / (SELECT count(*) FROM counter WHERE name = '"+phrasesName+"' AND value = $1)", t.phrases)
}

// knewPhrases notes after which removal the numbers of these were looked up
// that the transaction is to write.
func (t *tx) knewPhrases(removal int64) {
	if t.phrases == 0 || removal < t.phrases {
		t.phrases = removal
	}
}

// learnPhrases forgets phrases and units that may have gone. Only then does it take up
// the new count, so that nobody passes an old number for a new one.
func (s *Store) learnPhrases(ctx context.Context) error {
	var removal int64
	if err := s.pool.QueryRow(ctx, "SELECT value FROM counter WHERE name = '"+phrasesName+"'").Scan(&removal); err != nil {
		return err
	}
	s.names.ForgetUsed()
	s.phrases.Store(removal)
	return nil
}

func isPhrasesRemoved(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == phrasesRemoved
}

// sweepPhrases removes the phrases that no resource has any more.
func (s *Store) sweepPhrases(ctx context.Context) error {
	return s.sweepUnused(ctx, s.reader.Orphans, "DELETE FROM phrase p WHERE p.id = ANY($1::integer[]) AND NOT EXISTS (SELECT 1 FROM phrase_use u WHERE u.phrase = p.id)")
}

// sweepUnits removes the units that no resource has any more.
func (s *Store) sweepUnits(ctx context.Context) error {
	return s.sweepUnused(ctx, s.reader.UnusedUnits, "DELETE FROM unit WHERE unit.id = ANY($1::integer[]) AND "+sqldb.UnusedUnit)
}

func (s *Store) sweepUnused(ctx context.Context, unused func(ctx context.Context, db sqldb.DB, after int64) ([]int64, error), remove string) error {
	err := sqldb.SweepUnused(func(after int64) ([]int64, error) {
		return read(s, func(db pool) ([]int64, error) { return unused(ctx, db, after) })
	}, func(ids []int64) error {
		return s.do(ctx, func(ctx context.Context, t *tx) error {
			t.enqueue("SELECT pg_advisory_xact_lock($1)", s.lockKey(phrasesName))
			t.enqueue(remove, ids)
			t.enqueue("UPDATE counter SET value = value + 1 WHERE name = '" + phrasesName + "'")
			return nil
		})
	})
	if err != nil {
		return err
	}
	return s.learnPhrases(ctx)
}

// namePhrases numbers phrases that are not in the cache with two statements.
func (s *Store) namePhrases(ctx context.Context, fresh map[sqldb.Phrase]bool) (map[sqldb.Phrase]int64, error) {
	type row struct {
		sqldb.Phrase
		hash []byte
	}
	rows := make([]row, 0, len(fresh))
	for p := range maps.Keys(fresh) {
		rows = append(rows, row{p, p.Space.PhraseHash(p.Text)})
	}
	// In one order, so that two who bring the same ones do not lock each other out.
	slices.SortFunc(rows, func(a, b row) int { return slices.Compare(a.hash, b.hash) })
	hashes, norms, words := make([][]byte, len(rows)), make([]any, len(rows)), make([]string, len(rows))
	phrases := make(map[string]sqldb.Phrase, len(rows))
	for i, r := range rows {
		hashes[i], words[i] = r.hash, sqldb.Positions(r.Space.Words(r.Text))
		norms[i] = r.Space.Norm(r.Text)
		phrases[string(r.hash)] = r.Phrase
	}
	_, err := s.naming.Exec(ctx, `INSERT INTO phrase (hash, norm, words) SELECT k.hash, k.norm, k.words::tsvector
		FROM unnest($1::bytea[], $2::text[], $3::text[]) AS k (hash, norm, words)
		WHERE NOT EXISTS (SELECT 1 FROM phrase p WHERE p.hash = k.hash) ORDER BY k.hash ON CONFLICT DO NOTHING`, hashes, optionalTexts(norms), words)
	if err != nil {
		return nil, err
	}
	numbers := make(map[sqldb.Phrase]int64, len(rows))
	err = sqldb.ForEach(ctx, pool{s.naming}, "SELECT p.hash, p.id::bigint FROM unnest($1::bytea[]) AS k (hash) JOIN phrase p ON p.hash = k.hash", []any{hashes}, func(r sqldb.Rows) error {
		var hash []byte
		var id int64
		err := r.Scan(&hash, &id)
		numbers[phrases[string(hash)]] = id
		return err
	})
	return numbers, err
}

func optionalTexts(values []any) []*string {
	out := make([]*string, len(values))
	for i, v := range values {
		if s, ok := v.(string); ok {
			out[i] = &s
		}
	}
	return out
}

// keepList puts a list of codes into the tables.
func (s *Store) keepList(ctx context.Context, l *search.CodeList) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return s.reader.KeepList(ctx, t, s, l) })
}
