package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const fhirJSON = "application/fhir+json"

// do makes one request, notes its time and fails unless the status is one of
// want. It returns the Location header and the body, which is valid until the
// next request.
func (w *worker) do(ctx context.Context, method, path string, body []byte, want ...int) (location string, content []byte, err error) {
	start := time.Now()
	a, err := w.wire.send(ctx, method, path, body)
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

// wrote counts resources that the server acknowledged.
func (w *worker) wrote(n int) {
	w.mu.Lock()
	w.written += n
	w.mu.Unlock()
	if w.count {
		w.done += n
	}
}
