package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

// small is a log's store whose disk may be full and that keeps no reserve.
type small struct {
	store.Audit
	full    atomic.Bool
	between func() // called once, before what found no room waits
	until   int    // after so many appends it is full again; 0: never
}

func (s *small) room() error {
	if s.full.Load() {
		return store.ErrFull
	}
	return nil
}

// spend is room of which there is a bit less then.
func (s *small) spend() error {
	if err := s.room(); err != nil {
		return err
	}
	if s.until > 0 {
		if s.until--; s.until == 0 {
			s.full.Store(true)
		}
	}
	return nil
}

func (s *small) AppendAudit(ctx context.Context, group []byte) error {
	if err := s.spend(); err != nil {
		return err
	}
	return s.Audit.AppendAudit(ctx, group)
}

func (s *small) TakeUpAudit(ctx context.Context, group []byte, spool string, was, last int64) error {
	if err := s.spend(); err != nil {
		return err
	}
	return s.Audit.TakeUpAudit(ctx, group, spool, was, last)
}

func (s *small) SealAudit(ctx context.Context, limit int, fn func(store.AuditHead, [][]byte) (*store.AuditSeal, error)) (int, error) {
	if err := s.room(); err != nil {
		return 0, err
	}
	return s.Audit.SealAudit(ctx, limit, fn)
}

func (s *small) SpendAuditReserve(context.Context) (int64, error) {
	if f := s.between; f != nil {
		s.between = nil
		f()
	}
	return 0, store.ErrFull
}

func (s *small) RestoreAuditReserve(context.Context) error { return s.room() }

func openSmall(t *testing.T) *small {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &small{Audit: s}
}

func openSpooled(t *testing.T, s store.Audit, path string) *Log {
	t.Helper()
	return openSpooledAt(t, s, path, nil)
}

