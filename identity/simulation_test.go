package identity

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

func TestATraceIsBoundedInNumberAndTime(t *testing.T) {
	h := openHouse(t, Config{Sandbox: []string{"maria"}})
	c := h.app(t)
	if err := h.Simulate(t.Context(), Simulation{Client: c.ID}); err != nil {
		t.Fatal(err)
	}
	for range 2*TraceMax + 1 {
		if err := h.Trace(t.Context(), Step{Time: h.now(), Client: c.ID, Path: "/auth/token"}); err != nil {
			t.Fatal(err)
		}
	}
	last := Step{Time: h.now(), Client: c.ID, Path: "/auth/revoke"}
	if err := h.Trace(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	all, err := h.Traced(t.Context(), c.ID)
	if err != nil || len(all) != TraceMax || all[len(all)-1].Path != last.Path {
		t.Errorf("%d steps, the last %+v: %v", len(all), all[len(all)-1], err)
	}
	kept, err := h.config.Store.ListItems(t.Context(), kindTrace, "", 3*TraceMax)
	if err != nil || len(kept) > 2*TraceMax-10 { // some are removed now and then
		t.Errorf("%d steps are kept: %v", len(kept), err)
	}
	if err := h.EndSimulation(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.Trace(t.Context(), Step{Time: h.now(), Client: c.ID, Path: "/after"}); err != nil {
		t.Fatal(err)
	}
	if all, err = h.Traced(t.Context(), c.ID); err != nil || all[len(all)-1].Path == "/after" {
		t.Errorf("a step is traced after the simulation has ended: %v", err)
	}
	h.clock.jump(TraceFor)
	if all, err = h.Traced(t.Context(), c.ID); err != nil || len(all) != 0 {
		t.Errorf("%d steps a day later: %v", len(all), err)
	}
}

func TestASimulationEndsByItself(t *testing.T) {
	h := openHouse(t, Config{Sandbox: []string{"maria"}})
	c := h.app(t)
	if err := h.Simulate(t.Context(), Simulation{Client: c.ID, Until: h.now().Add(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if m, err := h.Simulation(t.Context(), c.ID); err != nil || m == nil || m.Until.Sub(m.Started) != SimulationFor {
		t.Fatalf("%+v %v", m, err)
	}
	h.clock.jump(SimulationFor)
	if m, err := h.Simulation(t.Context(), c.ID); err != nil || m != nil {
		t.Errorf("%+v %v", m, err)
	}
	if all, err := h.Simulations(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%+v %v", all, err)
	}
	if err := h.EndSimulation(t.Context(), c.ID); err != nil {
		t.Error(err)
	}
	if err := h.Simulate(t.Context(), Simulation{Client: c.ID, Fail: "other"}); err == nil || !strings.Contains(err.Error(), "fail:") {
		t.Errorf("%v", err)
	}
}

func TestSimulationsAreBoundedButForThoseThatRun(t *testing.T) {
	h := openHouse(t, Config{Sandbox: []string{"maria"}})
	one, other := h.app(t), h.app(t)
	var w changes
	for i := range maxRunning - 1 {
		m := Simulation{Client: fmt.Sprintf("!%03d", i), Started: h.now(), Until: h.now().Add(time.Hour)}
		w.put(kindSimulation, m.Client, store.Any, m, m.Until, store.ItemKey{Name: keyRunning, Value: keyRunning})
	}
	if err := h.write(h.ctx, &w); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second takes the place of the first
		if err := h.Simulate(h.ctx, Simulation{Client: one.ID}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Simulate(h.ctx, Simulation{Client: other.ID}); err == nil || !strings.Contains(err.Error(), "500 simulations run") {
		t.Errorf("%v", err)
	}
	if err := h.EndSimulation(h.ctx, "!000"); err != nil {
		t.Fatal(err)
	}
	if err := h.Simulate(h.ctx, Simulation{Client: other.ID}); err != nil {
		t.Error(err)
	}
	// Those that are over, and not swept yet, hide none that run, and count for nothing.
	h.clock.jump(time.Hour)
	for _, c := range []*Client{one, other} {
		if err := h.Simulate(h.ctx, Simulation{Client: c.ID}); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := h.Simulations(h.ctx); err != nil || len(all) != 2 {
		t.Errorf("%d run: %v", len(all), err)
	}
}

func TestASimulationHoldsInEveryProcessAtOnce(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.config.Sandbox, b.config.Sandbox = []string{"maria"}, []string{"maria"}
		c := a.app(t)
		for _, fail := range []Failure{FailDenied, FailScope, ""} {
			if m, err := b.Simulation(t.Context(), c.ID); err != nil || m != nil && m.Fail == fail {
				t.Fatalf("%+v %v", m, err)
			}
			if err := a.Simulate(t.Context(), Simulation{Client: c.ID, Fail: fail}); err != nil {
				t.Fatal(err)
			}
			if m, err := b.Simulation(t.Context(), c.ID); err != nil || m == nil || m.Fail != fail {
				t.Errorf("%+v %v", m, err)
			}
		}
		if err := b.Trace(t.Context(), Step{Time: b.now(), Client: c.ID, Path: "/auth/token"}); err != nil {
			t.Fatal(err)
		}
		if all, err := a.Traced(t.Context(), c.ID); err != nil || len(all) != 1 {
			t.Errorf("%+v %v", all, err)
		}
		if err := a.EndSimulation(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		if m, err := b.Simulation(t.Context(), c.ID); err != nil || m != nil {
			t.Errorf("%+v %v", m, err)
		}
	})
}

func TestAStrayRequestBelongsToTheOnlySimulationOfItsAddress(t *testing.T) {
	h := openHouse(t, Config{Sandbox: []string{"maria"}})
	one, other, far := h.app(t), h.app(t), h.app(t)
	stray := func(address, want string) {
		t.Helper()
		if got, err := h.Stray(t.Context(), address); err != nil || got != want {
			t.Errorf("from %q: %q, want %q: %v", address, got, want, err)
		}
	}
	start := func(c *Client, address string) {
		t.Helper()
		if err := h.Simulate(t.Context(), Simulation{Client: c.ID, Address: address}); err != nil {
			t.Fatal(err)
		}
	}
	start(one, "192.0.2.1")
	start(far, "198.51.100.1")
	stray("192.0.2.1", one.ID)
	stray("203.0.113.1", "")
	stray("", "")
	start(other, "192.0.2.1")
	stray("192.0.2.1", "")
}

func TestReadScopesChangeNothing(t *testing.T) {
	got := ReadScopes(smart.Scopes{"openid", "patient/*.cruds", "patient/Observation.c", "user/Patient.write", "patient/Condition.read", "patient/Observation.rs?category=laboratory"})
	if want := "openid patient/*.rs patient/Condition.read patient/Observation.rs?category=laboratory"; got.String() != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestASecretInATraceIsToldByLengthAndSign(t *testing.T) {
	long := strings.Repeat("a1B2", 10)
	if got := Redacted(long); strings.Contains(got, "a1B2") || !strings.Contains(got, "40 characters, sign ") || got == Redacted(long+"x") {
		t.Error(got)
	}
	if got := Redacted("hunter2"); got != "redacted, 7 characters" {
		t.Error(got)
	}
}
