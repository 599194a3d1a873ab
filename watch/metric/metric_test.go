package metric_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/inglehealth/ingle/watch/metric"
)

// told is what Prometheus' own parser reads.
func told(t *testing.T, r *metric.Registry) map[string]*dto.MetricFamily {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(b.String()))
	if err != nil {
		t.Fatalf("%v in %s", err, b.String())
	}
	return all
}

func TestWhatIsCountedIsToldInPrometheusFormat(t *testing.T) {
	r := metric.New()
	c := r.Counter("things_total", `Things "done" \ not`+"\nby kind.", "kind", "how")
	c.Add(2, "a", `odd "value" \`+"\n")
	c.Add(1, "a", `odd "value" \`+"\n")
	g := r.Gauge("held", "Held now.")
	g.Add(5)
	g.Add(-2)
	h := r.Histogram("took_seconds", "How long.", "route")
	h.Observe(3*time.Millisecond, "read")
	h.Observe(time.Minute, "read")
	asked := r.Declare(metric.KindGauge, "asked", "Asked when told.", "of")
	r.Collect(func(_ context.Context, s *metric.Sink) { s.Put(asked, 7, "x") })
	r.Declare(metric.KindGauge, "silent", "Has no value.")

	var b strings.Builder
	if err := r.WriteText(t.Context(), &b); err != nil || !strings.Contains(b.String(), "# TYPE silent gauge\n") {
		t.Error(b.String(), err)
	}
	all := told(t, r)
	if f := all["things_total"]; f.GetType() != dto.MetricType_COUNTER || f.Metric[0].Counter.GetValue() != 3 || f.Metric[0].Label[1].GetValue() != `odd "value" \`+"\n" {
		t.Error(f)
	}
	if f := all["held"]; f.GetType() != dto.MetricType_GAUGE || f.Metric[0].Gauge.GetValue() != 3 {
		t.Error(f)
	}
	f := all["took_seconds"].Metric[0].Histogram
	if f.GetSampleCount() != 2 || f.GetSampleSum() != 60.003 {
		t.Error(f)
	}
	for _, b := range f.Bucket {
		want := uint64(0)
		if b.GetUpperBound() >= 0.005 {
			want = 1
		}
		if b.GetUpperBound() > 30 {
			want = 2
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("up to %v: %d, want %d", b.GetUpperBound(), b.GetCumulativeCount(), want)
		}
	}
	if r.Sum("things_total") != 3 || r.Sum("things_total", "kind", "a") != 3 || r.Sum("things_total", "kind", "b") != 0 || r.Sum("things_total", "no", "a") != 0 || r.Sum("nothing") != 0 {
		t.Error("the sums are wrong")
	}
	if all["asked"].Metric[0].Gauge.GetValue() != 7 || all["silent"] != nil {
		t.Error(all["asked"], all["silent"])
	}
}

func TestSeriesBeyondTheBoundAreCountedTogether(t *testing.T) {
	r := metric.New()
	c := r.Counter("things_total", "Things.", "kind")
	for i := range 3000 {
		c.Add(1, fmt.Sprint(i))
	}
	asked := r.Declare(metric.KindGauge, "asked", "Asked.", "of")
	r.Collect(func(_ context.Context, s *metric.Sink) {
		for i := range 3000 {
			s.Put(asked, 1, fmt.Sprint(i))
		}
	})
	all := told(t, r)
	for _, name := range []string{"things_total", "asked"} {
		f, sum, others := all[name], 0.0, 0.0
		for _, m := range f.Metric {
			v := m.GetCounter().GetValue() + m.GetGauge().GetValue()
			sum += v
			if m.Label[0].GetValue() == metric.Others {
				others = v
			}
		}
		if len(f.Metric) > 2001 || sum != 3000 || others < 990 {
			t.Errorf("%s: %d series, %v together, %v others", name, len(f.Metric), sum, others)
		}
	}
}

func TestCountingAtOnceLosesNothing(t *testing.T) {
	r := metric.New()
	c, h := r.Counter("things_total", "Things.", "kind"), r.Histogram("took_seconds", "How long.")
	var at sync.WaitGroup
	for range 8 {
		at.Go(func() {
			for i := range 1000 {
				c.Add(1, fmt.Sprint(i%10))
				h.Observe(time.Second)
			}
		})
	}
	at.Wait()
	all, sum := told(t, r), 0.0
	for _, m := range all["things_total"].Metric {
		sum += m.Counter.GetValue()
	}
	if sum != 8000 || all["took_seconds"].Metric[0].Histogram.GetSampleCount() != 8000 || all["took_seconds"].Metric[0].Histogram.GetSampleSum() != 8000 {
		t.Error(sum, all["took_seconds"])
	}
}

func TestNobodyWatchesANilRegistry(t *testing.T) {
	var r *metric.Registry
	r.Counter("a", "").Add(1, "x")
	r.Gauge("a", "").Set(1)
	r.Gauge("a", "").Add(1)
	r.Histogram("a", "").Observe(1)
	r.Histogram("a", "").Row().Observe(1)
	r.Collect(nil)
	if r.Declare(metric.KindGauge, "a", "") != nil {
		t.Error("a nil Registry declares")
	}
}

func TestANameMeansOneThing(t *testing.T) {
	r := metric.New()
	r.Counter("things_total", "Things.", "kind")
	r.Counter("things_total", "Things.", "kind").Add(1, "again")
	for _, bad := range []func(){
		func() { r.Counter("things_total", "Other things.", "kind") },
		func() { r.Gauge("things_total", "Things.", "kind") },
		func() { r.Counter("things_total", "Things.", "sort") },
		func() { r.Counter("Things", "Things.") },
		func() { r.Counter("a", "", "le") },
		func() { r.Counter("a", "", "1", "2", "3", "4", "5") },
		func() { r.Counter("things_total", "Things.", "kind").Add(1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			bad()
		}()
	}
}

func TestTheProcessIsTold(t *testing.T) {
	r := metric.New()
	r.Process(time.Unix(1000, 0))
	all := told(t, r)
	for _, name := range []string{"go_goroutines", "go_info", "go_memstats_heap_inuse_bytes", "go_memstats_sys_bytes", "process_start_time_seconds"} {
		f := all[name]
		if f == nil || f.Metric[0].GetGauge().GetValue() <= 0 {
			t.Errorf("%s: %v", name, f)
		}
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	r := metric.New()
	c, h := r.Counter("things_total", "Things.", "kind", "how"), r.Histogram("took_seconds", "How long.", "route")
	row := h.Row("read")
	if n := testing.AllocsPerRun(100, func() {
		c.Add(1, "a", "b")
		h.Observe(time.Millisecond, "read")
		row.Observe(time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCounting(b *testing.B) {
	c := metric.New().Counter("things_total", "Things.", "tenant", "route", "method", "status")
	b.ReportAllocs()
	for b.Loop() {
		c.Add(1, "", "search-type", "GET", "2xx")
	}
}

func BenchmarkObserving(b *testing.B) {
	row := metric.New().Histogram("took_seconds", "How long.", "route").Row("read")
	b.ReportAllocs()
	for b.Loop() {
		row.Observe(3 * time.Millisecond)
	}
}
