package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store/sqlite"
)

// fewPatients are those of a sandbox that goes on growing for a moment after the cast.
const fewPatients = sandboxCast + 2

// patientsOf counts the patients of a sandbox.
func patientsOf(t *testing.T, door *records.Door) int {
	t.Helper()
	found, err := door.Session(records.Principal{ID: "test"}, nil).Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: []search.Pair{{Name: "_count", Value: "100"}}})
	if err != nil {
		t.Fatal(err)
	}
	return len(found.Entries)
}

func TestAResetThatIsCutOffIsDoneWhenTheSandboxIsServedAgain(t *testing.T) {
	eachPlaces(t, func(t *testing.T, p *tenantPlaces) {
		one := tenancy.Tenant{Name: "training", Content: tenancy.Sandbox, By: "root"}
		hold := func(context.Context, int64) error { return nil }
		if err := p.Make(t.Context(), one, hold); err != nil {
			t.Fatal(err)
		}
		door, s, _ := openAt(t, p, "training")
		ctx, cutOff := context.WithCancel(t.Context())
		defer cutOff()
		ended := make(chan error, 1)
		go func() { ended <- newSandbox(door, s, fewPatients).reset(ctx) }()
		for patientsOf(t, door) == fewPatients {
			select {
			case err := <-ended:
				t.Fatalf("nothing was cut off: %v", err)
			case <-time.After(time.Millisecond):
			}
		}
		cutOff()
		if err := <-ended; err == nil {
			t.Fatal("nothing was cut off")
		}
		for range 2 { // what is whole stays
			if err := newSandbox(door, s, fewPatients).mend(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := patientsOf(t, door); n != fewPatients {
				t.Errorf("%d patients", n)
			}
		}
	})
}

// training makes a sandbox of the cast alone and opens it in two processes, or, where a store is
// of one, in one.
func training(t *testing.T, p *tenantPlaces) (a, b *sandbox) {
	t.Helper()
	if err := p.Make(t.Context(), tenancy.Tenant{Name: "training", Content: tenancy.Empty, By: "root"}, held); err != nil {
		t.Fatal(err)
	}
	opened := func() *sandbox {
		door, s, _ := openAt(t, p, "training")
		return newSandbox(door, s, sandboxCast)
	}
	a = opened()
	if _, err := a.fill(t.Context(), a.patients); err != nil {
		t.Fatal(err)
	}
	if p.Database != "" {
		return a, opened()
	}
	return a, newSandbox(a.session.Door(), a.settings, sandboxCast)
}

func (s *sandbox) wants(t *testing.T, patients int, state string) {
	t.Helper()
	if n := patientsOf(t, s.session.Door()); n != patients {
		t.Errorf("%d patients, want %d", n, patients)
	}
	if value, err := readReset(t.Context(), s.settings); err != nil || value != state {
		t.Errorf("the reset has %s, %v; want %s", value, err, state)
	}
}

func TestOfTwoResetsAtOnceOneIsRefused(t *testing.T) {
	eachPlaces(t, func(t *testing.T, p *tenantPlaces) {
		a, b := training(t, p)
		// The first is held up in the middle, until the second has been refused.
		a.turn.Lock()
		first := make(chan error, 1)
		go func() { first <- a.reset(t.Context()) }()
		for {
			value, err := readReset(t.Context(), a.settings)
			if err != nil {
				t.Fatal(err)
			}
			if value != resetEnded {
				break
			}
		}
		if err := b.reset(t.Context()); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "being reset just now") {
			t.Errorf("the second: %v", err)
		}
		mended := make(chan error, 1)
		go func() { mended <- b.mend(t.Context()) }()
		time.Sleep(resetRenews)
		a.turn.Unlock()
		if err := <-first; err != nil {
			t.Error(err)
		}
		if err := <-mended; err != nil {
			t.Error(err)
		}
		b.wants(t, sandboxCast, resetEnded)
		if err := b.reset(t.Context()); err != nil {
			t.Errorf("one after the other: %v", err)
		}
		a.wants(t, sandboxCast, resetEnded)
	})
}

