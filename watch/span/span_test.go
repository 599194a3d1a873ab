package span_test

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/inglehealth/ingle/watch/metric"
	"github.com/inglehealth/ingle/watch/span"
)

// collector is a receiver of OTLP over HTTP.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	refuse  []int // statuses of the next answers
	tries   int
	headers http.Header
	got     []*trace.ResourceSpans
}

func newCollector(t *testing.T, refuse ...int) *collector {
	c := &collector{refuse: refuse}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	if len(c.refuse) > 0 {
		w.WriteHeader(c.refuse[0])
		c.refuse = c.refuse[1:]
		return
	}
	in := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		in, _ = gzip.NewReader(r.Body)
	}
	body, err := io.ReadAll(in)
	// An ExportTraceServiceRequest has the same fields.
	var all trace.TracesData
	if err == nil {
		err = proto.Unmarshal(body, &all)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprint(err, r.URL.Path), http.StatusBadRequest)
		return
	}
	c.headers = r.Header
	c.got = append(c.got, all.ResourceSpans...)
}

// spans are those that arrived, by name.
func (c *collector) spans() map[string]*trace.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]*trace.Span{}
	for _, r := range c.got {
		for _, s := range r.ScopeSpans {
			for _, one := range s.Spans {
				all[one.Name] = one
			}
		}
	}
	return all
}

func attributes(all []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, a := range all {
		m[a.Key] = a.Value.GetStringValue()
		if _, number := a.Value.Value.(*common.AnyValue_IntValue); number {
			m[a.Key] = fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return m
}

func open(t *testing.T, c *metric.Registry, env ...string) *span.Tracer {
	t.Helper()
	tracer, err := span.Open(environment(env...), "9.9", slog.New(slog.DiscardHandler), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tracer.Close(); err != nil {
			t.Error(err)
		}
	})
	return tracer
}

func environment(env ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(env); i += 2 {
			if env[i] == name {
				return env[i+1]
			}
		}
		return ""
	}
}

func TestSpansArriveAsOpenTelemetryReadsThem(t *testing.T) {
	c := newCollector(t)
	tracer := open(t, nil, "OTEL_EXPORTER_OTLP_ENDPOINT", c.URL, "OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b,y=2", "OTEL_EXPORTER_OTLP_COMPRESSION", "gzip",
		"OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test,service.name=no", "OTEL_SERVICE_NAME", "clinic")
	h := http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}
	began := time.Now()
	ctx, root := tracer.Start(t.Context(), "GET read", span.Server, span.Parent(h))
	root.Text("request", "r-1")
	inner, child := span.Start(ctx, "door read")
	child.Int("count", -3)
	child.Fail("not found \xff")
	var seen http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = r.Header; w.WriteHeader(503) }))
	defer other.Close()
	request, err := http.NewRequestWithContext(inner, "POST", other.URL+"/secret?patient=maria", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: span.Transport(&http.Transport{})}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	client.CloseIdleConnections()
	child.End()
	child.End()
	root.End()
	if root.Trace() != "0af7651916cd43dd8448eb211c80319c" || span.From(inner) != child {
		t.Error(root.Trace())
	}
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}

	all := c.spans()
	top, middle, out := all["GET read"], all["door read"], all["POST"]
	if len(all) != 3 || top == nil || middle == nil || out == nil {
		t.Fatal(all)
	}
	for name, s := range all {
		if hex.EncodeToString(s.TraceId) != root.Trace() || s.EndTimeUnixNano < s.StartTimeUnixNano || s.StartTimeUnixNano < uint64(began.UnixNano()) {
			t.Error(name, s)
		}
	}
	if top.Kind != trace.Span_SPAN_KIND_SERVER || hex.EncodeToString(top.ParentSpanId) != "b7ad6b7169203331" || attributes(top.Attributes)["request"] != "r-1" || top.Status.GetCode() != 0 {
		t.Error(top)
	}
	if middle.Kind != trace.Span_SPAN_KIND_INTERNAL || string(middle.ParentSpanId) != string(top.SpanId) || attributes(middle.Attributes)["count"] != "-3" ||
		middle.Status.GetCode() != trace.Status_STATUS_CODE_ERROR || middle.Status.GetMessage() != "not found \uFFFD" {
		t.Error(middle)
	}
	if got := attributes(out.Attributes); out.Kind != trace.Span_SPAN_KIND_CLIENT || string(out.ParentSpanId) != string(middle.SpanId) || got["server.address"] != "127.0.0.1" ||
		got["http.response.status_code"] != "503" || out.Status.GetCode() != trace.Status_STATUS_CODE_ERROR || strings.Contains(out.String(), "maria") {
		t.Error(out)
	}
	if want := "00-" + root.Trace() + "-" + hex.EncodeToString(out.SpanId) + "-01"; seen.Get("Traceparent") != want {
		t.Errorf("traceparent %q, want %q", seen.Get("Traceparent"), want)
	}
	of := attributes(c.got[0].Resource.Attributes)
	if of["service.name"] != "clinic" || of["service.version"] != "9.9" || of["deployment.environment"] != "test" || c.headers.Get("X-Key") != "a b" || c.headers.Get("Y") != "2" {
		t.Error(of, c.headers)
	}
}

