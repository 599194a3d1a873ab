package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// ground is where tenants are made: nothing but names.
type ground struct {
	mu    sync.Mutex
	there map[string]bool
	tries int
	make  func(ctx context.Context, hold func(context.Context, int64) error) error
}

func (g *ground) There(_ context.Context, name string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return name == "" || g.there[name], nil
}

func (g *ground) Make(ctx context.Context, t tenancy.Tenant, hold func(context.Context, int64) error) error {
	g.mu.Lock()
	g.tries++
	g.mu.Unlock()
	if g.make != nil {
		if err := g.make(ctx, hold); err != nil {
			return err
		}
	}
	if err := hold(ctx, 0); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.there[t.Name] = true
	return nil
}

func (g *ground) Remove(_ context.Context, name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.there, name)
	return nil
}

// both runs a test on SQLite and on PostgreSQL.
func both(t *testing.T, test func(t *testing.T, s store.Store, g *ground)) {
	t.Helper()
	run := func(t *testing.T, s store.Store, err error) {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		test(t, s, &ground{there: map[string]bool{}})
	}
	t.Run("SQLite", func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		run(t, s, err)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		s, err := postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
		run(t, s, err)
	})
}

// open opens an office that works until the test ends, or what it returns is called.
func open(t *testing.T, c tenancy.Config) (o *tenancy.Office, stop func()) {
	t.Helper()
	o = tenancy.New(c)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := o.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	return o, stop
}

func wait(t *testing.T, o *tenancy.Office, name string, state tenancy.State) tenancy.Tenant {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	got, err := o.Wait(ctx, name)
	if err != nil || got.State != state {
		t.Fatalf("%+v instead of %s: %v", got, state, err)
	}
	return got
}

func refused(t *testing.T, err error, kind fault.Kind, words string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, not %q", err, words)
	}
}

func empty(name string) tenancy.Tenant {
	return tenancy.Tenant{Name: name, Content: tenancy.Empty, By: "root"}
}

func TestOfTwoWhoMakeATenantOneDoes(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		a, _ := open(t, tenancy.Config{Store: s, Places: g})
		b, _ := open(t, tenancy.Config{Store: s, Places: g})
		errs := make([]error, 8)
		var asking sync.WaitGroup
		for i := range errs {
			asking.Go(func() { _, errs[i] = []*tenancy.Office{a, b}[i%2].Make(t.Context(), empty("east")) })
		}
		asking.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
				continue
			}
			refused(t, err, fault.Conflict, "already")
		}
		wait(t, a, "east", tenancy.Serving)
		if made != 1 || g.tries != 1 {
			t.Errorf("%d of them made it, in %d tries", made, g.tries)
		}
		served, err := b.Served(t.Context())
		if err != nil || !slices.Equal(served, []string{"east"}) {
			t.Errorf("%q are served: %v", served, err)
		}
	})
}

func TestWhatDiesWhileItMakesATenantIsDoneByTheNext(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		begun := make(chan struct{})
		g.make = func(ctx context.Context, _ func(context.Context, int64) error) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		}
		first, stop := open(t, tenancy.Config{Store: s, Places: g})
		if _, err := first.Make(t.Context(), empty("east")); err != nil {
			t.Fatal(err)
		}
		<-begun
		stop()
		if got, err := first.Tenant(t.Context(), "east"); err != nil || got.State != tenancy.Making {
			t.Errorf("%+v, %v", got, err)
		}
		g.make = nil
		second, _ := open(t, tenancy.Config{Store: s, Places: g})
		wait(t, second, "east", tenancy.Serving)
	})
}

func TestATenantThatCannotBeMadeSaysWhyAndCanBeMadeLater(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		g.make = func(context.Context, func(context.Context, int64) error) error {
			return fmt.Errorf("the copy: %w", store.ErrFull)
		}
		o, _ := open(t, tenancy.Config{Store: s, Places: g})
		make := func() {
			t.Helper()
			if _, err := o.Make(t.Context(), tenancy.Tenant{Name: "east", Content: tenancy.Copy, By: "root"}); err != nil {
				t.Fatal(err)
			}
		}
		make()
		if got := wait(t, o, "east", tenancy.Failed); got.Error != "the disk is full" {
			t.Errorf("%q", got.Error)
		}
		if served, err := o.Served(t.Context()); err != nil || len(served) > 0 {
			t.Errorf("%q, %v", served, err)
		}
		g.make = nil
		make()
		wait(t, o, "east", tenancy.Serving)
	})
}

