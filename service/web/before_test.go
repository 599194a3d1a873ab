package web

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/fault"
)

func TestAnAnswerThatMustNotLeaveIsReplaced(t *testing.T) {
	for name, size := range map[string]int{"small": 10, "compressed": 100_000, "none": 0} {
		asked := 0
		url, log := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			From(r.Context()).Before = func(status int) error {
				asked++
				if status != http.StatusCreated {
					t.Errorf("asked for status %d", status)
				}
				return fault.New(fault.Unavailable, fault.CodeTransient, "", "not now")
			}
			w.Header().Set("Content-Type", "application/fhir+json")
			w.Header().Set("ETag", `W/"secret"`)
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, strings.Repeat("s", size))
			_, _ = io.WriteString(w, strings.Repeat("s", size))
		})
		for _, encoding := range []string{"", "gzip"} {
			asked = 0
			resp, body := get(t, url+"/x/", "Accept-Encoding", encoding)
			if resp.StatusCode != 503 || !strings.Contains(body, "not now") || strings.Contains(body, "sss") || resp.Header.Get("ETag") != "" ||
				resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s, %q: %d %v %s", name, encoding, resp.StatusCode, resp.Header, body)
			}
			if asked != 1 {
				t.Errorf("%s: asked %d times", name, asked)
			}
		}
		if !strings.Contains(log.String(), "an answer was held back") {
			t.Errorf("%s: nobody is told", name)
		}
	}
}

func TestAnAnswerWhoseNextPieceMustNotLeaveIsCutOff(t *testing.T) {
	url, _ := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		pieces := 0
		From(r.Context()).Before = func(int) error {
			if pieces++; pieces > 3 {
				return errors.New("no more")
			}
			return nil
		}
		for range 10 {
			_, _ = io.WriteString(w, "piece")
			_ = http.NewResponseController(w).Flush()
		}
	})
	resp, err := http.Get(url + "/x/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil || strings.Count(string(body), "piece") >= 10 {
		t.Errorf("%q, %v", body, err)
	}
}
