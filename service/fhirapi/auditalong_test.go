package fhirapi_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/store"
)

// appending counts the groups that a log appends by itself.
type appending struct {
	store.Audit
	groups atomic.Int64
}

func (a *appending) AppendAudit(ctx context.Context, group []byte) error {
	a.groups.Add(1)
	return a.Audit.AppendAudit(ctx, group)
}

// On SQLite events are appended by themselves, on PostgreSQL with what they are about: they
// say the same.
func TestTheEventOfAChangeSaysWhatWasChangedHoweverItIsKept(t *testing.T) {
	var kept *appending
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		own := &appending{Audit: c.Store}
		c.Audit, kept = openAudit(own, c.Base), own
	})
	maria := `{"resourceType":"Patient","id":"maria","active":%s}`
	weighed := `{"resourceType":"Observation","id":"%s","status":"final","code":{"text":"%s"},"identifier":[{"value":"%[1]s"}],"subject":{"reference":"Patient/maria"}}`
	provenance := `{"resourceType":"Provenance","recorded":"2026-03-01T08:00:00Z","agent":[{"who":{"display":"x"}}]}`
	for n, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		apart              bool // also on PostgreSQL
		touched            []string
	}{
		{"PUT", "/Patient/maria", fmt.Sprintf(maria, "true"), nil, 201, false, []string{"Patient/maria", "Patient/maria/_history/1"}},
		{"PUT", "/Patient/maria", fmt.Sprintf(maria, "false"), nil, 200, false, []string{"Patient/maria", "Patient/maria/_history/2"}},
		{"PUT", "/Patient/maria", fmt.Sprintf(maria, "false"), nil, 200, true, []string{"Patient/maria", "Patient/maria/_history/2"}},
		{"PUT", "/Observation/a", fmt.Sprintf(weighed, "a", "1"), nil, 201, false, []string{"Observation/a/_history/1", "Patient/maria"}},
		{"PATCH", "/Observation/a", `[{"op":"replace","path":"/code/text","value":"2"}]`, []string{"Content-Type", "application/json-patch+json"}, 200, false, []string{"Observation/a/_history/2", "Patient/maria"}},
		{"PUT", "/Observation?identifier=a", fmt.Sprintf(weighed, "a", "3"), []string{"Prefer", "return=minimal"}, 200, false, []string{"Observation/a/_history/3", "Patient/maria"}},
		{"PUT", "/Observation/a", fmt.Sprintf(weighed, "a", "4"), []string{"If-Match", `W/"1"`}, 412, true, nil},
		{"DELETE", "/Patient/maria", "", nil, 409, true, []string{"Patient/maria"}},
		{"DELETE", "/Observation/a", "", nil, 204, false, []string{"Observation/a/_history/4", "Patient/maria"}},
		{"DELETE", "/Observation/a", "", nil, 204, true, nil},
		{"PUT", "/Observation/a", fmt.Sprintf(weighed, "a", "5"), nil, 201, false, []string{"Observation/a/_history/5", "Patient/maria"}},
		{"DELETE", "/Observation?identifier=a", "", []string{"Prefer", "return=OperationOutcome"}, 200, false, []string{"Observation/a/_history/6", "Patient/maria"}},
		{"PUT", "/Group/g", `{"resourceType":"Group","id":"g","type":"person","actual":true}`, []string{"X-Provenance", provenance}, 201, false, []string{"Group/g/_history/1", "Provenance/*/_history/1"}},
		{"PUT", "/Binary/b", "raw", []string{"Content-Type", "text/plain", "X-Security-Context", "Patient/maria"}, 201, false, []string{"Binary/b/_history/1", "Patient/maria"}},
		{"PUT", "/Binary/b", "other", []string{"Content-Type", "text/plain", "X-Security-Context", "Patient/maria"}, 200, false, []string{"Binary/b/_history/2", "Patient/maria"}},
		{"POST", "/Binary", "raw", []string{"Content-Type", "text/plain", "X-Security-Context", "Patient/maria"}, 201, false, []string{"Binary/*/_history/1", "Patient/maria"}},
		{"DELETE", "/Binary/b", "", nil, 204, false, []string{"Binary/b/_history/3", "Patient/maria"}},
		{"PUT", "/Consent/c", `{"resourceType":"Consent","id":"c","status":"active","scope":{"text":"x"},"category":[{"text":"x"}],"policyRule":{"text":"x"},"patient":{"reference":"Patient/maria"}}`, nil, 201, true, []string{"Consent/c/_history/1", "Patient/maria"}},
	} {
		id, before := fmt.Sprintf("along-%d", n), kept.groups.Load()
		a := s.do(c.method, c.path, c.body, append([]string{"X-Request-Id", id}, c.headers...)...)
		a.want(c.status)
		apart := kept.groups.Load() > before
		if want := c.apart || !kept.AuditsWrites(); apart != want {
			t.Errorf("%s %s: its event was appended by itself: %v", c.method, c.path, apart)
		}
		found := s.eventsOf(id)
		if len(found) != 1 {
			t.Errorf("%s %s: %d events", c.method, c.path, len(found))
			continue
		}
		if got := fmt.Sprint(found[0]["outcomeDesc"]); !strings.Contains(got, fmt.Sprintf("HTTP %d", c.status)) {
			t.Errorf("%s %s: %d, and the event says %s", c.method, c.path, c.status, got)
		}
		touched := touches(found)
		for i, one := range touched {
			if typ, _, _ := strings.Cut(one, "/"); typ == "Provenance" || c.method == "POST" && typ != "Patient" {
				touched[i] = typ + "/*/_history/1"
			}
		}
		if diff := cmp.Diff(c.touched, touched); diff != "" {
			t.Errorf("%s %s: %s", c.method, c.path, diff)
		}
	}
}

// While there is but the reserve, who treats patients goes on changing, too, and the event
// goes there.
func TestTheEventOfAChangeGoesIntoTheReserve(t *testing.T) {
	var b *broken
	s, _ := guardedLog(t, func(a store.Audit) store.Audit { b = &broken{Audit: a}; return b })
	s.do("PUT", "/Patient/maria", `{"resourceType":"Patient","id":"maria"}`, as("doctor")...).want(201)
	b.set(store.ErrFull, 0, 2)
	s.do("GET", "/Patient/maria", "", as("doctor")...).want(200)
	s.do("PUT", "/Patient/walter", `{"resourceType":"Patient","id":"walter"}`, as("doctor")...).want(201)
	s.do("PUT", "/Patient/none", `{"resourceType":"Patient","id":"none"}`, as("doctor")...).want(503)
}

// unsettled is a store that has no content of a Binary any more when that is committed.
type unsettled struct{ store.Store }

func (unsettled) ReadBlob(context.Context, string, int64, int64) (iter.Seq2[[]byte, error], int64, error) {
	return nil, 0, errors.New("broken")
}

func TestWhatFailsBehindItsCommitHasAnEventOfThatToo(t *testing.T) {
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		c.Audit = openAudit(c.Store, c.Base)
		c.Store = unsettled{c.Store}
	})
	s.do("PUT", "/Binary/x", `{"resourceType":"Binary","id":"x","contentType":"text/plain","data":"eA=="}`, "X-Request-Id", "behind").want(500)
	var said []string
	for _, e := range s.eventsOf("behind") {
		said = append(said, fmt.Sprint(e["outcome"]))
	}
	want := "8" // by itself, when all has failed
	if strings.HasPrefix(t.Name(), "TestTheAPIOnPostgreSQL/") {
		want = "0 8"
	}
	if got := strings.Join(said, " "); got != want {
		t.Errorf("outcomes %q, want %q", got, want)
	}
}
