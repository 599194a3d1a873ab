package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/spec/fault"
)

// logBuffer collects a log that several goroutines write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve starts a server with one handler at "/x/".
func serve(t *testing.T, c Config, h http.HandlerFunc) (url string, log *logBuffer) {
	t.Helper()
	log = &logBuffer{}
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	site := New(c)
	site.Handle("/x/", h)
	server := httptest.NewUnstartedServer(nil)
	server.Config = site.Server()
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, log
}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	return exchange(t, http.MethodGet, url, nil, header...)
}

// exchange sends a request, with header names and values in turn, and follows
// no redirect.
func exchange(t *testing.T, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := new(http.Transport).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

func TestEachKindOfFailureHasItsStatus(t *testing.T) {
	for kind, want := range map[fault.Kind]int{
		fault.Internal: 500, fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404,
		fault.MethodNotAllowed: 405, fault.NotAcceptable: 406, fault.Conflict: 409, fault.Gone: 410, fault.PreconditionFailed: 412,
		fault.TooLarge: 413, fault.UnsupportedMedia: 415, fault.RangeNotSatisfied: 416, fault.Unprocessable: 422,
		fault.Throttled: 429, fault.NotSupported: 501, fault.Unavailable: 503, fault.StorageFull: 507,
		fault.Kind(200): 500,
	} {
		if got := Status(kind); got != want {
			t.Errorf("Status(%d) = %d, want %d", kind, got, want)
		}
	}
}

func TestAnErrorIsRenderedAsAnOperationOutcome(t *testing.T) {
	url, _ := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		From(r.Context()).XML = r.URL.Path == "/x/xml"
		Fail(w, r, fault.Of(fault.Unprocessable, []fault.Issue{
			{Severity: fault.ErrorLevel, Code: fault.CodeRequired, Path: "Patient.name", Message: "a <name> & more", Line: 3, Column: 4},
		}))
	})
	resp, body := get(t, url+"/x/json")
	if resp.StatusCode != 422 || resp.Header.Get("Content-Type") != "application/fhir+json; charset=utf-8" {
		t.Fatalf("status %d, type %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	var outcome struct {
		ResourceType string
		Issue        []struct {
			Severity, Code, Diagnostics string
			Details                     struct{ Text string }
			Expression, Location        []string
		}
	}
	if err := json.Unmarshal([]byte(body), &outcome); err != nil {
		t.Fatal(err)
	}
	i := outcome.Issue[0]
	if outcome.ResourceType != "OperationOutcome" || i.Severity != "error" || i.Code != "required" || i.Details.Text != "a <name> & more" ||
		i.Expression[0] != "Patient.name" || i.Location[0] != "line 3, column 4" {
		t.Errorf("unexpected outcome: %s", body)
	}
	resp, body = get(t, url+"/x/xml")
	if resp.Header.Get("Content-Type") != "application/fhir+xml; charset=utf-8" ||
		!strings.Contains(body, `<OperationOutcome xmlns="http://hl7.org/fhir"><issue><severity value="error"/><code value="required"/><details><text value="a &lt;name&gt; &amp; more"/>`) {
		t.Errorf("unexpected outcome: %s", body)
	}
}

func TestAnInternalErrorDoesNotTellItsText(t *testing.T) {
	url, log := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		Fail(w, r, errors.New("secret detail"))
	})
	resp, body := get(t, url+"/x/", "X-Request-Id", "abc-1")
	if resp.StatusCode != 500 || strings.Contains(body, "secret") {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
	if !strings.Contains(log.String(), "secret detail") || !strings.Contains(log.String(), "abc-1") {
		t.Errorf("the log lacks the cause or the request: %s", log)
	}
}

func TestAPanicIsAnsweredWith500(t *testing.T) {
	url, log := serve(t, Config{}, func(http.ResponseWriter, *http.Request) { panic("boom") })
	resp, body := get(t, url+"/x/")
	if resp.StatusCode != 500 || !strings.Contains(body, "OperationOutcome") || strings.Contains(body, "boom") {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
	if !strings.Contains(log.String(), "boom") {
		t.Error("the panic is not in the log")
	}
}

func TestAnErrorAfterTheAnswerBeganCutsTheConnection(t *testing.T) {
	url, _ := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(make([]byte, 100_000))
		Fail(w, r, errors.New("too late"))
	})
	resp, err := http.Get(url + "/x/")
	if err != nil {
		return // cut before the header was read
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the client takes the answer for complete")
	}
}

