package smart_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inglehealth/ingle/client/smart"
)

// busy answers with a status and Retry-After the first n times, and then with 200.
type busy struct {
	n, status int
	after     string
	asked     []time.Time
}

func (b *busy) RoundTrip(req *http.Request) (*http.Response, error) {
	b.asked = append(b.asked, time.Now())
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: req}
	if len(b.asked) <= b.n {
		resp.StatusCode = b.status
		if b.after != "" {
			resp.Header.Set("Retry-After", b.after)
		}
	}
	return resp, nil
}

func TestABusyServerIsAskedAgainWhenItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			why         string
			server      busy
			method      string
			patience    time.Duration
			tries       int
			least, most time.Duration
			last        int
		}{
			{"not busy", busy{}, "GET", time.Hour, 1, 0, 0, 200},
			{"in seconds", busy{n: 1, status: 429, after: "7"}, "GET", time.Hour, 2, 7 * time.Second, 7 * time.Second, 200},
			{"as a date", busy{n: 1, status: 503, after: "DATE"}, "GET", time.Hour, 2, 4 * time.Second, 5 * time.Second, 200},
			{"unsaid", busy{n: 3, status: 429}, "GET", time.Hour, 4, 7 * time.Second, 9 * time.Second, 200},
			{"for too long", busy{n: 9, status: 429}, "GET", time.Hour, 4, 7 * time.Second, 9 * time.Second, 429},
			{"wants too much", busy{n: 1, status: 429, after: "3600"}, "GET", 2 * time.Hour, 1, 0, 0, 429},
			{"after the deadline", busy{n: 1, status: 429, after: "9"}, "GET", 5 * time.Second, 1, 0, 0, 429},
			{"a change", busy{n: 1, status: 429, after: "1"}, "POST", time.Hour, 1, 0, 0, 429},
			{"another error", busy{n: 1, status: 500}, "GET", time.Hour, 1, 0, 0, 500},
		} {
			if c.server.after == "DATE" {
				c.server.after = time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat)
			}
			ctx, stop := context.WithTimeout(t.Context(), c.patience)
			req, err := http.NewRequestWithContext(ctx, c.method, "http://127.0.0.1/fhir", strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			resp, err := (&smart.Retry{Next: &c.server}).RoundTrip(req)
			took := time.Since(start)
			stop()
			if err != nil || resp.StatusCode != c.last || len(c.server.asked) != c.tries || took < c.least || took > c.most {
				t.Errorf("%s: %v, %v after %d requests and %s", c.why, resp, err, len(c.server.asked), took)
			}
		}
	})
}

func TestABusyServerIsATypedError(t *testing.T) {
	fhir, _ := readFrom(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	if err := fhir.Read(t.Context(), "Patient/1", new(any)); !errors.Is(err, smart.ErrBusy) {
		t.Errorf("error %v", err)
	}
}
