package monitor

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/watch/metric"
	"github.com/inglehealth/ingle/watch/span"
)

// BenchmarkARequest is what a request costs that does nothing: not watched, counted, and
// counted and traced (with what sending the span costs another core).
func BenchmarkARequest(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	counts := metric.New()
	traces, err := span.Open(func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL}[name]
	}, "", slog.New(slog.DiscardHandler), nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]web.Config{
		"unwatched": {}, "counted": {Watcher: NewRequests(counts)}, "counted and traced": {Watcher: NewRequests(counts), Traces: traces},
	} {
		b.Run(name, func(b *testing.B) {
			c.Log = slog.New(slog.DiscardHandler)
			site := web.New(c)
			site.Handle("GET /x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				web.From(r.Context()).Route = "x"
				_, inner := span.Start(r.Context(), "inner")
				inner.End()
				w.WriteHeader(http.StatusNoContent)
			}))
			b.ReportAllocs()
			for b.Loop() {
				site.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/x", http.NoBody))
			}
		})
	}
	if err := traces.Close(); err != nil {
		b.Fatal(err)
	}
}
