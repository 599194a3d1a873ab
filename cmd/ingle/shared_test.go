package main

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
)

func TestConditionalCreatesOverTwoProcessesMakeOneResource(t *testing.T) {
	database := pgtest.URL(t)
	servers := []*process{
		startServer(t, "--database", database, "--tenant", "shared"),
		startServer(t, "--database", database, "--tenant", "shared"),
	}
	var created, matched atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			base := servers[i%2].url
			base = base[:len(base)-len("/fhir")] + "/t/shared/fhir"
			status, body := send(t.Context(), client, "POST", base+"/Patient", `{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"once"}]}`,
				"If-None-Exist", "identifier=urn:mrn|once")
			switch status {
			case 201:
				created.Add(1)
			case 200:
				matched.Add(1)
			default:
				t.Errorf("%d %s", status, body)
			}
		})
	}
	wg.Wait()
	if created.Load() != 1 || matched.Load() != 49 {
		t.Errorf("%d created, %d matched", created.Load(), matched.Load())
	}
}

func TestWhatOneProcessWritesTheOtherReads(t *testing.T) {
	database := pgtest.URL(t)
	one, other := startServer(t, "--database", database, "--tenant", "pair"), startServer(t, "--database", database, "--tenant", "pair")
	base := func(p *process) string { return p.url[:len(p.url)-len("/fhir")] + "/t/pair/fhir" }
	for range 20 {
		if status, body := send(t.Context(), client, "PUT", base(one)+"/Patient/x", `{"resourceType":"Patient","id":"x","name":[{"family":"Shared"}]}`); status/100 != 2 {
			t.Fatalf("%d %s", status, body)
		}
		if status, body := send(t.Context(), client, "GET", base(other)+"/Patient/x", ""); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		if status, _ := send(t.Context(), client, "DELETE", base(other)+"/Patient/x", ""); status != 204 {
			t.Errorf("delete: %d", status)
		}
		if status, _ := send(t.Context(), client, "GET", base(one)+"/Patient/x", ""); status != 410 {
			t.Errorf("after the delete: %d", status)
		}
	}
}
