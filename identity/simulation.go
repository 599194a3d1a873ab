package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

const (
	kindSimulation = "simulation"
	keyRunning     = "all"
	maxSimulated   = 1000
	// maxRunning is how many simulations a tenant has at once.
	maxRunning = 500
)

// SimulationFor is how long a simulation runs at most.
const SimulationFor = 2 * time.Hour

// ExpiredAfter is how long an access token is good under FailExpired, whatever the
// app was told.
const ExpiredAfter = 10 * time.Second

// Failure is an error that a simulation injects.
type Failure string

// The failures.
const (
	FailExpired Failure = "expired-token" // access tokens are refused ExpiredAfter they were issued
	FailDenied  Failure = "denied"        // the user says no to every authorization
	FailScope   Failure = "invalid-scope" // no scope is known
)

// Simulation is how a sandbox treats an app for a while, so that its developer sees how
// it copes with record systems of other kinds. While it runs the requests of the app
// are traced. Outside of sandboxes there are none: what the store may hold of them
// counts for nothing there.
type Simulation struct {
	Client  string    `json:"client"`
	By      string    `json:"by"`                // user who started it
	Address string    `json:"address,omitempty"` // of the network, from where
	Started time.Time `json:"started"`
	Until   time.Time `json:"until"`

	V1        bool    `json:"v1,omitempty"`        // knows scopes of SMART 1 only
	NoRefresh bool    `json:"noRefresh,omitempty"` // gives no refresh tokens
	ReadOnly  bool    `json:"readOnly,omitempty"`  // lets nothing be written
	Sparse    bool    `json:"sparse,omitempty"`    // holds little that is optional
	Slow      bool    `json:"slow,omitempty"`      // takes its time
	Fail      Failure `json:"fail,omitempty"`
}

// simulated is what was known of a client at an epoch.
type simulated struct {
	simulation *Simulation // nil: none
	epoch      int64
}

// errNoSandbox refuses a simulation.
func errNoSandbox() error {
	return Refuse(InvalidRequest, "apps are simulated and traced in a sandbox only, where no data is real")
}

// Simulate starts a simulation for an app, in place of the one that runs. It sets
// Started, and Until unless that is earlier than SimulationFor from now. It holds at
// the app's next request, in every process. A *Refused says what of it is not possible.
func (s *Service) Simulate(ctx context.Context, m Simulation) error {
	if !s.Sandbox() {
		return errNoSandbox()
	}
	switch m.Fail {
	case "", FailExpired, FailDenied, FailScope:
	default:
		return Refuse(InvalidRequest, "fail: expired-token, denied and invalid-scope are possible")
	}
	if _, err := s.Client(ctx, m.Client); err != nil {
		return err
	}
	running, err := s.Simulations(ctx)
	if err != nil {
		return err
	}
	running = slices.DeleteFunc(running, func(r *Simulation) bool { return r.Client == m.Client })
	if len(running) >= maxRunning {
		return Refuse(TemporarilyUnavailable, "%d simulations run, which is the most; end one, or wait", len(running))
	}
	m.Started = s.now()
	if last := m.Started.Add(SimulationFor); m.Until.IsZero() || m.Until.After(last) {
		m.Until = last
	}
	w := changes{epoch: true}
	w.put(kindSimulation, m.Client, store.Any, m, m.Until, store.ItemKey{Name: keyRunning, Value: keyRunning})
	return s.write(ctx, &w)
}

// EndSimulation ends what Simulate started. It is no error when none runs.
func (s *Service) EndSimulation(ctx context.Context, client string) error {
	w := changes{epoch: true}
	w.remove(kindSimulation, client, store.Any)
	return s.write(ctx, &w)
}

// Simulation is the one that runs for a client; nil when none does, and outside of a
// sandbox.
func (s *Service) Simulation(ctx context.Context, client string) (*Simulation, error) {
	if !s.Sandbox() || client == "" || len(client) > 256 {
		return nil, nil
	}
	// The epoch is read before what it vouches for.
	epoch, err := s.config.Store.Epoch(ctx)
	if err != nil {
		return nil, err
	}
	known, ok := s.simulated.Get(client)
	if !ok || known.epoch != epoch {
		m := &Simulation{}
		_, err := s.read(ctx, kindSimulation, client, m)
		if errors.Is(err, ErrNotFound) {
			m, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		known = simulated{m, epoch}
		s.simulated.Put(client, known)
	}
	if known.simulation == nil || !known.simulation.runs(s.now()) {
		return nil, nil
	}
	return known.simulation, nil
}

// Simulations are those that run, in the order of the clients' ids.
func (s *Service) Simulations(ctx context.Context) ([]*Simulation, error) {
	if !s.Sandbox() {
		return nil, nil
	}
	var all []*Simulation
	err := s.walk(ctx, kindSimulation, &store.ItemKey{Name: keyRunning, Value: keyRunning}, func(i store.Item) error {
		m := &Simulation{}
		if err := decode(i, m); err != nil {
			return err
		}
		if m.runs(s.now()) {
			all = append(all, m)
		}
		return nil
	})
	return all, err
}

// runs says whether it is not over; there is nothing of nil to be over.
func (m *Simulation) runs(now time.Time) bool { return m == nil || now.Before(m.Until) }

// simulate narrows what a token allows to what the simulation of its client lets it.
func (s *Service) simulate(ctx context.Context, a *Access) error {
	m, err := s.Simulation(ctx, a.Client)
	if m == nil || err != nil {
		return err
	}
	a.Simulated = m
	if m.ReadOnly {
		a.Scopes = ReadScopes(a.Scopes)
	}
	if last := a.Issued.Add(ExpiredAfter); m.Fail == FailExpired && last.Before(a.Expires) {
		a.Expires = last
	}
	return nil
}

// Scopes are those of what an app asks for that the simulation knows; nil knows all.
func (m *Simulation) Scopes(asked smart.Scopes) smart.Scopes {
	if m == nil {
		return asked
	}
	if m.Fail == FailScope {
		return nil
	}
	kept := slices.Clone(asked)
	if m.V1 {
		kept = slices.DeleteFunc(kept, func(text string) bool {
			one, err := smart.ParseScope(text)
			return err == nil && !one.V1
		})
	}
	if m.NoRefresh {
		kept = slices.DeleteFunc(kept, func(text string) bool { return text == smart.OfflineAccess || text == smart.OnlineAccess })
	}
	if m.ReadOnly {
		kept = ReadScopes(kept)
	}
	return kept
}

// ReadScopes are scopes without what they allow to change.
func ReadScopes(all smart.Scopes) smart.Scopes {
	var kept smart.Scopes
	for _, text := range all {
		one, err := smart.ParseScope(text)
		if err == nil {
			if one.Interactions &= smart.Read | smart.Search; one.Interactions == 0 {
				continue
			}
			text = one.String()
		}
		if !kept.Has(text) {
			kept = append(kept, text)
		}
	}
	return kept
}
