package bench

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const fhirJSON = "application/fhir+json"

// do makes one request, notes its time and fails unless the status is one of
// want. It returns the Location header and the body, which is valid until the
// next request. A worker that fills the server comes again when that says that
// it is too busy.
func (w *worker) do(ctx context.Context, method, path string, body []byte, want ...int) (location string, content []byte, err error) {
	start := time.Now()
	a, err := w.wire.send(ctx, method, path, body)
	for err == nil && w.fills && busy(a) && time.Since(start) < patience {
		select {
		case <-ctx.Done():
			return "", nil, ctx.Err()
		case <-time.After(max(a.again, time.Second/10)):
		}
		a, err = w.wire.send(ctx, method, path, body)
	}
	if err != nil {
		return "", nil, err
	}
	if !slices.Contains(want, a.status) {
		return "", nil, fmt.Errorf("%s %s: %d: %.300s", method, path, a.status, a.body)
	}
	if w.count {
		w.times = append(w.times, time.Since(start))
	}
	return a.location, a.body, nil
}

// busy says that a server has taken nothing of a request and asks for another time
// (RFC 6585 section 4, RFC 9110 section 15.6.4).
func busy(a answer) bool {
	return (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable) && a.again <= patience
}

// wrote counts resources that the server acknowledged.
func (w *worker) wrote(n int) {
	w.mu.Lock()
	w.written += n
	w.mu.Unlock()
	if w.count {
		w.done += n
	}
}
