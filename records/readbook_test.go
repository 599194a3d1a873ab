package records_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// slowPolicies holds back what a store answers when it is asked for all policies.
type slowPolicies struct {
	store.Store
	all, some atomic.Int64 // how often it was asked for all, and for later ones
	entered   chan struct{}
	release   chan struct{}
	fails     atomic.Bool
}

func (s *slowPolicies) Policies(ctx context.Context, after int64) ([]store.Policy, error) {
	if after > 0 {
		s.some.Add(1)
		return s.Store.Policies(ctx, after)
	}
	s.all.Add(1)
	found, err := s.Store.Policies(ctx, after)
	s.entered <- struct{}{}
	<-s.release
	if s.fails.Load() {
		return nil, errors.New("the database is away")
	}
	return found, errors.Join(err, ctx.Err())
}

// asking notes, as long as there is room, that somebody begins to wait for the context to
// end.
type asking struct {
	context.Context
	waits chan struct{}
}

func (a asking) Done() <-chan struct{} {
	select {
	case a.waits <- struct{}{}:
	default:
	}
	return a.Context.Done()
}

// withSlowPolicies has a door that has read no policies yet, of a store where dr is denied
// a Patient p, and another session to write by.
func withSlowPolicies(t *testing.T, db database) (*records.Door, *slowPolicies, *records.Session) {
	t.Helper()
	slow := &slowPolicies{entered: make(chan struct{}, 100), release: make(chan struct{})}
	first := db.door(t, records.Policy{})
	s := first.Session(records.Principal{ID: "tester"}, nil)
	put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
	patient(t, s, "p")
	consents(t, s, "c", "p", denyDr)
	d := database{db.name, func(t testing.TB) store.Store {
		slow.Store = db.open(t)
		return slow
	}}.door(t, records.Policy{})
	return d, slow, s
}

// rulesOf makes the rules of dr.
func rulesOf(ctx context.Context, d *records.Door) (*access.Rules, error) {
	return d.Rules(ctx, access.Grant{Scopes: smart.Scopes{"user/*.cruds"}, User: key("Practitioner/dr"), Asker: access.Asker{Actors: []string{"Practitioner/dr"}, Purpose: "TREAT"}})
}

func TestThePoliciesAreReadOnceForAllWhoNeedThemAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const many = 50
		d, slow, _ := withSlowPolicies(t, db)
		waits := make(chan struct{}, many)
		var all sync.WaitGroup
		for range many {
			all.Go(func() {
				rules, err := rulesOf(asking{t.Context(), waits}, d)
				if err != nil {
					t.Error(err)
				} else if n := count(t, d.Session(records.Principal{ID: "dr"}, rules), "Patient", ""); n != 0 {
					t.Errorf("%d patients are seen", n)
				}
			})
		}
		soon := time.After(30 * time.Second)
		for n := 0; n < many; n++ {
			select {
			case <-waits:
			case <-soon:
				n = many // they ask without waiting for each other
			}
		}
		close(slow.release)
		all.Wait()
		if all, some := slow.all.Load(), slow.some.Load(); all != 1 || some > 1 {
			t.Errorf("all policies were read %d times and later ones %d times", all, some)
		}
	})
}

func TestWhoGoesAwayLeavesThePoliciesToTheOthers(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d, slow, _ := withSlowPolicies(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, err := rulesOf(ctx, d)
			gone <- err
		}()
		<-slow.entered
		waits, stays := make(chan struct{}, 1), make(chan error, 1)
		go func() {
			_, err := rulesOf(asking{t.Context(), waits}, d)
			stays <- err
		}()
		<-waits
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who went away: %v", err)
		}
		close(slow.release)
		if err := <-stays; err != nil {
			t.Errorf("who stayed: %v", err)
		}
		if n := slow.all.Load(); n != 1 {
			t.Errorf("all policies were read %d times", n)
		}
	})
}

func TestAnErrorOfReadingPoliciesIsNotRemembered(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d, slow, _ := withSlowPolicies(t, db)
		slow.fails.Store(true)
		close(slow.release)
		if _, err := rulesOf(t.Context(), d); err == nil {
			t.Error("there are rules without the policies")
		}
		slow.fails.Store(false)
		if n := count(t, clinician(t, d), "Patient", ""); n != 0 {
			t.Errorf("%d patients are seen", n)
		}
	})
}

func TestWhatIsDecidedWhilePoliciesAreReadHoldsForWhoAsksThen(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d, slow, s := withSlowPolicies(t, db)
		patient(t, s, "q")
		before := make(chan error, 1)
		go func() {
			_, err := rulesOf(t.Context(), d)
			before <- err
		}()
		<-slow.entered // what it gets is read
		consents(t, s, "later", "q", `{"type":"permit","provision":[{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}],"actor":[{"role":{"text":"r"},"reference":{"reference":"Practitioner/dr"}}]}]}`)
		type made struct {
			rules *access.Rules
			err   error
		}
		waits, after := make(chan struct{}, 1), make(chan made, 1)
		go func() {
			rules, err := rulesOf(asking{t.Context(), waits}, d)
			after <- made{rules, err}
		}()
		<-waits
		close(slow.release)
		if err := <-before; err != nil {
			t.Error(err)
		}
		m := <-after
		if m.err != nil {
			t.Fatal(m.err)
		}
		// Of a patient whose policy is not known all would be hidden.
		if n := count(t, d.Session(records.Principal{ID: "dr"}, m.rules), "Patient", ""); n != 1 {
			t.Errorf("%d patients are seen, of whom one denies all and the other one Observations", n)
		}
	})
}
