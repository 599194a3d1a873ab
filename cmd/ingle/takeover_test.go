package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// BenchmarkTakeoverOfAnImport measures how long an import stands still, in seconds, when
// the process that does it is killed and there is another one: until that has the job, and
// until it has stored a line that nobody had.
func BenchmarkTakeoverOfAnImport(b *testing.B) {
	var text bytes.Buffer
	for i := range 1_000_000 {
		fmt.Fprintf(&text, `{"resourceType":"Patient","id":"p%d","active":true,"birthDate":"%d-01-01"}`+"\n", i, 1900+i%100)
	}
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text.Bytes()))
	}))
	defer source.Close()
	var taken, stored, worst float64
	for range b.N {
		url := newDatabase(b)
		conn, err := pgx.Connect(b.Context(), url)
		if err != nil {
			b.Fatal(err)
		}
		args := []string{"--database", url, "--import-allow", "127.0.0.1"}
		one := startServer(b, args...)
		status, body := send(b.Context(), client, "POST", one.url+"/$import", `{"input":[{"type":"Patient","url":"`+source.URL+`/Patient.ndjson"}]}`, "Content-Type", "application/json", "Prefer", "respond-async")
		if status != http.StatusAccepted {
			b.Fatal(status, body)
		}
		number := func(query string) (n int64) {
			if err := conn.QueryRow(b.Context(), query).Scan(&n); err != nil {
				b.Fatal(err)
			}
			return n
		}
		const lines, attempts = "SELECT coalesce(max(seq), 0) FROM ingle.version", "SELECT coalesce(max(attempt), 0) FROM ingle.job"
		eventually(b, func() bool { return number(lines) > 0 })
		two := startServer(b, args...) // which can have nothing, as long as the first one lives
		before := number(lines)
		eventually(b, func() bool { return number(lines) > before })
		one.kill()
		killed := time.Now()
		time.Sleep(20 * time.Millisecond) // what PostgreSQL was committing
		before = number(lines)
		last := number(attempts)
		eventually(b, func() bool { return number(attempts) > last })
		taken += time.Since(killed).Seconds()
		eventually(b, func() bool { return number(lines) > before })
		took := time.Since(killed).Seconds()
		stored += took
		worst = max(worst, took)
		b.Logf("the next line after %.2f s", took)
		two.kill()
		if err := conn.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	n := float64(b.N)
	b.ReportMetric(taken/n, "s/taken")
	b.ReportMetric(stored/n, "s/stored")
	b.ReportMetric(worst, "s/worst")
}

// BenchmarkTakeoverOfDelivery measures for how long a subscriber is told nothing, in seconds,
// when the process that tells it is killed and there is another one. No event is lost.
func BenchmarkTakeoverOfDelivery(b *testing.B) {
	var sum, worst float64
	for range b.N {
		args := []string{"--database", newDatabase(b), "--subscription-allow", "127.0.0.1"}
		h := newHook(b)
		one := startServer(b, args...)
		h.subscribe(b, one.url)
		two := startServer(b, args...)
		stop, written := make(chan struct{}), 0
		var writing sync.WaitGroup
		writing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
				id := fmt.Sprintf("p%d", n)
				if status, body := send(b.Context(), client, "PUT", two.url+"/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`","active":true}`); status != http.StatusCreated {
					b.Errorf("%d %s", status, body)
					return
				}
				written++
			}
		})
		last := func() (int64, time.Time) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.last, h.told
		}
		eventually(b, func() bool { n, _ := last(); return n >= 20 })
		one.kill()
		time.Sleep(20 * time.Millisecond) // what was on its way
		before, at := last()
		eventually(b, func() bool { n, _ := last(); return n > before })
		_, now := last()
		gap := now.Sub(at).Seconds()
		b.Logf("nothing was told for %.2f s", gap)
		sum += gap
		worst = max(worst, gap)
		close(stop)
		writing.Wait()
		eventually(b, func() bool { return len(h.heard()) == written })
		if len(h.faults) > 0 {
			b.Error(strings.Join(h.faults, "\n"))
		}
		two.kill()
	}
	b.ReportMetric(sum/float64(b.N), "s/gap")
	b.ReportMetric(worst, "s/worst")
}
