package sqlite

import "errors"

// protection says how the writes of a member can be undone by themselves.
type protection uint8

const (
	unprotected  protection = iota // they cannot
	protected                      // by a savepoint
	whenChanging                   // by a savepoint that begins when it does more than to insert resources
)

// member is the part of a transaction that one request makes. A savepoint makes
// SQLite copy every page that is changed after it, and go through all these
// copies again and again. What an import writes mostly is new, so that it can be
// deleted instead.
type member struct {
	protection
	savepoint bool // begun
	made      int  // names made before it
	words     int  // of new phrases before it
}

// mark is the state to go back to when a member fails. Rows of former members
// that were written inside the failed member's savepoint went with it, so
// flushed goes back too.
type mark struct {
	ops, flushed, made int
	words, indexed     int
	seq                int64
	writes             int
}

// begin begins a member.
func (t *tx) begin(p protection) (mark, error) {
	t.member = member{protection: p}
	m := mark{len(t.ops), t.flushed, len(t.made), len(t.words), t.indexed, t.writer.seq, t.writer.conn.writes}
	if p == protected {
		return m, t.changing()
	}
	return m, nil
}

// changing is called before the first write of a member that is not the insert
// of a resource or of its first version, or of a name.
func (t *tx) changing() error {
	if t.member.protection == unprotected || t.member.savepoint {
		return nil
	}
	t.member.savepoint, t.member.made, t.member.words = true, len(t.made), len(t.words)
	return t.writer.conn.run("SAVEPOINT member")
}

// end ends a member that succeeded.
func (t *tx) end() error {
	if t.member.savepoint {
		if err := t.writer.conn.run("RELEASE member"); err != nil {
			return err
		}
	}
	t.member = member{}
	return nil
}

// back undoes what a member did, save for what an unprotected one wrote.
func (t *tx) back(m mark) error {
	of := t.member
	t.member = member{}
	t.ops, t.flushed = t.ops[:m.ops], m.flushed
	c := t.writer.conn
	if of.protection == unprotected {
		t.forget(m.made)
		t.words, t.indexed = t.words[:m.words], m.indexed
		return nil
	}
	if c.writes == m.writes {
		return nil
	}
	t.writer.rids.forget()
	var errs []error
	if of.savepoint {
		errs = append(errs, c.run("ROLLBACK TO member"), c.run("RELEASE member"))
		t.forget(max(m.made, of.made)) // names made before stay, with their rows
		t.words, t.indexed = t.words[:max(m.words, of.words)], m.indexed
	}
	return errors.Join(append(errs, c.run("DELETE FROM version WHERE seq > ?", m.seq), c.run("DELETE FROM resource WHERE rid > ?", m.seq))...)
}
