package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/client/smart"
)

func TestLimitsAreSetBesideAServerAndHeeded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	p := startClosed(t, "--data", dir)
	token := mustRun(t, "token", "create", "--scope", "system/*.cruds", "--data", dir)
	out := mustRun(t, "limit", "set", "tenant", "requests", "1/s", "burst", "4", "--data", dir)
	if !strings.Contains(out, "tenant requests 1/s burst 4") {
		t.Error(out)
	}
	refused := 0
	for range 12 {
		if p.status(t, "/Patient", token) == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("a limit that was set is not in force")
	}
	// The client of this project waits as long as it is told.
	retry := &smart.Retry{}
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/Patient", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := retry.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("a client that waits is answered with %d", resp.StatusCode)
		}
	}
	if out := mustRun(t, "limit", "list", "--data", dir); !strings.Contains(out, "set") || !strings.Contains(out, "default") {
		t.Error(out)
	}
	if out := mustRun(t, "limit", "list", "--used", "--data", dir); !strings.Contains(out, "tenant") || !strings.Contains(out, "1/s burst 4") {
		t.Error(out)
	}
	mustRun(t, "limit", "remove", "tenant", "requests", "--data", dir)
	for range 12 {
		if got := p.status(t, "/Patient", token); got != http.StatusOK {
			t.Errorf("%d when the limit is gone", got)
		}
	}
	set := func(operation, rule, with string, want int, has string) {
		t.Helper()
		body := fmt.Sprintf(`{"resourceType":"Parameters","parameter":[{"name":"rule","valueString":%q}]}`, rule)
		status, answer := send(t.Context(), client, "POST", p.url+"/"+operation, body, "Authorization", "Bearer "+with, "Content-Type", "application/fhir+json")
		if status != want || !strings.Contains(answer, has) {
			t.Errorf("%s %s: %d %s", operation, rule, status, answer)
		}
	}
	reads := mustRun(t, "token", "create", "--scope", "system/Observation.rs", "--data", dir)
	set("$limit-set", "user requests 7/s", token, 200, "user requests 7/s")
	set("$limit-set", "user requests 7", token, 400, "counted over time")
	set("$limit-set", "user requests 8/s", reads, 403, "limit")
	if status, answer := send(t.Context(), client, "GET", p.url+"/$limits", "", "Authorization", "Bearer "+token); status != 200 || !strings.Contains(answer, "user requests 7/s") {
		t.Errorf("%d %s", status, answer)
	}
	set("$limit-remove", "user requests", token, 200, "user requests")
	set("$limit-remove", "user requests", token, 404, "no rule was set")
	mustRun(t, "user", "add", "maria", "--name", "Maria", "--role", "practitioner", "--data", dir)
	mustRun(t, "client", "add", "Growth", "--id", "growth-chart", "--redirect", "https://chart.example/back", "--data", dir)
	for rule, says := range map[string]string{
		"user mario requests 5/s":      "Did you mean maria?",
		"app growth-cart requests 5/s": "Did you mean growth-chart?",
	} {
		set("$limit-set", rule, token, 422, says)
		words := append([]string{"limit", "set"}, strings.Fields(rule)...)
		if out, err := run(t, append(words, "--data", dir)...); err == nil || !strings.Contains(out+err.Error(), says) {
			t.Errorf("%s %v", out, err)
		}
	}
	id := strings.Fields(mustRun(t, "limit", "set", "user", "Maria", "requests", "5/s", "--data", dir))
	if !slices.Contains(id, "user") || slices.Contains(id, "Maria") {
		t.Errorf("a rule for a user names the id: %q", id)
	}
	mustRun(t, "limit", "remove", "user", "maria", "requests", "--data", dir)
	mustRun(t, "limit", "set", "app", "growth-chart", "requests", "5/s", "--data", dir)
	if out, err := run(t, "limit", "set", "user", "requests", "many", "--data", dir); err == nil || !strings.Contains(out+err.Error(), "whole number") {
		t.Errorf("%s %v", out, err)
	}
}

func TestCommandsReachAnOpenServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	p := startServer(t, "--data", dir)
	mustRun(t, "limit", "set", "tenant", "requests", "1/h", "burst", "5", "--data", dir)
	refused := 0
	for range 12 {
		if p.status(t, "/Patient", "") == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("a limit that was set is not in force")
	}
	if out := mustRun(t, "backup", "--to", t.TempDir(), "--data", dir); !strings.Contains(out, "as of") {
		t.Error(out)
	}
	if out, err := run(t, "doctor", "--data", dir); !strings.Contains(out, "It runs and answers commands.") || strings.Contains(out, "did not look") {
		t.Errorf("%s %v", out, err)
	}
	if out, err := run(t, "token", "create", "--scope", "system/*.rs", "--data", dir); err == nil || !strings.Contains(out+err.Error(), "--open") {
		t.Errorf("%s %v", out, err)
	}
}

// Two processes on one database let through no more than the limit, and what
// docs/limits.md says.
func TestProcessesOnPostgreSQLShareALimit(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "key")
	where := []string{"--database", newDatabase(t), "--key-file", keys}
	servers := []*process{startClosed(t, where...), startClosed(t, where...)}
	token := mustRun(t, append([]string{"token", "create", "--scope", "system/*.rs"}, where...)...)
	mustRun(t, "limit", "set", "tenant", "requests", "20/s", "burst", "20", where[0], where[1])
	limited := func(p *process) bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/metadata", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.Header.Get("RateLimit-Policy") == `"tenant-requests";q=20;w=1`
	}
	for _, p := range servers {
		await(t, func() bool { return limited(p) })
	}
	var served, longest atomic.Int64
	began := time.Now()
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			for time.Since(began) < 10*time.Second {
				asked := time.Now()
				if servers[i%2].status(t, "/Patient?_count=1", token) == http.StatusOK {
					served.Add(1)
				}
				if took := int64(time.Since(asked)); took > longest.Load() {
					longest.Store(took)
				}
			}
		})
	}
	asking.Wait()
	passed := time.Since(began).Seconds()
	slow := 1 + 2*time.Duration(longest.Load()).Seconds() // a database that takes long to answer, on a busy machine
	bound := 20*passed + 2*(20*9.0/8+20*(0.25+slow))
	if n := float64(served.Load()); n > bound || n == 0 {
		t.Errorf("%.0f requests were served in %.1f s: at most %.0f may be", n, passed, bound)
	}
}
