package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/inglehealth/ingle/store/sqldb"
)

// What is expunged or erased is not to be found in the files any more: its place is
// written over, and so are the copies that logs have of it.

// wiping has also whole pages written over that f sets free: what is deleted of a page
// always is. f is short, and in a transaction.
func (w *writer) wiping(f func() error) error {
	if err := w.conn.run("PRAGMA secure_delete = ON"); err != nil {
		return err
	}
	err := f()
	if off := w.conn.run("PRAGMA secure_delete = FAST"); off != nil {
		return errors.Join(err, off)
	}
	return err
}

// fillPages are so many free pages that one transaction writes over.
const fillPages = 1024

// fill writes over the free pages of the database: indexes leave copies of what they have in pages
// that they gave up before anything was expunged. It works in several transactions, so that it does
// not hold up other writers.
func (s *Store) fill(ctx context.Context) error {
	if err := s.unfill(ctx); err != nil { // of one that was killed
		return err
	}
	free, size := int64(0), int64(0)
	for filled := int64(0); filled == 0 || filled < free; filled += fillPages {
		left := int64(0)
		err := s.do(ctx, func(ctx context.Context, t *tx) (err error) {
			c := t.writer.conn
			if left, err = pragma(ctx, c, "freelist_count"); err != nil || left == 0 {
				return err
			}
			if size, err = pragma(ctx, c, "page_size"); err != nil {
				return err
			}
			// Of such a length half a page stands in the table, and the rest fills whole pages but
			// for the four bytes that name the next one (https://sqlite.org/fileformat2.html#ovflpgs):
			// of a page that is written in part the rest would stay.
			return c.run("INSERT INTO filling (zeros) VALUES (zeroblob(?))", min(left, fillPages)*(size-4)+size/2)
		})
		if err != nil {
			return errors.Join(err, s.unfill(context.WithoutCancel(ctx)))
		}
		if left == 0 {
			break
		}
		free = max(free, left)
	}
	return s.unfill(ctx)
}

// unfill gives the pages back, as they are.
func (s *Store) unfill(ctx context.Context) error {
	for {
		n := int64(0)
		err := s.do(ctx, func(ctx context.Context, t *tx) (err error) {
			n, err = t.writer.conn.Exec(ctx, "DELETE FROM filling WHERE id = (SELECT min(id) FROM filling)")
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

func pragma(ctx context.Context, c *conn, name string) (n int64, err error) {
	err = sqldb.ForEach(ctx, quiet{c}, "PRAGMA "+name, nil, func(r sqldb.Rows) error { return r.Scan(&n) })
	return n, err
}

// wipeTime bounds how long a log that somebody copies or reads is waited for.
const wipeTime = time.Second

// wipeLog empties the write-ahead log of a database. While somebody reads what is in it,
// it is left as it is, and written over later.
func wipeLog(path string) error {
	c, err := connect(path, fmt.Sprintf("busy_timeout = %d", wipeTime.Milliseconds()))
	if err != nil {
		return err
	}
	// The first copies most of it while others write.
	_, err = c.checkpoint("PASSIVE")
	for by := time.Now().Add(wipeTime); err == nil; {
		// Who is refused because somebody copies is told so at once.
		busy := false
		if busy, err = c.checkpoint("TRUNCATE"); !busy || time.Now().After(by) {
			break
		}
		time.Sleep(wipeTime / 100)
	}
	return errors.Join(err, c.close())
}

// checkpoint copies the log into the database. It is busy when somebody else does, or
// reads.
func (c *conn) checkpoint(how string) (busy bool, err error) {
	err = sqldb.ForEach(context.Background(), quiet{c}, "PRAGMA wal_checkpoint("+how+")", nil, func(r sqldb.Rows) error {
		var blocked, frames, copied int64
		err := r.Scan(&blocked, &frames, &copied)
		busy = blocked != 0
		return err
	})
	return busy, err
}