func openSpooledAt(t *testing.T, s store.Audit, path string, clock func() time.Time) *Log {
	t.Helper()
	l, err := Open(t.Context(), Config{Store: s, Secret: plain{'k'}, Origin: base, Spool: path, SealEvery: time.Hour, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closed(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func record(t *testing.T, l *Log, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		e := seen(fmt.Sprintf("p%d 1", i))
		e.Request = fmt.Sprint("r", i)
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// told are the requests of all events in order, and the notes of alerts.
func told(t *testing.T, l *Log) (requests, alerts []string) {
	t.Helper()
	if err := l.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := l.Find(t.Context(), Query{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found.Events {
		switch e.Kind {
		case Alert:
			alerts = append(alerts, e.Note)
		case TakeUp:
		default:
			requests = append(requests, e.Request)
		}
	}
	return requests, alerts
}

func requests(to int) (all []string) {
	for i := range to {
		all = append(all, fmt.Sprint("r", i))
	}
	return all
}

func TestEventsWaitInTheSpoolInOrderWhileTheStoreIsFull(t *testing.T) {
	s, path := openSmall(t), filepath.Join(t.TempDir(), "spool")
	l := openSpooled(t, s, path)
	defer closed(t, l)
	record(t, l, 0, 10)
	s.full.Store(true)
	record(t, l, 10, 400)
	if err := l.Admit(false); !errors.Is(err, ErrFull) {
		t.Errorf("what is not urgent is admitted: %v", err)
	}
	if err := errors.Join(l.Admit(true)); err != nil {
		t.Error(err)
	}
	if l.Health() == nil {
		t.Error("nobody is alarmed")
	}
	verifiers, err := Authentic(t.Context(), s, plain{'k'})
	if err != nil {
		t.Fatal(err)
	}
	if n, problem, err := CheckSpool(path, verifiers); n != 390 || problem != "" || err != nil {
		t.Errorf("%d events wait: %s %v", n, problem, err)
	}
	if n, problem, _ := CheckSpool(path, nil); n != 0 || problem == "" {
		t.Errorf("by no key %d events are good: %q", n, problem)
	}
	l.room.restore(t.Context())
	if l.Health() == nil {
		t.Error("there is room, though the store has none")
	}
	s.full.Store(false)
	l.room.restore(t.Context())
	record(t, l, 400, 420)
	got, alerts := told(t, l)
	if !slices.Equal(got, requests(420)) {
		t.Errorf("%d events: %v", len(got), got)
	}
	if len(alerts) != 1 || !strings.Contains(alerts[0], "390 events waited in the spool") {
		t.Errorf("alerts: %q", alerts)
	}
	if r, err := l.Verify(t.Context(), Verification{Found: func(p string) { t.Error(p) }}); err != nil || r.Problems != 0 {
		t.Errorf("%+v %v", r, err)
	}
	if l.Health() != nil || l.Admit(false) != nil {
		t.Error("there is no room again")
	}
	if n, problem, err := CheckSpool(path, verifiers); n != 0 || problem != "" || err != nil {
		t.Errorf("%d events are left: %s %v", n, problem, err)
	}
}

func TestWhatGoesIntoTheSpoolWhenThereIsRoomAgainDoesNotStayThere(t *testing.T) {
	s := openSmall(t)
	l := openSpooled(t, s, filepath.Join(t.TempDir(), "spool"))
	defer closed(t, l)
	s.full.Store(true)
	s.between = func() {
		s.full.Store(false)
		l.room.restore(t.Context())
	}
	record(t, l, 0, 2)
	if n := l.room.spool.holds(); n != 2 || l.Health() == nil {
		t.Errorf("%d events wait, and the health is %v", n, l.Health())
	}
	l.room.restore(t.Context())
	if got, _ := told(t, l); !slices.Equal(got, requests(2)) || l.Health() != nil {
		t.Errorf("%v, %v", got, l.Health())
	}
}

func TestWhatAProcessLeftInTheSpoolIsTakenUp(t *testing.T) {
	s, path := openSmall(t), filepath.Join(t.TempDir(), "spool")
	l := openSpooled(t, s, path)
	s.full.Store(true)
	record(t, l, 0, 30)
	if _, err := Open(t.Context(), Config{Store: s, Secret: plain{'k'}, Origin: base, Spool: path}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("another process takes the same spool: %v", err)
	}
	closed(t, l)
	l = openSpooled(t, s, path) // it is full as yet
	record(t, l, 30, 50)
	closed(t, l)
	s.full.Store(false)
	l = openSpooled(t, s, path)
	defer closed(t, l)
	if got, alerts := told(t, l); !slices.Equal(got, requests(50)) || alerts != nil {
		t.Errorf("%v %q", got, alerts)
	}
}

func TestASpoolThatWasAlteredIsFound(t *testing.T) {
	s, path := openSmall(t), filepath.Join(t.TempDir(), "spool")
	l := openSpooled(t, s, path)
	s.full.Store(true)
	record(t, l, 0, 4)
	verifiers, err := Authentic(t.Context(), s, plain{'k'})
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := int(l.room.spool.next)
	write := func(b []byte) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteAt(b, 0)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for at := 0; at < used; at += 31 {
		bad := slices.Clone(good[:used])
		bad[at] ^= 0x20
		write(bad)
		if n, problem := readable(t, path, verifiers); n == 4 || problem == "" {
			t.Fatalf("byte %d was altered, and %d events are good: %q", at, n, problem)
		}
	}
	// The first group, which is as long as the second, in its place: the chain ends.
	frame := (used - int(spoolHeader)) / 4
	first, second := good[spoolHeader:int(spoolHeader)+frame], good[int(spoolHeader)+frame:int(spoolHeader)+2*frame]
	write(slices.Concat(good[:spoolHeader], second, first))
	if n, problem := readable(t, path, verifiers); n != 0 || problem == "" {
		t.Errorf("two groups changed places, and %d events are good: %q", n, problem)
	}
	// What a running process wrote and finds no more, it tells, and keeps what is good.
	cut := make([]byte, used)
	copy(cut, good[:int(spoolHeader)+2*frame])
	write(cut)
	s.full.Store(false)
	l.room.restore(t.Context())
	got, alerts := told(t, l)
	if !slices.Equal(got, requests(2)) || len(alerts) != 2 || !strings.Contains(alerts[1], "the spool was cut off behind its 2 events") {
		t.Errorf("%v %q", got, alerts)
	}
	closed(t, l)
	// And what was altered while none ran.
	l = openSpooled(t, s, path)
	s.full.Store(true)
	record(t, l, 2, 4)
	closed(t, l)
	if good, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	good[int(spoolHeader)+frame+frame/2] ^= 1
	write(good)
	s.full.Store(false)
	l = openSpooled(t, s, path)
	defer closed(t, l)
	got, alerts = told(t, l)
	if !slices.Equal(got, requests(3)) || len(alerts) != 3 || !strings.Contains(alerts[2], "altered or not finished behind its 1 events; it is kept as "+path+".altered-") {
		t.Errorf("%v %q", got, alerts)
	}
}

func TestASpoolIsAFileThatNobodyElseReads(t *testing.T) {
	s, dir := openSmall(t), t.TempDir()
	path, victim := filepath.Join(dir, "spool"), filepath.Join(dir, "victim")
	if err := errors.Join(os.WriteFile(victim, []byte("mine"), 0o600), os.Symlink(victim, path)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Store: s, Secret: plain{'k'}, Origin: base, Spool: path}); err == nil {
		t.Error("a link is followed")
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "mine" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	closed(t, openSpooled(t, s, path))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func readable(t *testing.T, path string, verifiers []string) (int, string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found, err := readSpool(f, verifiers)
	if err != nil {
		t.Fatal(err)
	}
	return found.events, found.bad
}

func TestAFullSpoolEndsAllThatMustBeRecorded(t *testing.T) {
	s := openSmall(t)
	l := openSpooled(t, s, filepath.Join(t.TempDir(), "spool"))
	defer closed(t, l)
	s.full.Store(true)
	record(t, l, 0, 1)
	e := seen("p 1")
	e.Query = strings.Repeat("x", 3<<20)
	var err error
	n := 0
	for ; err == nil; n++ {
		err = l.Record(t.Context(), e)
	}
	if !errors.Is(err, store.ErrFull) || n < 3 || n > 6 {
		t.Errorf("the event %d: %v", n, err)
	}
	s.full.Store(false)
	l.room.restore(t.Context())
	if got, _ := told(t, l); len(got) != n {
		t.Errorf("%d of %d events", len(got), n)
	}
}

// keeping puts a spool back as it was.
func keeping(t *testing.T, path string) (putBack func()) {
	t.Helper()
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.WriteFile(path, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASpoolThatIsPutBackIsTakenUpOnce(t *testing.T) {
	s, dir := openSmall(t), t.TempDir()
	path := filepath.Join(dir, "spool")
	l := openSpooled(t, s, path)
	s.full.Store(true)
	record(t, l, 0, 3)
	early := keeping(t, path)
	record(t, l, 3, 5)
	late := keeping(t, path)
	elsewhere := filepath.Join(dir, "other")
	if err := os.Link(path, elsewhere); err != nil {
		t.Fatal(err)
	}
	other := keeping(t, elsewhere)
	s.full.Store(false)
	l.room.restore(t.Context())
	got, alerts := told(t, l)
	if !slices.Equal(got, requests(5)) || len(alerts) != 1 {
		t.Fatalf("%v %q", got, alerts)
	}
	closed(t, l)
	for i, again := range []struct {
		putBack func()
		path    string
		events  int
	}{{early, path, 3}, {late, path, 5}, {early, path, 3}, {other, elsewhere, 5}} {
		if again.path == elsewhere { // a file of another process
			if err := os.Remove(elsewhere); err != nil {
				t.Fatal(err)
			}
		}
		again.putBack()
		l := openSpooled(t, s, again.path)
		got, alerts := told(t, l)
		if !slices.Equal(got, requests(5)) || len(alerts) != 2+i || !strings.HasPrefix(alerts[1+i], fmt.Sprint(again.events, " events of the spool are in the log already")) {
			t.Errorf("%d: %v %q", i, got, alerts)
		}
		if n := l.room.spool.holds(); n != 0 {
			t.Errorf("%d: %d events wait", i, n)
		}
		closed(t, l)
	}
}

// TestWhatWasTakenUpBeforeAProcessEndedIsNotTakenUpAgain has it end behind one of two
// appends: of what waits, the rest alone is brought.
func TestWhatWasTakenUpBeforeAProcessEndedIsNotTakenUpAgain(t *testing.T) {
	s, path := openSmall(t), filepath.Join(t.TempDir(), "spool")
	l := openSpooled(t, s, path)
	s.full.Store(true)
	record(t, l, 0, 300) // more than are brought together
	putBack := keeping(t, path)
	s.full.Store(false)
	s.until = 1
	if l.room.restore(t.Context()); l.Health() == nil {
		t.Fatal("all was brought")
	}
	s.full.Store(false)
	closed(t, l)
	putBack()
	l = openSpooled(t, s, path)
	defer closed(t, l)
	got, alerts := told(t, l)
	if !slices.Equal(got, requests(300)) || len(alerts) != 1 || !strings.Contains(alerts[0], "events of the spool are in the log already") {
		t.Errorf("%d events: %v %q", len(got), got, alerts)
	}
	if r, err := l.Verify(t.Context(), Verification{Found: func(p string) { t.Error(p) }}); err != nil || r.Problems != 0 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestASpoolOfAClockThatWasAheadIsTakenUpOnce(t *testing.T) {
	s, path := openSmall(t), filepath.Join(t.TempDir(), "spool")
	l := openSpooledAt(t, s, path, func() time.Time { return time.Now().AddDate(1, 0, 0) })
	s.full.Store(true)
	for i := range 3 {
		e := seen(fmt.Sprintf("p%d 1", i))
		e.Request, e.Time = fmt.Sprint("r", i), l.config.Clock()
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	putBack := keeping(t, path)
	closed(t, l)
	s.full.Store(false)
	for range 2 {
		l := openSpooled(t, s, path)
		if got, _ := told(t, l); !slices.Equal(got, requests(3)) {
			t.Errorf("%v", got)
		}
		closed(t, l)
		putBack()
	}
}