func TestNothingIsTracedUnlessTheEnvironmentAsks(t *testing.T) {
	for _, env := range [][]string{nil, {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://x", "OTEL_SDK_DISABLED", "true"}, {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://x", "OTEL_TRACES_EXPORTER", "none"}} {
		tracer := open(t, nil, env...)
		if tracer != nil {
			t.Errorf("%v: traces are sent", env)
		}
		var ctx context.Context
		var s, below *span.Span
		if n := testing.AllocsPerRun(100, func() {
			ctx, s = tracer.Start(t.Context(), "x", span.Server, span.Place{})
			ctx, below = span.Start(ctx, "y")
			below.Text("a", "b")
			below.Int("a", 1)
			below.Fail("c")
			below.Name("d")
			below.End()
			s.End()
		}); n != 0 || s != nil || below != nil || s.Trace() != "" || ctx != t.Context() {
			t.Errorf("%v: %v allocations, %v, %v", env, n, s, below)
		}
	}
}

func TestWhatTheEnvironmentSaysWronglyIsRefused(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_EXPORTER": "zipkin",
		"OTEL_EXPORTER_OTLP_COMPRESSION": "br", "OTEL_EXPORTER_OTLP_HEADERS": "a", "OTEL_TRACES_SAMPLER": "some", "OTEL_EXPORTER_OTLP_TIMEOUT": "soon",
		"OTEL_BSP_MAX_QUEUE_SIZE": "0", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere", "OTEL_RESOURCE_ATTRIBUTES": "=1",
	} {
		env := []string{name, value, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1"}
		if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
			env = env[:2]
		}
		if _, err := span.Open(environment(env...), "", slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

func TestTheSamplerDecidesAndParentsAreFollowed(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"
	for _, c := range []struct {
		sampler, arg, parent string
		least, most          int
	}{
		{"", "", "", 1000, 1000}, {"", "", parent + "01", 1000, 1000}, {"", "", parent + "00", 0, 0}, {"", "", "nonsense", 1000, 1000},
		{"always_on", "", parent + "00", 1000, 1000}, {"always_off", "", parent + "01", 0, 0}, {"parentbased_always_off", "", parent + "01", 1000, 1000},
		{"traceidratio", "0.5", "", 400, 600}, {"parentbased_traceidratio", "0", "", 0, 0}, {"traceidratio", "1", "", 1000, 1000},
	} {
		tracer := open(t, nil, "OTEL_TRACES_EXPORTER", "otlp", "OTEL_TRACES_SAMPLER", c.sampler, "OTEL_TRACES_SAMPLER_ARG", c.arg)
		n := 0
		for range 1000 {
			if _, s := tracer.Start(t.Context(), "x", span.Server, span.Parent(http.Header{"Traceparent": {c.parent}})); s != nil {
				n++
			}
		}
		if n < c.least || n > c.most {
			t.Errorf("%+v: %d of 1000", c, n)
		}
	}
}

func TestAParentThatIsNoneIsNotFollowed(t *testing.T) {
	for _, bad := range []string{
		"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", "00-0af7-b7ad6b7169203331-01",
	} {
		if span.Parent(http.Header{"Traceparent": {bad}}) != (span.Place{}) {
			t.Errorf("%q is followed", bad)
		}
	}
	if span.Parent(http.Header{"Traceparent": {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes"}}) == (span.Place{}) {
		t.Error("one of a later version is not followed")
	}
}

func FuzzParent(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Fuzz(func(t *testing.T, text string) { span.Parent(http.Header{"Traceparent": {text}}) })
}

func TestACollectorThatIsAwayCostsSpansAndNothingElse(t *testing.T) {
	counts := metric.New()
	c := newCollector(t, 503, 400)
	tracer := open(t, counts, "OTEL_EXPORTER_OTLP_ENDPOINT", c.URL, "OTEL_BSP_MAX_QUEUE_SIZE", "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2", "OTEL_BSP_SCHEDULE_DELAY", "3600000")
	end := func(n int) {
		for range n {
			_, s := tracer.Start(t.Context(), "x", span.Server, span.Place{})
			s.End()
		}
	}
	end(2)
	for { // the first attempt has failed
		c.mu.Lock()
		tried := c.tries > 0
		c.mu.Unlock()
		if tried {
			break
		}
		time.Sleep(time.Millisecond)
	}
	end(30) // ten wait, and nobody waits for the rest
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := counts.WriteText(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	var sent, dropped int
	for line := range strings.Lines(b.String()) {
		_, _ = fmt.Sscanf(line, "ingle_spans_sent_total %d", &sent) // other lines have other names
		_, _ = fmt.Sscanf(line, "ingle_spans_dropped_total %d", &dropped)
	}
	if sent+dropped != 32 || dropped < 20 { // two or four were refused, as the sender was quick
		t.Errorf("%d sent, %d dropped", sent, dropped)
	}
}
