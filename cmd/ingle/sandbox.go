package main

import (
	"context"
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
	sandboxCast     = 4  // patients with whom the sandbox begins
	sandboxPatients = 20 // unless --sandbox-patients says otherwise
)

// sandboxFlags say how large sandboxes are.
type sandboxFlags struct {
	SandboxPatients int `default:"${sandboxpatients}" placeholder:"N" help:"How many synthetic patients a sandbox has, four or more (${default}). What serve is told is also of tenants that administrators make, or reset, as a sandbox."`
}

// checkSandbox refuses fewer patients than the cast.
func (f sandboxFlags) checkSandbox() error {
	if f.SandboxPatients < sandboxCast {
		return usage("--sandbox-patients %d: a sandbox has at least the %d with whom it begins", f.SandboxPatients, sandboxCast)
	}
	return nil
}

// sandbox fills a tenant with a clinic and its synthetic patients.
type sandbox struct {
	session  *records.Session
	settings store.Settings
	asOf     time.Time
	patients int        // of a whole one
	turn     sync.Mutex // held by who puts something in or throws all away
}

func newSandbox(door *records.Door, settings store.Settings, patients int) *sandbox {
	return &sandbox{session: door.Session(records.Principal{ID: "sandbox", Name: "Sandbox"}, nil), settings: settings, asOf: time.Now(), patients: patients}
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

// grow puts the patients in who come after the cast, in the background, until
// what it returns is called. Loaded tells that the cast was put in just now.
func (s *sandbox) grow(ctx context.Context, log logger, loaded bool) func() error {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		more, err := s.fill(ctx, s.patients)
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
