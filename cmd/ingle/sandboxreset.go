package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// resetSetting says that a reset has begun and has not ended: while one runs, whose it is,
// and a number that rises as long as its process lives. Who does not see that for a while
// by the own clock goes on in its place.
const (
	resetSetting = "sandboxReset"
	resetBegun   = "begun"
	resetEnded   = "ended"

	resetRenews = time.Second
	resetStops  = 8 * time.Second  // until one that cannot renew stops
	resetSilent = 11 * time.Second // until another goes on
)

// resetTurn is the turn of one of those who reset a sandbox, in whatever process.
type resetTurn struct {
	settings store.Settings
	value    string // as written last
	written  time.Time
	name     string
	n        int
}

// errResetting refuses a second reset.
func errResetting() error {
	return fault.New(fault.Conflict, fault.CodeConflict, "", "The sandbox is being reset just now. Wait until that has ended, then look whether it still has to be.")
}

// reset throws all records away and puts those of a new sandbox in. While another reset
// runs, in whatever process, it is a Conflict; what stands in the way of it changes
// nothing. What cuts it off leaves it to mend.
func (s *sandbox) reset(ctx context.Context) error {
	if err := s.session.Door().Clearable(ctx); err != nil {
		return err
	}
	turn := &resetTurn{settings: s.settings, name: uuid.NewString()}
	if err := turn.take(ctx); err != nil {
		return err
	}
	return turn.run(ctx, s.renew)
}

// renew makes the records those of a new sandbox. Begun says whether some may have been
// thrown away.
func (s *sandbox) renew(ctx context.Context) (begun bool, err error) {
	s.turn.Lock()
	err = s.session.Door().Clear(ctx)
	s.turn.Unlock()
	if err != nil {
		return fault.KindOf(err) != fault.Conflict, err
	}
	_, err = s.fill(ctx, s.patients)
	return true, err
}

// mend does a reset that was cut off once more. One that runs in another process is
// waited for.
func (s *sandbox) mend(ctx context.Context) error {
	for {
		value, err := readReset(ctx, s.settings)
		if err != nil || !strings.HasPrefix(value, resetBegun) {
			return err
		}
		if err := s.reset(ctx); err == nil || fault.KindOf(err) != fault.Conflict {
			return err
		} else if now, unread := readReset(ctx, s.settings); unread != nil || now == value {
			return errors.Join(err, unread) // nobody is at it
		}
	}
}

// take takes the turn, at once if no reset runs, or when the one that does is silent.
func (t *resetTurn) take(ctx context.Context) error {
	was, err := readReset(ctx, t.settings)
	if err != nil {
		return err
	}
	for seen := time.Now(); strings.HasPrefix(was, resetBegun+" ") && time.Since(seen) < resetSilent; {
		select {
		case <-time.After(resetRenews / 4):
		case <-ctx.Done():
			return ctx.Err()
		}
		now, err := readReset(ctx, t.settings)
		if err != nil {
			return err
		}
		if now != was {
			return errResetting()
		}
	}
	t.value = was
	return t.renew(ctx)
}

// renew tells that the process lives.
func (t *resetTurn) renew(ctx context.Context) error {
	t.n++
	return t.write(ctx, resetBegun+" "+t.name+" "+strconv.Itoa(t.n))
}

// write goes on from what was written last; a Conflict when another has the turn by now.
func (t *resetTurn) write(ctx context.Context, value string) error {
	now := time.Now()
	err := t.settings.SwapSetting(ctx, resetSetting, []byte(t.value), []byte(value))
	if errors.Is(err, store.ErrVersion) {
		return errResetting()
	}
	if err == nil {
		t.value, t.written = value, now
	}
	return err
}

// run does a reset, keeps the turn meanwhile, and gives it back.
func (t *resetTurn) run(ctx context.Context, reset func(context.Context) (begun bool, err error)) error {
	running, stop := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		stop(t.keep(running))
	}()
	begun, err := reset(running)
	stop(nil)
	<-kept
	if lost := context.Cause(running); !errors.Is(lost, context.Canceled) {
		return errors.Join(lost, err)
	}
	state := resetEnded
	if begun && err != nil {
		state = resetBegun // which nobody is at
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resetStops)
	defer cancel()
	return errors.Join(err, t.write(ctx, state))
}

// keep renews the turn until ctx ends, or it is lost.
func (t *resetTurn) keep(ctx context.Context) error {
	for {
		select {
		case <-time.After(resetRenews):
		case <-ctx.Done():
			return nil
		}
		trying, cancel := context.WithDeadline(ctx, t.written.Add(resetStops))
		err := t.renew(trying)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if fault.KindOf(err) == fault.Conflict || time.Since(t.written) >= resetStops {
			return err
		}
	}
}

// readReset reads what the setting says; it is there from then on, so that one of several
// swaps it.
func readReset(ctx context.Context, settings store.Settings) (string, error) {
	value, err := settings.InitSetting(ctx, resetSetting, []byte(resetEnded))
	return string(value), err
}

// unmended has what is no sandbox any more stay as it is, though it is of the middle of a
// reset.
func unmended(ctx context.Context, settings store.Settings) error {
	value, err := settings.ReadSetting(ctx, resetSetting)
	if errors.Is(err, store.ErrNotFound) || err == nil && !strings.HasPrefix(string(value), resetBegun) {
		return nil
	}
	if err != nil {
		return err
	}
	return settings.WriteSetting(ctx, resetSetting, []byte(resetEnded))
}