// cut is a store whose process is cut off before a job is stored.
type cut struct{ store.Store }

var errCut = errors.New("cut off")

func (cut) CreateJob(context.Context, store.Job) error { return errCut }

func TestWhatWasOrderedByWhoWasCutOffIsDone(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		dying := tenancy.New(tenancy.Config{Store: cut{s}, Places: g})
		if _, err := dying.Make(t.Context(), empty("east")); !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		next, stop := open(t, tenancy.Config{Store: s, Places: g})
		wait(t, next, "east", tenancy.Serving)
		stop()
		if err := dying.Suspend(t.Context(), "east"); err != nil {
			t.Fatal(err)
		}
		if err := dying.Delete(t.Context(), "east"); !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		last, _ := open(t, tenancy.Config{Store: s, Places: g})
		ctx, end := context.WithTimeout(t.Context(), 30*time.Second)
		defer end()
		_, err := last.Wait(ctx, "east")
		refused(t, err, fault.NotFound, "")
		if there, _ := g.There(t.Context(), "east"); there {
			t.Error("it is there all the same")
		}
	})
}

func TestATenantThatIsBeingMadeIsTakenBack(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		begun := make(chan struct{})
		g.make = func(ctx context.Context, hold func(context.Context, int64) error) error {
			if err := hold(ctx, 7); err != nil {
				return err
			}
			close(begun)
			<-ctx.Done()
			return hold(context.WithoutCancel(ctx), 8)
		}
		o, _ := open(t, tenancy.Config{Store: s, Places: g})
		made, err := o.Make(t.Context(), empty("east"))
		if err != nil {
			t.Fatal(err)
		}
		<-begun
		if n, err := o.Copied(t.Context(), made); err != nil || n != 7 {
			t.Errorf("%d bytes, %v", n, err)
		}
		if err := o.Delete(t.Context(), "east"); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		_, err = o.Wait(ctx, "east")
		refused(t, err, fault.NotFound, "")
		if there, _ := g.There(t.Context(), "east"); there {
			t.Error("it was made all the same")
		}
	})
}

func TestWhatIsServedCannotBeDeleted(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		held := true
		var mu sync.Mutex
		released := func(string) bool {
			mu.Lock()
			defer mu.Unlock()
			return !held
		}
		o, _ := open(t, tenancy.Config{Store: s, Places: g, Released: released, Fixed: []string{"fixed"}})
		if _, err := o.Make(t.Context(), empty("east")); err != nil {
			t.Fatal(err)
		}
		wait(t, o, "east", tenancy.Serving)
		refused(t, o.Delete(t.Context(), "east"), fault.Conflict, "suspend it first")
		refused(t, o.Resume(t.Context(), "east"), fault.Conflict, "only one that is suspended")
		for _, name := range []string{"", "fixed"} {
			refused(t, o.Suspend(t.Context(), name), fault.Conflict, "command line")
			refused(t, o.Delete(t.Context(), name), fault.Conflict, "command line")
		}
		refused(t, o.Suspend(t.Context(), "west"), fault.NotFound, "west")
		if err := errors.Join(o.Suspend(t.Context(), "east"), o.Delete(t.Context(), "east")); err != nil {
			t.Fatal(err)
		}
		short, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		if got, err := o.Wait(short, "east"); err != nil || got.State != tenancy.Ending {
			t.Errorf("it went while a process held it: %+v, %v", got, err)
		}
		mu.Lock()
		held = false
		mu.Unlock()
		_, err := o.Wait(t.Context(), "east")
		refused(t, err, fault.NotFound, "")
		if _, err := o.Make(t.Context(), empty("east")); err != nil {
			t.Errorf("its name is not free: %v", err)
		}
	})
}

