package span

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inglehealth/ingle/watch/metric"
)

// Tracer sends spans to a collector. A nil Tracer makes none.
type Tracer struct {
	config  *config
	log     *slog.Logger
	client  *http.Client
	clock   func() time.Time
	dropped *metric.Counter
	sent    *metric.Counter

	spans   chan done
	ending  chan struct{}
	working sync.WaitGroup
	closing sync.Once
	away    atomic.Bool // it was said that the collector is away
}

// done is a span that ended.
type done struct {
	*Span
	ended time.Time
}

// Open makes a Tracer as the environment says (OTEL_...), nil when that asks for
// none. version is the program's. What cannot be sent is dropped, counted and, once,
// logged. The caller closes it.
func Open(getenv func(string) string, version string, log *slog.Logger, counts *metric.Registry) (*Tracer, error) {
	c, err := environment(getenv)
	if c == nil || err != nil {
		return nil, err
	}
	c.resource = append(c.resource, attribute{"service.version", version})
	t := &Tracer{
		config: c, log: log, clock: time.Now,
		client:  &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: c.tls, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}},
		sent:    counts.Counter("ingle_spans_sent_total", "Spans that the collector of traces has taken."),
		dropped: counts.Counter("ingle_spans_dropped_total", "Spans that were dropped: the collector of traces was away or too slow."),
		spans:   make(chan done, c.queue), ending: make(chan struct{}),
	}
	tracers.Add(1)
	t.working.Go(t.send)
	return t, nil
}

// Close sends what is left, for the time of one attempt at most.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	t.closing.Do(func() {
		tracers.Add(-1)
		close(t.ending)
	})
	t.working.Wait()
	t.client.CloseIdleConnections()
	return nil
}

// queue takes an ended span, and never waits.
func (t *Tracer) queue(s *Span, ended time.Time) {
	select {
	case t.spans <- done{s, ended}:
	default:
		t.dropped.Add(1)
	}
}

// send brings spans to the collector until the Tracer is closed.
func (t *Tracer) send() {
	tick := time.NewTicker(t.config.delay)
	defer tick.Stop()
	var batch []done
	for {
		select {
		case s := <-t.spans:
			if batch = append(batch, s); len(batch) < t.config.batch {
				continue
			}
		case <-tick.C:
		case <-t.ending:
			for len(t.spans) > 0 {
				batch = append(batch, <-t.spans)
			}
			t.deliver(batch, 1)
			return
		}
		t.deliver(batch, attempts)
		batch = batch[:0]
	}
}

// attempts is how often a batch is sent at most; between them passes retryAfter, doubled
// each time, or what the collector asks for, up to mostRetry.
const (
	attempts   = 5
	retryAfter = time.Second
	mostRetry  = 30 * time.Second
)

// deliver sends a batch, again when the collector says that this may help.
func (t *Tracer) deliver(batch []done, tries int) {
	if len(batch) == 0 {
		return
	}
	body := t.encode(batch)
	wait := retryAfter
	for try := 1; ; try++ {
		after, err := t.post(body)
		if err == nil {
			t.sent.Add(int64(len(batch)))
			if t.away.Swap(false) {
				t.log.Warn("traces are sent again")
			}
			return
		}
		if after < 0 || try >= tries || !t.sleep(min(max(wait, after), mostRetry)) {
			t.dropped.Add(int64(len(batch)))
			if !t.away.Swap(true) {
				t.log.Warn("traces cannot be sent; they are dropped until they can", "error", err)
			}
			return
		}
		wait *= 2
	}
}

func (t *Tracer) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ending:
		return false
	}
}

// post sends one request (OTLP/HTTP). With an error it says after which time it may be
// sent again, below zero for not at all.
func (t *Tracer) post(body []byte) (again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), t.config.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.config.endpoint, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	for name, value := range t.config.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("User-Agent", "OTel-OTLP-Exporter-Ingle")
	if t.config.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := t.client.Do(r)
	if err != nil {
		return 0, err
	}
	_, read := io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	err = errors.Join(read, answer.Body.Close())
	switch answer.StatusCode {
	case http.StatusOK:
		return 0, err
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if seconds, bad := strconv.Atoi(answer.Header.Get("Retry-After")); bad == nil && seconds > 0 {
			again = time.Duration(min(seconds, 3600)) * time.Second
		}
	default:
		again = -1
	}
	return again, fmt.Errorf("the collector at %s answers %s", r.URL.Redacted(), answer.Status)
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