func TestAnErrorReplacesAnAnswerOfWhichNothingWasSent(t *testing.T) {
	url, _ := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+json")
		_, _ = io.WriteString(w, "{half")
		Fail(w, r, fault.New(fault.Conflict, fault.CodeConflict, "", "no"))
	})
	resp, body := get(t, url+"/x/", "Accept-Encoding", "gzip")
	if resp.StatusCode != 409 || strings.Contains(body, "half") {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
}

func TestTheAccessLogHoldsNoQueryAndNoId(t *testing.T) {
	url, log := serve(t, Config{}, func(_ http.ResponseWriter, r *http.Request) { From(r.Context()).Route = "read" })
	get(t, url+"/x/Patient/maria?name=delgado")
	line := log.String()
	if strings.Contains(line, "maria") || strings.Contains(line, "delgado") {
		t.Errorf("clinical data in the log: %s", line)
	}
	for _, want := range []string{"route=read", "status=200", "method=GET", "ms=", "bytes=0", "request="} {
		if !strings.Contains(line, want) {
			t.Errorf("the log lacks %s: %s", want, line)
		}
	}
}

func TestARequestIdIsKeptOnlyIfItIsPlain(t *testing.T) {
	url, _ := serve(t, Config{}, func(http.ResponseWriter, *http.Request) {})
	if resp, _ := get(t, url+"/x/", "X-Request-Id", "my-id_1.2"); resp.Header.Get("X-Request-Id") != "my-id_1.2" {
		t.Errorf("got %q", resp.Header.Get("X-Request-Id"))
	}
	for _, bad := range []string{"a b", "<x>", strings.Repeat("a", 65)} {
		resp, _ := get(t, url+"/x/", "X-Request-Id", bad)
		if got := resp.Header.Get("X-Request-Id"); got == bad || got == "" {
			t.Errorf("%q was answered with %q", bad, got)
		}
	}
}

func TestEveryAnswerHasTheProtectiveHeaders(t *testing.T) {
	url, _ := serve(t, Config{}, func(http.ResponseWriter, *http.Request) {})
	for _, path := range []string{"/x/", "/nowhere"} {
		resp, _ := get(t, url+path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestAnUnknownAddressIs404(t *testing.T) {
	url, _ := serve(t, Config{}, func(http.ResponseWriter, *http.Request) {})
	if resp, body := get(t, url+"/nowhere"); resp.StatusCode != 404 || !strings.Contains(body, "/fhir/metadata") {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
	for accept, want := range map[string]string{
		"application/fhir+xml": "application/fhir+xml; charset=utf-8",
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "application/fhir+json; charset=utf-8",
	} {
		resp, _ := exchange(t, http.MethodGet, url+"/nowhere", nil, "Accept", accept)
		if got := resp.Header.Get("Content-Type"); got != want {
			t.Errorf("%s gives %s", accept, got)
		}
	}
}

func TestReadinessFollowsTheStore(t *testing.T) {
	broken := false
	site := New(Config{Log: slog.New(slog.DiscardHandler)})
	site.Health(func(context.Context) error {
		if broken {
			return errors.New("disk gone")
		}
		return nil
	})
	server := httptest.NewServer(site)
	defer server.Close()
	if resp, _ := get(t, server.URL+"/readyz"); resp.StatusCode != 200 {
		t.Errorf("ready: %d", resp.StatusCode)
	}
	broken = true
	if resp, body := get(t, server.URL+"/readyz"); resp.StatusCode != 503 || strings.Contains(body, "disk") {
		t.Errorf("not ready: %d %s", resp.StatusCode, body)
	}
	if resp, _ := get(t, server.URL+"/healthz"); resp.StatusCode != 200 {
		t.Errorf("alive: %d", resp.StatusCode)
	}
}