func TestWhoRemovesLateRemovesNoNewTenantOfTheName(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		asked, release := make(chan struct{}), make(chan struct{})
		tell := sync.OnceFunc(func() { close(asked) })
		late, _ := open(t, tenancy.Config{Store: s, Places: g, Released: func(string) bool {
			tell()
			select {
			case <-release:
				return true
			default:
				return false
			}
		}})
		if _, err := late.Make(t.Context(), empty("east")); err != nil {
			t.Fatal(err)
		}
		wait(t, late, "east", tenancy.Serving)
		if err := errors.Join(late.Suspend(t.Context(), "east"), late.Delete(t.Context(), "east")); err != nil {
			t.Fatal(err)
		}
		<-asked
		ending, err := late.Tenant(t.Context(), "east")
		if err != nil {
			t.Fatal(err)
		}
		other, _ := open(t, tenancy.Config{Store: s, Places: g})
		if err := other.Delete(t.Context(), "east"); err != nil {
			t.Fatal(err)
		}
		_, err = other.Wait(t.Context(), "east")
		refused(t, err, fault.NotFound, "")
		if _, err := other.Make(t.Context(), empty("east")); err != nil {
			t.Fatal(err)
		}
		wait(t, other, "east", tenancy.Serving)
		close(release)
		for {
			j, err := s.ReadJob(t.Context(), ending.Job)
			if err != nil {
				t.Fatal(err)
			}
			if !j.Ended.IsZero() {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		wait(t, other, "east", tenancy.Serving)
		if there, _ := g.There(t.Context(), "east"); !there {
			t.Error("the new tenant was removed")
		}
	})
}

func TestACopyOfATenantThatHasGoneIsNotMade(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		g.there["old"] = true
		c := tenancy.Config{Store: s, Places: g}
		if _, err := tenancy.New(c).Make(t.Context(), tenancy.Tenant{Name: "east", Content: tenancy.Copy, Of: "old", By: "root"}); err != nil {
			t.Fatal(err)
		}
		if err := g.Remove(t.Context(), "old"); err != nil {
			t.Fatal(err)
		}
		o, _ := open(t, c)
		if got := wait(t, o, "east", tenancy.Failed); !strings.Contains(got.Error, "no tenant old to copy") || g.tries != 0 {
			t.Errorf("%q, after %d tries", got.Error, g.tries)
		}
	})
}

func TestNamesThatCannotBeAreRefused(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		g.there["old"] = true
		o, _ := open(t, tenancy.Config{Store: s, Places: g, Fixed: []string{"fixed"}})
		for name, words := range map[string]string{
			"": "begins with a letter", "East": "begins with a letter", "1st": "begins with a letter", "../x": "begins with a letter", "a_b": "begins with a letter",
			strings.Repeat("a", 33): "begins with a letter", "default": "choose another name", "fixed": "already", "old": "not served",
		} {
			_, err := o.Make(t.Context(), empty(name))
			kind := fault.Invalid
			if strings.HasPrefix(words, "already") || words == "not served" {
				kind = fault.Conflict
			}
			refused(t, err, kind, words)
		}
		_, err := o.Make(t.Context(), tenancy.Tenant{Name: "east", Content: tenancy.Copy, Of: "nowhere"})
		refused(t, err, fault.NotFound, "nowhere")
		_, err = o.Make(t.Context(), tenancy.Tenant{Name: "east", Content: "much"})
		refused(t, err, fault.Invalid, "empty, a copy, or a sandbox")
		if list, err := o.List(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("%v, %v", list, err)
		}
	})
}

func TestWatchTellsWhatOthersChange(t *testing.T) {
	both(t, func(t *testing.T, s store.Store, g *ground) {
		o, _ := open(t, tenancy.Config{Store: s, Places: g})
		other := tenancy.New(tenancy.Config{Store: s, Places: g})
		told := make(chan []string, 100)
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() {
			if err := other.Watch(ctx, func(_ context.Context, names []string) { told <- names }); err != nil {
				t.Error(err)
			}
		})
		expect := func(want ...string) {
			t.Helper()
			for {
				select {
				case names := <-told:
					if slices.Equal(names, want) {
						return
					}
				case <-time.After(time.Minute):
					t.Fatalf("%q is not told", want)
				}
			}
		}
		expect()
		if _, err := o.Make(t.Context(), empty("east")); err != nil {
			t.Fatal(err)
		}
		expect("east")
		if err := o.Suspend(t.Context(), "east"); err != nil {
			t.Fatal(err)
		}
		expect()
		stop()
		watching.Wait()
	})
}
