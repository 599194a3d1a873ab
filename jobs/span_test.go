package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/jobs/jobstest"
	"github.com/inglehealth/ingle/watch/metric"
	"github.com/inglehealth/ingle/watch/span"
)

func TestEachAttemptOfAJobIsATrace(t *testing.T) {
	var mu sync.Mutex
	var sent bytes.Buffer
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.Copy(&sent, r.Body)
	}))
	defer collector.Close()
	tracer, err := span.Open(func(name string) string {
		if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
			return collector.URL
		}
		return ""
	}, "test", slog.New(slog.DiscardHandler), metric.New())
	if err != nil {
		t.Fatal(err)
	}
	var s jobstest.Memory
	traces := map[string]bool{}
	done := make(chan struct{})
	r := jobs.NewRunner(jobs.Config{
		Store: &s, Traces: tracer, Poll: 10 * time.Millisecond, Backoff: func(int) time.Duration { return time.Millisecond },
		Handlers: map[string]jobs.Handler{"count": func(ctx context.Context, w *jobs.Work) error {
			traces[span.From(ctx).Trace()] = true
			if w.Attempt() < 3 {
				return errors.New("not yet")
			}
			close(done)
			return nil
		}},
	})
	if _, err := r.Enqueue(t.Context(), jobs.Job{Kind: "count"}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	<-done
	stop()
	running.Wait()
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(traces) != 3 || traces[""] {
		t.Errorf("traces %v", traces)
	}
	if n := bytes.Count(sent.Bytes(), []byte("job count")); n != 3 {
		t.Errorf("%d spans were sent", n)
	}
	if n := bytes.Count(sent.Bytes(), []byte("the attempt failed")); n != 2 {
		t.Errorf("%d say that the attempt failed", n)
	}
}
