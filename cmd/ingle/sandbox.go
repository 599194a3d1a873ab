package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/inglehealth/ingle/engine/synth"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

const (
	sandboxSeed     = 1
	sandboxCast     = 4 // patients with whom the sandbox begins
	sandboxPatients = 20
)

// sandbox fills a tenant with a clinic and its synthetic patients.
type sandbox struct {
	session  *records.Session
	settings store.Settings
	asOf     time.Time
	turn     sync.Mutex // held by who puts something in or throws all away
}

func newSandbox(door *records.Door, settings store.Settings, asOf time.Time) *sandbox {
	return &sandbox{session: door.Session(records.Principal{ID: "sandbox", Name: "Sandbox"}, nil), settings: settings, asOf: asOf}
}

// fill puts the clinic and so many patients in, each once: what a user deleted
// does not come back. It tells whether there were any that it had to put in.
func (s *sandbox) fill(ctx context.Context, patients int) (loaded bool, err error) {
	for r := range synth.Generate(sandboxSeed, patients, s.asOf) {
		put, err := s.put(ctx, r)
		if err != nil {
			return loaded, fmt.Errorf("sandbox: %w", err)
		}
		loaded = loaded || put
	}
	return loaded, nil
}

// put puts a record in that was never there.
func (s *sandbox) put(ctx context.Context, r synth.Record) (bool, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	mark := fhir.Key{Type: "Patient", ID: r.Patient}
	if r.Patient == "" {
		mark = r.Resources[0].Key
	}
	switch _, err := s.session.Read(ctx, mark, records.ReadOptions{}); {
	case err == nil || fault.KindOf(err) == fault.Gone:
		return false, nil
	case fault.KindOf(err) != fault.NotFound:
		return false, err
	}
	if _, err := s.session.Bundle(ctx, records.Content{JSON: r.Bundle(), Release: "R4"}, records.BundleOptions{}); err != nil {
		return false, fmt.Errorf("%s: %w", mark, err)
	}
	return true, nil
}

// resetSetting says that a reset has begun and has not ended.
const resetSetting = "sandboxReset"

// reset throws all records away and puts those of a new sandbox in. What cuts it off
// leaves it to mend.
func (s *sandbox) reset(ctx context.Context) error {
	if err := s.settings.WriteSetting(ctx, resetSetting, []byte("begun")); err != nil {
		return err
	}
	s.turn.Lock()
	err := s.session.Door().Clear(ctx)
	s.turn.Unlock()
	if err == nil {
		_, err = s.fill(ctx, sandboxPatients)
	}
	if err != nil {
		return err
	}
	return unmended(ctx, s.settings)
}

// unmended has what is no sandbox any more stay as it is, though it is of the middle of a
// reset.
func unmended(ctx context.Context, settings store.Settings) error {
	if begun, err := resetBegun(ctx, settings); err != nil || !begun {
		return err
	}
	return settings.WriteSetting(ctx, resetSetting, []byte("ended"))
}

func resetBegun(ctx context.Context, settings store.Settings) (bool, error) {
	value, err := settings.ReadSetting(ctx, resetSetting)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return string(value) == "begun", err
}

// mend does a reset that was cut off once more.
func (s *sandbox) mend(ctx context.Context) error {
	if begun, err := resetBegun(ctx, s.settings); err != nil || !begun {
		return err
	}
	return s.reset(ctx)
}

// grow puts the patients in who come after the cast, in the background, until
// what it returns is called. Loaded tells that the cast was put in just now.
func (s *sandbox) grow(ctx context.Context, log logger, loaded bool) func() error {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		more, err := s.fill(ctx, sandboxPatients)
		if err != nil && ctx.Err() == nil {
			log.Error("the sandbox is not filled", "error", err)
		}
		if loaded || more {
			debug.FreeOSMemory() // what loading took, so that an idle server is small
		}
	}()
	return func() error {
		stop()
		<-done
		return nil
	}
}
