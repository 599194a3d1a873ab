package postgres

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Why a member did not commit with its group; Write deals with both.
var (
	errAlone = errors.New("postgres: the transaction has to run by itself")
	errAgain = errors.New("postgres: the transaction met another one of its group")
)

// member is one Write on its way through a group. It is the store.Tx of the
// caller's function, which runs in the caller's goroutine.
type member struct {
	store     *Store
	ctx       context.Context
	held      *store.Setting
	needs     []fhir.Key
	needTypes []int64
	writes    []writing
	records   []store.Record
	event     []byte // of the audit log; nil for none

	joined  bool
	failed  error       // of Put, or errAlone
	problem error       // for Put, found by the group
	taken   atomic.Bool // by the group, or by a caller that gave up
	plan    chan error  // how the Put went
	ended   chan bool   // whether the function succeeded
	outcome chan error  // of the commit
}

func newMember(ctx context.Context, s *Store) *member {
	return &member{store: s, ctx: ctx, plan: make(chan error, 1), ended: make(chan bool, 1), outcome: make(chan error, 1)}
}

// run runs fn and returns the commit's outcome, errAlone or errAgain.
func (m *member) run(fn func(ctx context.Context, tx store.Tx) error) error {
	told := false
	defer func() {
		if m.joined && m.failed == nil && !told { // fn panicked
			m.ended <- false
		}
	}()
	err := fn(m.ctx, m)
	if !m.joined && err == nil && m.failed == nil {
		if len(m.needs) == 0 {
			return nil
		}
		m.failed = m.join()
	}
	if errors.Is(m.failed, errAlone) || errors.Is(m.failed, errAgain) || err == nil {
		err = m.failed
	}
	if m.joined && m.failed == nil {
		told = true
		m.ended <- err == nil
		if err == nil {
			err = <-m.outcome
		}
	}
	return err
}

// join enters a group and waits until it knows how the Put goes.
func (m *member) join() error {
	select {
	case m.store.joining <- m:
	case <-m.ctx.Done():
		return m.ctx.Err()
	}
	m.joined = true
	select {
	case err := <-m.plan:
		return err
	case <-m.ctx.Done():
		if m.taken.CompareAndSwap(false, true) {
			return m.ctx.Err()
		}
		return <-m.plan
	}
}

// alone gives the group up: the function is run again, by itself.
func (m *member) alone() error {
	if m.joined && m.failed == nil {
		m.ended <- false
	}
	m.failed = errAlone
	return errAlone
}

// Lock implements store.Tx.
func (m *member) Lock(context.Context, ...string) error { return m.alone() }

// Require implements store.Tx. The group looks for the keys with the Put.
func (m *member) Require(ctx context.Context, keys []fhir.Key) error {
	if m.joined || m.failed != nil {
		return m.alone()
	}
	types, _, err := m.store.keyColumns(ctx, keys)
	if err != nil {
		return err
	}
	m.needs, m.needTypes = append(m.needs, keys...), append(m.needTypes, types...)
	return nil
}

// Lost implements store.Tx: what refers to so much that this is asked is no part of a group.
func (m *member) Lost(context.Context, fhir.Key) ([]fhir.Key, error) { return nil, m.alone() }

// Put implements store.Tx.
func (m *member) Put(ctx context.Context, writes []store.Write) ([]store.Record, error) {
	if m.joined || m.failed != nil || len(writes) > maxPut || len(m.needs) > maxPut ||
		slices.ContainsFunc(writes, func(w store.Write) bool { return w.Version != 0 }) {
		return nil, m.alone()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var err error
	if m.writes, err = m.store.writings(ctx, writes); err != nil {
		return nil, err
	}
	rows := 0
	for i := range m.writes {
		rows += len(m.writes[i].index.Rows)
	}
	if rows > maxRows {
		return nil, m.alone()
	}
	if m.failed = m.join(); m.failed != nil {
		return nil, m.failed
	}
	return m.records, nil
}

// look decides about the Put from what the group found: a problem of which
// the member cannot be sure is errAlone.
func (m *member) look(exists map[rowKey]bool, rids map[rowKey]int64, referred map[rowKey][]rowKey) {
	own := make(map[rowKey]bool, len(m.writes))
	for i := range m.writes {
		w := &m.writes[i]
		own[rowKey{w.typeNumber, string(w.Key.ID)}] = true
	}
	for i, k := range m.needs {
		if !exists[rowKey{m.needTypes[i], string(k.ID)}] {
			m.problem = errAlone
			return
		}
	}
	m.records = make([]store.Record, len(m.writes))
	for i := range m.writes {
		w := &m.writes[i]
		m.records[i] = w.record()
		for to := range w.targets() {
			if !own[to] && rids[to] == 0 {
				m.problem = errAlone // it needs a placeholder, or another transaction holds it
				return
			}
		}
		if w.created {
			if rids[rowKey{w.typeNumber, string(w.Key.ID)}] != 0 {
				m.problem = errAlone // it exists, or has a placeholder
				return
			}
			continue
		}
		if w.version == 0 {
			m.problem = errAlone // it does not exist, has a placeholder, or another transaction holds it
			return
		}
		if w.Expect != store.Any && w.Expect != w.version {
			m.problem = &store.VersionError{Key: w.Key, Expect: w.Expect, Current: w.version}
			return
		}
		for _, by := range referred[rowKey{w.typeNumber, string(w.Key.ID)}] {
			w.referred = w.referred || !own[by]
		}
	}
}

// Referrers implements store.Reader: of what the member deletes the group
// knows whether there are any.
func (m *member) Referrers(_ context.Context, key fhir.Key, _ int) ([]fhir.Key, error) {
	known := false
	for i := range m.writes {
		w := &m.writes[i]
		if w.Key == key && w.deleted() && !w.referred {
			known = true
		} else if w.refersTo(key) {
			return nil, m.alone()
		}
	}
	if !known || m.failed != nil {
		return nil, m.alone()
	}
	return nil, nil
}

func (w *writing) refersTo(key fhir.Key) bool {
	for i := range w.Body.Index {
		e := &w.Body.Index[i]
		if e.Param.Kind == definitions.SearchReference && e.RefID == string(key.ID) && e.RefType == string(key.Type) {
			return true
		}
	}
	return false
}

// Read implements store.Reader.
func (m *member) Read(context.Context, fhir.Key) (store.Record, error) {
	return store.Record{}, m.alone()
}

// ReadVersion implements store.Reader.
func (m *member) ReadVersion(context.Context, fhir.Key, int64) (store.Record, error) {
	return store.Record{}, m.alone()
}

// ReadMany implements store.Reader.
func (m *member) ReadMany(context.Context, []fhir.Key) ([]store.Record, error) {
	return nil, m.alone()
}

// Versions implements store.Reader.
func (m *member) Versions(context.Context, []fhir.Key) (map[fhir.Key]store.VersionInfo, error) {
	return nil, m.alone()
}

// Search implements store.Reader.
func (m *member) Search(context.Context, *search.Query) (store.Page, error) {
	return store.Page{}, m.alone()
}

// Count implements store.Reader.
func (m *member) Count(context.Context, *search.Query) (int64, error) { return 0, m.alone() }

var _ store.Tx = (*member)(nil)
