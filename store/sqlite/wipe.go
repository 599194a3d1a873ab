package sqlite

import "errors"

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

// wipeLog empties the write-ahead log of a database. While somebody reads what is in it,
// it is left as it is, and written over later.
func wipeLog(path string) error {
	c, err := connect(path, "busy_timeout = 1000")
	if err != nil {
		return err
	}
	// The first copies most of it while others write.
	for _, how := range []string{"PASSIVE", "TRUNCATE"} {
		if err = c.run("PRAGMA wal_checkpoint(" + how + ")"); err != nil {
			break
		}
	}
	return errors.Join(err, c.close())
}
