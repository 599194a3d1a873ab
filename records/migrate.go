package records

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/store"
)

// MigrateOptions belong to Migrate.
type MigrateOptions struct {
	// Progress is called now and then; nil for none.
	Progress func(MigrateProgress)
	// Waiting is called while another process holds the job; nil for none.
	Waiting func(until time.Time)
	// Checkpoint is the time between checkpoints; 0: five seconds.
	Checkpoint time.Duration
	// Lease is how long the job of a process that died is kept from the next
	// one; 0: jobs.DefaultLease.
	Lease time.Duration
	// LeaveJobs lets the source have jobs that have not ended. They are lost to
	// the target.
	LeaveJobs bool
	// Event is recorded in the target when all is moved; nil for none.
	Event *audit.Event
}

// MigrateProgress says how far a migration is.
type MigrateProgress struct {
	Versions  int64 // moved, or compared
	Total     int64 // about how many there are in all; 0 when that is not known
	Comparing bool  // everything is moved, and both sides are counted and hashed
}

// Migration is what came of a Migrate.
type Migration struct {
	Versions int64 // moved, by this run and those that it took up
	Resumed  bool  // it went on from a checkpoint
	Before   bool  // everything had been moved before, so the two were only compared
	From, To Tally
}

// Agrees says whether both sides hold the same.
func (m *Migration) Agrees() bool { return m.From.equal(&m.To) }

// ErrNotEmpty says that records cannot be moved to where there are others.
var ErrNotEmpty = errors.New("records: there are other records already")

// ErrDiffers says that the two sides of a migration do not hold the same: they
// were written to meanwhile, or one has lost something. Trying again moves what
// is new.
var ErrDiffers = errors.New("records: the two sides do not hold the same")

// Migrate moves everything that one tenant remembers, except its jobs, to
// another, which must be empty: every version in the order of the change feed,
// with its number, time, method and release, the content of Binaries, what
// identity remembers (users, clients, grants, tokens), the audit log, and the settings but the key of page links (places in the feed are others there, so a
// link of the source must not be good) and the state of the index, which is computed
// anew. Then it counts and hashes both sides.
// In the default order of searches, a resource whose first versions are expunged
// comes where the first of those that are left stands.
//
// It is a durable job of the target: a migration that was interrupted is taken
// up where it stopped. Nobody should write to either side meanwhile; what is
// written to the source before the end is moved as well. ErrNotEmpty and
// ErrDiffers come with the counts of both sides where these were compared. The
// target's Door must be opened anew before it serves: its settings have
// changed. A source with jobs that have not ended is ErrUnfinished, unless
// LeaveJobs.
func Migrate(ctx context.Context, from, to *Door, o MigrateOptions) (Migration, error) {
	m := &migration{from: from, to: to, o: o}
	id, err := m.jobID(ctx)
	if err != nil {
		return Migration{}, err
	}
	old, err := to.store.ReadJob(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if err := m.empty(ctx); err != nil {
			return Migration{}, err
		}
	case err != nil:
		return Migration{}, err
	case old.State == store.JobDone:
		m.result.Before = true
		if err := m.compare(ctx); err != nil || m.result.Agrees() {
			return m.result, err
		}
		return m.result, ErrNotEmpty
	}
	if err := m.finished(ctx); err != nil {
		return Migration{}, err
	}
	config := jobs.Config{Store: to.store, Clock: from.config.Clock, Lease: o.Lease}
	err = jobs.Do(ctx, config, jobs.Job{ID: id, Kind: id}, m.run, o.Waiting)
	return m.result, err
}

// migration is one run of the job.
type migration struct {
	from, to *Door
	o        MigrateOptions
	work     *jobs.Work
	saved    time.Time
	state    migrateState
	overlap  bool // versions that come next may be there already
	result   Migration
}

// migrateState is the progress of the job.
type migrateState struct {
	After    store.Seq `json:"after"` // of the source
	Versions int64     `json:"versions"`
	Total    int64     `json:"total"`
}

// jobID names the migration by the source, whose key of page links nobody else
// has.
func (m *migration) jobID(ctx context.Context) (string, error) {
	key, err := m.from.store.ReadSetting(ctx, cursorKey)
	sum := sha256.Sum256(append(key, m.from.config.Name...))
	return "migrate-" + hex.EncodeToString(sum[:16]), err
}

// empty refuses a target that holds something.
func (m *migration) empty(ctx context.Context) error {
	last, err := m.to.store.LastSeq(ctx)
	if err != nil {
		return err
	}
	kinds, err := m.to.store.ItemKinds(ctx)
	if err == nil && (last != 0 || len(kinds) > 0) {
		err = ErrNotEmpty
	}
	return err
}

func (m *migration) run(ctx context.Context, w *jobs.Work) error {
	m.work, m.saved = w, m.from.config.Clock()
	var err error
	if m.result.Resumed, err = w.Progress(&m.state); err != nil {
		return err
	}
	m.overlap = m.result.Resumed
	if !m.result.Resumed {
		if err := m.empty(ctx); err != nil {
			return err
		}
		page, err := m.from.store.History(ctx, store.HistoryQuery{})
		if err != nil {
			return err
		}
		m.state.Total = page.Total
		if err := w.Save(ctx, m.state); err != nil {
			return err
		}
	}
	if err := m.move(ctx); err != nil {
		return err
	}
	if err := errors.Join(m.to.store.Flush(ctx), m.to.governAll(ctx, nil)); err != nil {
		return err
	}
	settings, err := m.from.moved(ctx)
	if err != nil {
		return err
	}
	for name, value := range settings {
		if err := m.to.store.WriteSetting(ctx, name, value); err != nil {
			return err
		}
	}
	if err := m.items(ctx); err != nil {
		return err
	}
	if err := audit.Move(ctx, m.from.store, m.to.store); err != nil {
		return err
	}
	m.result.Versions = m.state.Versions
	err = m.compare(ctx)
	if err == nil && !m.result.Agrees() {
		err = ErrDiffers
	}
	if err == nil && m.o.Event != nil {
		err = audit.Append(ctx, m.to.store, m.o.Event)
	}
	return errors.Join(err, w.SetResult(m.result))
}

// compare counts and hashes both sides at once.
func (m *migration) compare(ctx context.Context) error {
	// What the target recorded since is its own.
	log, err := m.from.store.AuditHead(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		m.result.From, err = m.from.tally(ctx, func(n int64) {
			if m.o.Progress != nil {
				m.o.Progress(MigrateProgress{Versions: n, Total: m.state.Versions, Comparing: true})
			}
		}, log.Size)
		return err
	})
	g.Go(func() (err error) {
		m.result.To, err = m.to.tally(ctx, func(int64) {}, log.Size)
		return err
	})
	return g.Wait()
}