func TestAResetOfAProcessThatIsGoneIsDoneByAnother(t *testing.T) {
	eachPlaces(t, func(t *testing.T, p *tenantPlaces) {
		a, b := training(t, p)
		gone := &resetTurn{settings: a.settings, name: "gone"}
		if err := gone.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := a.session.Door().Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.mend(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.wants(t, sandboxCast, resetEnded)
		if err := gone.renew(t.Context()); fault.KindOf(err) != fault.Conflict {
			t.Errorf("who comes back has the turn: %v", err)
		}
	})
}

func TestAResetThatLosesItsTurnStops(t *testing.T) {
	eachPlaces(t, func(t *testing.T, p *tenantPlaces) {
		a, _ := training(t, p)
		turn := &resetTurn{settings: a.settings, name: "slow"}
		if err := turn.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := turn.run(t.Context(), func(ctx context.Context) (bool, error) {
			if err := a.settings.WriteSetting(ctx, resetSetting, []byte(resetBegun+" other 1")); err != nil {
				return true, err
			}
			<-ctx.Done()
			return true, ctx.Err()
		})
		if fault.KindOf(err) != fault.Conflict {
			t.Error(err)
		}
		a.wants(t, sandboxCast, resetBegun+" other 1")
	})
}

// A reset that was refused is not done by the next server all the same.
func TestAResetThatWasRefusedIsNotBegun(t *testing.T) {
	eachPlaces(t, func(t *testing.T, p *tenantPlaces) {
		a, b := training(t, p)
		door := a.session.Door()
		door.SetReadOnly(true)
		if err := a.reset(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("while nothing is to be changed: %v", err)
		}
		door.SetReadOnly(false)
		a.wants(t, sandboxCast, resetEnded)
		patient := fhir.Key{Type: "Patient", ID: "maria"}
		if _, err := a.session.SetHold(t.Context(), patient, "Example v. Example"); err != nil {
			t.Fatal(err)
		}
		if err := a.reset(t.Context()); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "legal hold") {
			t.Errorf("under a hold: %v", err)
		}
		a.wants(t, sandboxCast, resetEnded)
		turn := &resetTurn{settings: a.settings, name: "late"}
		if err := turn.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := turn.run(t.Context(), a.renew); fault.KindOf(err) != fault.Conflict {
			t.Errorf("under a hold that came late: %v", err)
		}
		a.wants(t, sandboxCast, resetEnded)
		if err := a.session.LiftHold(t.Context(), patient); err != nil {
			t.Fatal(err)
		}
		if err := b.mend(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A folder whose reset was cut off is used for records that are not made up, and later
// served as a sandbox again: nothing of them is thrown away.
func TestWhatWasServedWithoutASandboxIsNotReset(t *testing.T) {
	dir := t.TempDir()
	s, err := sqlite.Open(context.WithoutCancel(t.Context()), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.WriteSetting(t.Context(), resetSetting, []byte("begun")), s.Close()); err != nil {
		t.Fatal(err)
	}
	p := startServer(t, "--data", dir)
	if status, answer := send(t.Context(), client, "PUT", p.url+"/Patient/kept", `{"resourceType":"Patient","id":"kept"}`); status != 201 {
		t.Fatalf("%d %s", status, answer)
	}
	p.kill()
	p = startServer(t, "--data", dir, "--sandbox", castAlone)
	if status, answer := send(t.Context(), client, "GET", p.url+"/Patient/kept", ""); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
}

func TestASandboxThatIsSuspendedWhileItIsResetIsWholeWhenItIsResumed(t *testing.T) {
	for name, where := range tenancyPlaces(t) {
		t.Run(name, func(t *testing.T) {
			flags := where(t)
			p := startClosed(t, append(flags, "--sandbox-patients", fmt.Sprint(fewPatients))...)
			base := strings.TrimSuffix(p.url, "/fhir")
			invited := base + regexp.MustCompile(`/account/invitation/\S+`).FindString(command(t, true, flags, "user", "add", "root", "--role", "administrator"))
			admin := newBrowser(t)
			admin.open(invited).fill("password", "a lamp in the night", "repeated", "a lamp in the night").submit("")
			command(t, true, flags, "tenant", "create", "training", "--sandbox", "--sandbox-patients", fmt.Sprint(fewPatients+1))
			token := tokenFor(t, flags, "training")
			becomes(t, p.at("training")+"/Patient", token, http.StatusOK)
			count := func() (int, string) {
				return send(t.Context(), client, "GET", p.at("training")+"/Patient?_summary=count", "", "Authorization", "Bearer "+token)
			}
			made := fmt.Sprintf(`"total":%d`, fewPatients+1)
			if _, body := count(); !strings.Contains(body, made) {
				t.Fatalf("it is made with %s", body)
			}
			const at = "/console/tenants/tenant/training"
			form := admin.open(base+at).action(at).fill("act", "reset", "confirm-reset", "1")
			asked := make(chan struct{})
			go func() { defer close(asked); form.submit("") }()
			for _, body := count(); strings.Contains(body, made); _, body = count() {
				select {
				case <-asked:
					t.Fatal("the reset ended before it was seen to have begun")
				case <-time.After(5 * time.Millisecond):
				}
			}
			command(t, true, flags, "tenant", "suspend", "training")
			<-asked
			command(t, true, flags, "tenant", "resume", "training")
			status, body := 0, ""
			for until := time.Now().Add(3 * time.Minute); status != http.StatusOK && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
				status, body = count()
			}
			if status != http.StatusOK || !strings.Contains(body, fmt.Sprintf(`"total":%d`, fewPatients)) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}
