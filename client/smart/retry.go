package smart

import (
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Retry sends requests again that a server is too busy for: it answers with 429, or
// with 503. It does so for GET and HEAD only, which change nothing, after as long as
// the server says (Retry-After, RFC 9110 §10.2.3), or else after about one, two and
// four seconds. When the server wants more than Longest, or the request's context
// ends before, or after Tries, the answer is what the server said last.
type Retry struct {
	Tries   int               // in all; 0 for 4
	Longest time.Duration     // one wait; 0 for 20 seconds
	Next    http.RoundTripper // nil for http.DefaultTransport
}

// RoundTrip implements http.RoundTripper.
func (r *Retry) RoundTrip(req *http.Request) (*http.Response, error) {
	next, tries, longest := r.Next, r.Tries, r.Longest
	if next == nil {
		next = http.DefaultTransport
	}
	if tries == 0 {
		tries = 4
	}
	if longest == 0 {
		longest = 20 * time.Second
	}
	for try := 1; ; try++ {
		resp, err := next.RoundTrip(req)
		if err != nil || try >= tries || !busy(resp) || req.Method != http.MethodGet && req.Method != http.MethodHead {
			return resp, err
		}
		now := time.Now()
		wait := pause(resp.Header.Get("Retry-After"), try, now)
		if end, ok := req.Context().Deadline(); wait > longest || ok && now.Add(wait).After(end) {
			return resp, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-req.Context().Done():
			timer.Stop()
			return resp, nil
		}
		_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // so that the connection can be used again
		_ = resp.Body.Close()
	}
}

func busy(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable
}

// pause is how long to wait after a try: as the header says, in seconds or as a date,
// or a time that doubles.
func pause(header string, try int, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(now), 0)
	}
	doubled := time.Second << (try - 1)
	return doubled + rand.N(doubled/4) //nolint:gosec // so that not all come again at once
}
