package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

const fhirJSON = "application/fhir+json"

// do makes one request, notes its time and fails unless the status is one of
// want. It returns the Location header and the body.
func (w *worker) do(ctx context.Context, method, path string, body []byte, want ...int) (location string, answer []byte, err error) {
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, w.base+path, content)
	if err != nil {
		return "", nil, err
	}
	req.Header.Set("Accept", fhirJSON)
	if body != nil {
		req.Header.Set("Content-Type", fhirJSON)
	}
	if w.o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+w.o.Token)
	}
	start := time.Now()
	resp, err := w.http.Do(req)
	if err != nil {
		return "", nil, err
	}
	answer, err = io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return "", nil, err
	}
	if !slices.Contains(want, resp.StatusCode) {
		return "", nil, fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, answer)
	}
	if w.count {
		w.times = append(w.times, time.Since(start))
	}
	return resp.Header.Get("Location"), answer, nil
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
