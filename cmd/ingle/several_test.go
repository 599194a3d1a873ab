package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// balancer sends requests to the processes that are ready, and once more to another
// when the first did not answer: what stands before several processes.
type balancer struct {
	mu    sync.Mutex
	ready []*process
}

func (b *balancer) add(p *process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = append(b.ready, p)
}

// remove takes a process out, as one does that asks /readyz.
func (b *balancer) remove(p *process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, one := range b.ready {
		if one == p {
			b.ready = append(b.ready[:i:i], b.ready[i+1:]...)
		}
	}
}

func (b *balancer) one() *process {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ready[rand.IntN(len(b.ready))]
}

func (b *balancer) send(ctx context.Context, method, path, body string, header ...string) (status int, answer string) {
	for range 2 {
		if status, answer = send(ctx, client, method, b.one().url+path, body, header...); status != 0 && status != http.StatusServiceUnavailable {
			break
		}
	}
	return status, answer
}

// isReady is what /readyz says.
func (p *process) isReady(t *testing.T) bool {
	status, _ := send(t.Context(), client, "GET", strings.TrimSuffix(p.url, "/fhir")+"/readyz", "")
	return status == http.StatusOK
}

// All processes of one database are replaced one after the other while clients write
// and read: no request fails that is sent once more, and nothing is done twice.
func TestARollingRestartFailsNoRequest(t *testing.T) {
	where := []string{"--database", newDatabase(t), "--drain", "1s"}
	var b balancer
	running := []*process{startServer(t, where...), startServer(t, where...)}
	for _, p := range running {
		b.add(p)
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	var sent atomic.Int64
	names := make([][]string, 4)
	for w := range names {
		writing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("r-%d-%d", w, i)
				status, body := b.send(t.Context(), "POST", "/Patient", `{"resourceType":"Patient","identifier":[{"system":"urn:roll","value":"`+name+`"}]}`, "If-None-Exist", "identifier=urn:roll|"+name)
				if status != 201 && status != 200 {
					t.Errorf("%s is answered with %d %s", name, status, body)
					return
				}
				names[w] = append(names[w], name)
				if status, body := b.send(t.Context(), "GET", "/Patient?identifier=urn:roll%7C"+name, ""); status != 200 || strings.Count(body, `"fullUrl"`) != 1 {
					t.Errorf("%s is found as %d %s", name, status, body)
					return
				}
				sent.Add(2)
			}
		})
	}
	for _, p := range running {
		before := sent.Load()
		next := startServer(t, where...)
		b.add(next)
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		for p.isReady(t) {
			time.Sleep(20 * time.Millisecond)
		}
		b.remove(p)
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("a process that was told to stop: %v", err)
		}
		for deadline := time.Now().Add(time.Minute); sent.Load() < before+20 && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	stop()
	writing.Wait()
	if sent.Load() < 40 {
		t.Fatalf("only %d requests were sent", sent.Load())
	}
	for _, all := range names {
		for _, name := range all {
			if _, body := b.send(t.Context(), "GET", "/Patient?identifier=urn:roll%7C"+name, ""); strings.Count(body, `"fullUrl"`) != 1 {
				t.Errorf("%s was acknowledged once and is there %d times", name, strings.Count(body, `"fullUrl"`))
			}
		}
	}
	t.Logf("%d requests while two processes were replaced", sent.Load())
}

// A process that works on a job is killed; another one has the job soon after, goes
// on where it was, and ends it.
func TestTheWorkOfAKilledProcessIsTakenOver(t *testing.T) {
	t.Parallel()
	const resources = 6000
	database := newDatabase(t)
	where := []string{"--database", database, "--allow-reindex"}
	var lines bytes.Buffer
	for i := range resources {
		fmt.Fprintf(&lines, "{\"resourceType\":\"Patient\",\"id\":\"p%d\",\"name\":[{\"family\":\"F%[1]d\"}]}\n", i)
	}
	file := filepath.Join(t.TempDir(), "patients.ndjson")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := ingle(t, "import", "--database", database, file); err != nil {
		t.Fatal(out, err)
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }() // it was only read
	job := func() (state, holder string) {
		err := conn.QueryRow(t.Context(), "SELECT state, holder FROM ingle.job WHERE kind = 'index'").Scan(&state, &holder)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			t.Fatal(err)
		}
		return state, holder
	}
	first := startServer(t, where...)
	if status, body := send(t.Context(), client, "POST", first.url+"/$reindex", `{"resourceType":"Parameters"}`); status/100 != 2 {
		t.Fatalf("%d %s", status, body)
	}
	killed := ""
	for deadline := time.Now().Add(time.Minute); killed == ""; time.Sleep(5 * time.Millisecond) {
		if state, holder := job(); state == "running" {
			killed = holder
		}
		if time.Now().After(deadline) {
			t.Fatal("the job does not begin")
		}
	}
	first.halt(t)
	second := startServer(t, where...)
	first.kill()
	began := time.Now()
	for {
		state, holder := job()
		if state == "running" && holder != killed {
			break
		}
		if state == "done" {
			t.Fatal("the job ended before its process was killed")
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("the job is %s a minute later", state)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("taken over after %s", time.Since(began).Round(10*time.Millisecond))
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if state, _ := job(); state == "done" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the job does not end")
		}
	}
	if status, body := send(t.Context(), client, "GET", second.url+"/Patient?family=F77&_summary=count", ""); status != 200 || !strings.Contains(body, `"total":11`) {
		t.Errorf("%d %s", status, body)
	}
}
