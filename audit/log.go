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
)

// Config is what a Log needs.
type Config struct {
	Store  store.Audit      // required; the caller closes it after the Log
	Secret Sealer           // required: encrypts the signing key
	Origin string           // public base URL of the tenant, the name in signatures
	Clock  func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: nothing is logged; never receives what events hold
	Sinks  []Sink           // each gets every event once it has a number; may be nil
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

	queue   chan *waiting
	pending atomic.Int64 // events appended by this process and perhaps not numbered
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

// waiting is an event on its way to the store.
type waiting struct {
	entry *entry
	done  chan error
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
		queue: make(chan *waiting, maxGroup), wake: make(chan struct{}, 1), ending: make(chan struct{}),
	}
	by, err := openSigner(ctx, c.Store, c.Secret, c.Origin, c.Clock().UTC(), false)
	if err != nil {
		return nil, fmt.Errorf("audit: the signing key: %w", err)
	}
	l.signer.Store(&by)
	l.room.log = l
	// What another process left, or a crash.
	if err := l.Seal(ctx); err != nil && !errors.Is(err, store.ErrFull) {
		return nil, fmt.Errorf("audit: numbering what was appended: %w", err)
	}
	for _, s := range c.Sinks {
		l.sinks = append(l.sinks, newStream(l, s))
	}
	l.working.Go(l.append)
	l.working.Go(l.seal)
	for _, s := range l.sinks {
		l.working.Go(s.run)
	}
	return l, nil
}

// Close numbers what is left and ends the log's work. Nothing is recorded after.
func (l *Log) Close() error {
	l.closing.Do(func() { close(l.ending) })
	l.working.Wait()
	return nil
}

// Record appends an event, which is durable when Record returns nil. Its time is
// now unless it is given. The caller must not change the event any more.
func (l *Log) Record(ctx context.Context, e *Event) error {
	if e.Time.IsZero() {
		e.Time = l.config.Clock()
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	l.minds(e.Time)
	w := &waiting{entry: newEntry(e), done: make(chan error, 1)}
	select {
	case l.queue <- w:
	case <-l.ending:
		return ErrClosed
	}
	// It is on its way, whatever becomes of the request.
	select {
	case err := <-w.done:
		return err
	case <-l.ending:
		select {
		case err := <-w.done:
			return err
		case <-time.After(closeTime):
			return ErrClosed
		}
	}
}

// closeTime is how long what was under way when the log was closed may take.
const closeTime = 5 * time.Second

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

// Limits of groups.
const (
	maxGroup    = 512
	appendTime  = 30 * time.Second
	gatherDelay = 500 * time.Microsecond
)

// append brings events to the store in groups, each with one commit, until the log
// is closed.
func (l *Log) append() {
	last := 0
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var group []*waiting
		select {
		case w := <-l.queue:
			group = append(make([]*waiting, 0, last+1), w)
		case <-l.ending:
			select {
			case w := <-l.queue:
				group = append(group, w)
			default:
				return
			}
		}
		group = l.gather(group, last, timer)
		last = len(group)
		l.commit(group)
	}
}

// gather takes what else waits. As long as the group is not half again as great as
// the last one it waits a moment: those whose events were just appended are probably
// about to bring the next, and a commit costs much the same for one as for many. A
// single one is not kept waiting.
func (l *Log) gather(group []*waiting, last int, timer *time.Timer) []*waiting {
	for len(group) < maxGroup {
		select {
		case w := <-l.queue:
			group = append(group, w)
			continue
		default:
		}
		if len(group) >= last+last/2 {
			return group
		}
		timer.Reset(gatherDelay)
		select {
		case w := <-l.queue:
			group = append(group, w)
		case <-timer.C:
			return group
		}
	}
	return group
}

func (l *Log) commit(group []*waiting) {
	var b []byte
	for _, w := range group {
		b = w.entry.append(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), appendTime)
	defer cancel()
	err := l.room.append(ctx, b)
	if err == nil && l.pending.Add(int64(len(group))) >= maxBlock {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	for _, w := range group {
		w.done <- err
	}
}

// Append appends an event to the log of a store that no Log need have open, such as
// that of a command. The next Log gives it its number.
func Append(ctx context.Context, s store.Audit, e *Event) error {
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	return s.AppendAudit(ctx, newEntry(e).append(nil))
}
