package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/inglehealth/ingle/internal/pgtest"
)

// scrape reads metrics as Prometheus does.
func (p *process) scrape(t *testing.T, header ...string) map[string]*dto.MetricFamily {
	t.Helper()
	status, text := send(t.Context(), client, "GET", p.metrics, "", header...)
	if status != 200 {
		t.Fatalf("%s: %d %s", p.metrics, status, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return all
}

// valueOf is the value of a series: a counter's, a gauge's or a histogram's count; -1
// when there is none.
func valueOf(all map[string]*dto.MetricFamily, name string, labels ...string) float64 {
next:
	for _, m := range all[name].GetMetric() {
		for i := 0; i < len(labels); i += 2 {
			found := false
			for _, l := range m.Label {
				found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
			}
			if !found {
				continue next
			}
		}
		return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return -1
}

func TestMetricsTellWhatTheServerDoes(t *testing.T) {
	for kind, args := range map[string][]string{"sqlite": {"--data", t.TempDir()}, "postgresql": {"--database", pgtest.URL(t)}} {
		t.Run(kind, func(t *testing.T) {
			p := startServer(t, append(args, "--tenant", "east", "--metrics-listen", "127.0.0.1:0")...)
			for i := range 3 {
				send(t.Context(), client, "PUT", fmt.Sprintf("%s/Patient/secret-%d", p.url, i), fmt.Sprintf(`{"resourceType":"Patient","id":"secret-%d"}`, i))
			}
			send(t.Context(), client, "GET", p.url+"/Patient?name=Hidden", "")
			send(t.Context(), client, "GET", p.url+"/Patient/none", "")
			send(t.Context(), client, "BREW", p.url+"/Patient/none", "")
			send(t.Context(), client, "GET", strings.TrimSuffix(p.url, "/fhir")+"/t/east/fhir/Patient", "")
			send(t.Context(), client, "GET", strings.TrimSuffix(p.url, "/fhir")+"/t/secret-9/fhir/Patient", "")
			all := p.scrape(t)
			for _, c := range []struct {
				least  float64
				name   string
				labels []string
			}{
				{3, "ingle_http_requests_total", []string{"tenant", "", "route", "update", "method", "PUT", "status", "2xx"}},
				{1, "ingle_http_requests_total", []string{"tenant", "", "route", "read", "method", "GET", "status", "4xx"}},
				{1, "ingle_http_requests_total", []string{"tenant", "east", "route", "search-type", "status", "2xx"}},
				{1, "ingle_http_requests_total", []string{"method", "others"}},
				{3, "ingle_http_request_seconds", []string{"tenant", "", "route", "update"}},
				{0, "ingle_http_requests_in_flight", nil},
				{1, "ingle_http_response_bytes_total", []string{"tenant", "east"}},
				{1, "ingle_store_seconds", []string{"tenant", "", "database", kind, "operation", "search"}},
				{3, "ingle_store_seconds", []string{"tenant", "", "database", kind, "operation", "write"}},
				{1, "ingle_database_up", []string{"tenant", "east", "database", kind}},
				{1000, "ingle_database_bytes", []string{"tenant", ""}},
				{1, "ingle_database_commits_total", []string{"tenant", ""}},
				{1, "ingle_database_connections_max", []string{"tenant", ""}},
				{3, "ingle_feed_place", []string{"tenant", ""}},
				{0, "ingle_feed_held_seconds", []string{"tenant", ""}},
				{0, "ingle_audit_lag_seconds", []string{"tenant", ""}},
				{0, "ingle_audit_full", []string{"tenant", ""}},
				{0, "ingle_read_only", []string{"tenant", ""}},
				{1, "go_goroutines", nil},
				{1, "process_resident_memory_bytes", nil},
				{1, "ingle_build_info", nil},
			} {
				if got := valueOf(all, c.name, c.labels...); got < c.least {
					t.Errorf("%s %v: %v, at least %v", c.name, c.labels, got, c.least)
				}
			}
			if events, waiting := valueOf(all, "ingle_audit_events", "tenant", ""), valueOf(all, "ingle_audit_waiting_events", "tenant", ""); events < 0 || waiting < 0 || events+waiting < 5 {
				t.Errorf("%v events of the audit log, and %v waiting", events, waiting)
			}
			if kind == "sqlite" && (valueOf(all, "ingle_page_cache_bytes") <= 0 || valueOf(all, "ingle_disk_free_bytes") <= 0) {
				t.Error(all["ingle_page_cache_bytes"], all["ingle_disk_free_bytes"])
			}
			_, text := send(t.Context(), client, "GET", p.metrics, "")
			for _, secret := range []string{"secret", "Hidden", "BREW"} {
				if strings.Contains(text, secret) {
					t.Errorf("the metrics tell %q", secret)
				}
			}
		})
	}
}

func TestMetricsTellOfTokensAndSignIns(t *testing.T) {
	dir := t.TempDir()
	p := startClosed(t, "--sandbox", castAlone, "--data", dir, "--metrics-listen", "127.0.0.1:0")
	for _, token := range []string{p.token, "igl_at_wrong"} {
		send(t.Context(), client, "GET", p.url+"/Patient?_count=1", "", "Authorization", "Bearer "+token)
	}
	all := p.scrape(t)
	if valueOf(all, "ingle_tokens_checked_total", "outcome", "good") < 1 || valueOf(all, "ingle_tokens_checked_total", "outcome", "refused") < 1 {
		t.Error(all["ingle_tokens_checked_total"])
	}
}

func TestMetricsBeyondThisMachineTakeAToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("0123456789abcdef0123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ want, args string }{
		{"--metrics-token-file", "--metrics-listen 0.0.0.0:0"}, {"holds no token", "--metrics-listen 0.0.0.0:0 --metrics-token-file " + short},
		{"not an address", "--metrics-listen nonsense"}, {"is not given", "--metrics-token-file " + file}, {"no such file", "--metrics-listen 127.0.0.1:0 --metrics-token-file /nowhere"},
	} {
		code, _, out := invoke(t, append([]string{"serve", "--open", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, strings.Fields(c.args)...)...)
		if code != 2 || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d %s", c.args, code, out)
		}
	}
	p := startServer(t, "--data", t.TempDir(), "--metrics-listen", "127.0.0.1:0", "--metrics-token-file", file)
	for _, header := range [][]string{nil, {"Authorization", "Bearer 0123456789abcdef012"}, {"Authorization", "Basic 0123456789abcdef0123"}} {
		if status, _ := send(t.Context(), client, "GET", p.metrics, "", header...); status != 401 {
			t.Errorf("%v: %d", header, status)
		}
	}
	p.scrape(t, "Authorization", "Bearer 0123456789abcdef0123")
	if status, _ := send(t.Context(), client, "GET", strings.Replace(p.url, "/fhir", "/metrics", 1), ""); status != 404 {
		t.Errorf("the main address answers /metrics with %d", status)
	}
	request, err := http.NewRequestWithContext(t.Context(), "GET", p.metrics, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "metrics.evil.example"
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 403 {
		t.Errorf("by another name: %d", answer.StatusCode)
	}
}

// collector receives traces by OTLP over HTTP.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*trace.Span
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			in, _ = gzip.NewReader(r.Body)
		}
		var all trace.TracesData // the fields of an ExportTraceServiceRequest
		body, err := io.ReadAll(in)
		if err == nil {
			err = proto.Unmarshal(body, &all)
		}
		if err != nil {
			t.Error(err)
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range all.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func textOf(s *trace.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

func TestARequestIsTracedFromTheSocketToTheStatements(t *testing.T) {
	for kind, args := range map[string][]string{"sqlite": {"--data", t.TempDir()}, "postgresql": {"--database", pgtest.URL(t)}} {
		t.Run(kind, func(t *testing.T) {
			c := newCollector(t)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
			p := startServer(t, append(args, "--log-level", "info", "--log-format", "json")...)
			send(t.Context(), client, "PUT", p.url+"/Patient/hidden", `{"resourceType":"Patient","id":"hidden","name":[{"family":"Hidden"}]}`, "X-Request-Id", "the-write")
			const above = "0af7651916cd43dd8448eb211c80319c"
			if status, body := send(t.Context(), client, "GET", p.url+"/Patient?family=Hidden&_sort=birthdate", "", "X-Request-Id", "the-search", "Traceparent", "00-"+above+"-b7ad6b7169203331-01"); status != 200 || !strings.Contains(body, "hidden") {
				t.Fatal(status, body)
			}
			if _, events := send(t.Context(), client, "GET", p.url+"/AuditEvent?_count=50", ""); !strings.Contains(events, "the-search") {
				t.Error("the request's id is not in the audit log")
			}
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := p.cmd.Wait(); err != nil {
				t.Fatal(err, p.log.String())
			}
			below := map[string]*trace.Span{} // those of the search, by name
			ids := map[string]*trace.Span{}
			for _, s := range c.spans {
				ids[string(s.SpanId)] = s
				if fmt.Sprintf("%x", s.TraceId) == above {
					below[s.Name] = s
				}
				if strings.Contains(s.String(), "idden") {
					t.Errorf("a span tells of the patient: %v", s)
				}
			}
			root := below["GET search-type"]
			if root == nil || textOf(root, "ingle.request") != "the-search" || fmt.Sprintf("%x", root.ParentSpanId) != "b7ad6b7169203331" {
				t.Fatalf("%v", below)
			}
			for name, parent := range map[string]string{"door search": "GET search-type", "store search": "door search", "statement": "store search", "audit record": "GET search-type"} {
				if s := below[name]; s == nil || ids[string(s.ParentSpanId)].GetName() != parent {
					t.Errorf("%s is not below %s: %v", name, parent, s)
				}
			}
			if s := below["statement"]; s != nil && !strings.Contains(textOf(s, "db.query.text"), "SELECT") {
				t.Error(s)
			}
			if s := below["store search"]; textOf(s, "db.system.name") != kind {
				t.Error(s)
			}
			logged := false
			for line := range strings.Lines(p.log.String()) {
				logged = logged || strings.Contains(line, `"request":"the-search"`) && strings.Contains(line, above)
			}
			if !logged {
				t.Errorf("the log does not tell the trace: %s", p.log.String())
			}
		})
	}
}

func TestWrongTracingIsRefusedAtTheStart(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	if code, _, out := invoke(t, "serve", "--open", "--listen", "127.0.0.1:0", "--data", t.TempDir()); code != 2 || !strings.Contains(out, "OTEL_EXPORTER_OTLP_ENDPOINT is not a URL") {
		t.Error(code, out)
	}
}
