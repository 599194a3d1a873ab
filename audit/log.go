package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// Config is what a Log needs.
type Config struct {
	Store  store.Audit      // required; the caller closes it after the Log
	Secret Sealer           // required: encrypts the signing key
	Origin string           // public base URL of the tenant, the name in signatures
	Clock  func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: nothing is logged; never receives what events hold
	Sinks  []Sink           // each gets every event once it has a number; may be nil
	// Spool is a file of this process alone, in which events wait while the store has no
	// room and keeps no reserve; "" for none.
	Spool string
	// SealEvery is how long an event waits for its number at most; 0: a second.
	SealEvery time.Duration
}

// Log is one tenant's audit log. It is safe for concurrent use; several processes
// may have one on the same store.
type Log struct {
	config Config
	store  store.Audit
	log    *slog.Logger
	signer atomic.Pointer[note.Signer]

	recorder
	pending atomic.Int64 // events appended by this process and perhaps not numbered
	since   atomic.Int64 // when the oldest of them was, about, in microseconds
	wake    chan struct{}
	ending  chan struct{}
	working sync.WaitGroup
	closing sync.Once

	sealing sync.Mutex
	tree    tree // as of the last seal by this process

	latest atomic.Int64 // time of the newest event, in microseconds
	room   room
	sinks  []*stream
}

// ErrClosed says that the log was closed.
var ErrClosed = errors.New("audit: the log is closed")

// Open opens a log, and makes its signing key if there is none. The caller closes
// it.
func Open(ctx context.Context, c Config) (*Log, error) {
	if c.Store == nil || c.Secret == nil {
		return nil, errors.New("audit: a Log needs a store and a key file")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.SealEvery <= 0 {
		c.SealEvery = time.Second
	}
	l := &Log{
		config: c, store: c.Store, log: c.Log,
		wake: make(chan struct{}, 1), ending: make(chan struct{}),
	}
	by, err := openSigner(ctx, c.Store, c.Secret, c.Origin, c.Clock().UTC(), false)
	if err != nil {
		return nil, fmt.Errorf("audit: the signing key: %w", err)
	}
	l.signer.Store(&by)
	l.room.log = l
	if err := l.openSpool(ctx); err != nil {
		return nil, errors.Join(err, l.room.spool.close())
	}
	// What another process left, or a crash.
	if err := l.Seal(ctx); err != nil && !errors.Is(err, store.ErrFull) {
		return nil, errors.Join(fmt.Errorf("audit: numbering what was appended: %w", err), l.room.spool.close())
	}
	for _, s := range c.Sinks {
		l.sinks = append(l.sinks, newStream(l, s))
	}
	l.working.Go(l.seal)
	for _, s := range l.sinks {
		l.working.Go(s.run)
	}
	return l, nil
}

// Close numbers what is left and ends the log's work. Nothing is recorded after.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.end()
		close(l.ending)
	})
	l.working.Wait()
	return l.room.spool.close()
}

// Record appends an event, which is durable when Record returns nil. Its time is
// now unless it is given. The caller must not change the event any more.
func (l *Log) Record(ctx context.Context, e *Event) error {
	l.stamp(e)
	_, s := span.Start(ctx, "audit record")
	defer s.End()
	return l.group(e, l.commit)
}

// stamp gives an event its time.
func (l *Log) stamp(e *Event) {
	if e.Time.IsZero() {
		e.Time = l.config.Clock()
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	l.minds(e.Time)
}

// backwards is how far a clock may go back without anybody being told.
const backwards = 5 * time.Second

// minds tells when the clock went back. The order of events is that of their
// numbers, whatever the clock says.
func (l *Log) minds(t time.Time) {
	now, latest := t.UnixMicro(), l.latest.Load()
	if now > latest {
		l.latest.CompareAndSwap(latest, now)
		return
	}
	if time.Duration(latest-now)*time.Microsecond > backwards && l.latest.CompareAndSwap(latest, now) {
		l.log.Warn("the clock went back: events of the audit log are in order by their numbers, not by their times",
			"by", time.Duration(latest-now)*time.Microsecond)
	}
}

// appendTime is how long the store may take.
const appendTime = 30 * time.Second

// commit brings a group of so many events to the store.
func (l *Log) commit(group []byte, events int) error {
	ctx, cancel := context.WithTimeout(context.Background(), appendTime)
	defer cancel()
	err := l.room.append(ctx, group, events)
	if err == nil {
		l.Appended(events)
	}
	return err
}

// Append appends an event to the log of a store that no Log need have open, such as
// that of a command. The next Log gives it its number.
func Append(ctx context.Context, s store.Audit, e *Event) error {
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	return s.AppendAudit(ctx, e.append(nil))
}
