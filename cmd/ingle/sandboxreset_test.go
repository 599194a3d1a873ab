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
	"github.com/inglehealth/ingle/store/sqlite"
)

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
		go func() { ended <- newSandbox(door, s, time.Now()).reset(ctx) }()
		for patientsOf(t, door) == sandboxPatients {
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
			if err := newSandbox(door, s, time.Now()).mend(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := patientsOf(t, door); n != sandboxPatients {
				t.Errorf("%d patients", n)
			}
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
	p = startServer(t, "--data", dir, "--sandbox")
	if status, answer := send(t.Context(), client, "GET", p.url+"/Patient/kept", ""); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
}

func TestASandboxThatIsSuspendedWhileItIsResetIsWholeWhenItIsResumed(t *testing.T) {
	for name, where := range tenancyPlaces(t) {
		t.Run(name, func(t *testing.T) {
			flags := where(t)
			p := startClosed(t, flags...)
			base := strings.TrimSuffix(p.url, "/fhir")
			invited := base + regexp.MustCompile(`/account/invitation/\S+`).FindString(command(t, true, flags, "user", "add", "root", "--role", "administrator"))
			admin := newBrowser(t)
			admin.open(invited).fill("password", "a lamp in the night", "repeated", "a lamp in the night").submit("")
			command(t, true, flags, "tenant", "create", "training", "--sandbox")
			token := tokenFor(t, flags, "training")
			becomes(t, p.at("training")+"/Patient", token, http.StatusOK)
			const at = "/console/tenants/tenant/training"
			form := admin.open(base+at).action(at).fill("act", "reset", "confirm-reset", "1")
			asked := make(chan struct{})
			go func() { defer close(asked); form.submit("") }()
			counted := fmt.Sprintf(`"total":%d`, sandboxPatients)
			for {
				_, body := send(t.Context(), client, "GET", p.at("training")+"/Patient?_summary=count", "", "Authorization", "Bearer "+token)
				if !strings.Contains(body, counted) {
					break
				}
				select {
				case <-asked:
					t.Fatal("the reset ended before it was seen to have begun")
				default:
				}
			}
			command(t, true, flags, "tenant", "suspend", "training")
			<-asked
			command(t, true, flags, "tenant", "resume", "training")
			status, body := 0, ""
			for until := time.Now().Add(3 * time.Minute); status != http.StatusOK && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
				status, body = send(t.Context(), client, "GET", p.at("training")+"/Patient?_summary=count", "", "Authorization", "Bearer "+token)
			}
			if status != http.StatusOK || !strings.Contains(body, counted) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}
