package metric

import (
	"math"
	"sync/atomic"
	"time"
)

// series is one row of a family.
type series struct {
	value   atomic.Uint64   // the bits of a float64: a counter, a gauge, or a histogram's sum
	buckets []atomic.Uint64 // of a histogram; the last is above all bounds
}

func newSeries(bounds int) *series {
	s := &series{}
	if bounds > 0 {
		s.buckets = make([]atomic.Uint64, bounds+1)
	}
	return s
}

func (s *series) add(by float64) {
	for {
		old := s.value.Load()
		if s.value.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+by)) {
			return
		}
	}
}

func (s *series) load() float64 { return math.Float64frombits(s.value.Load()) }

// Counter is a number that only rises.
type Counter struct{ f *Family }

// Counter declares a counter; nil of a nil Registry.
func (r *Registry) Counter(name, help string, labels ...string) *Counter {
	if r == nil {
		return nil
	}
	return &Counter{r.Declare(KindCounter, name, help, labels...)}
}

// Add counts n more, with a value for each label.
func (c *Counter) Add(n int64, values ...string) {
	if c != nil {
		c.f.at(values).add(float64(n))
	}
}

// Gauge is a number that rises and falls.
type Gauge struct{ f *Family }

// Gauge declares a gauge; nil of a nil Registry.
func (r *Registry) Gauge(name, help string, labels ...string) *Gauge {
	if r == nil {
		return nil
	}
	return &Gauge{r.Declare(KindGauge, name, help, labels...)}
}

// Add changes it by n, with a value for each label.
func (g *Gauge) Add(n int64, values ...string) {
	if g != nil {
		g.f.at(values).add(float64(n))
	}
}

// Set sets it.
func (g *Gauge) Set(to float64, values ...string) {
	if g != nil {
		g.f.at(values).value.Store(math.Float64bits(to))
	}
}

// Histogram is how long things take: how many took up to some times, in seconds.
type Histogram struct{ f *Family }

// Seconds are the bounds of histograms: from half a millisecond to half a minute.
var Seconds = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// Histogram declares a histogram with the bounds Seconds; nil of a nil Registry.
func (r *Registry) Histogram(name, help string, labels ...string) *Histogram {
	if r == nil {
		return nil
	}
	return &Histogram{r.Declare(KindHistogram, name, help, labels...)}
}

// Observe notes how long something took, with a value for each label.
func (h *Histogram) Observe(took time.Duration, values ...string) {
	if h != nil {
		h.f.at(values).observe(h.f.bounds, took.Seconds())
	}
}

// Row is one series of a histogram, for what is measured often.
type Row struct {
	bounds []float64
	s      *series
}

// Row is the series with a value for each label; nil of a nil Histogram.
func (h *Histogram) Row(values ...string) *Row {
	if h == nil {
		return nil
	}
	return &Row{h.f.bounds, h.f.at(values)}
}

// Observe notes how long something took.
func (r *Row) Observe(took time.Duration) {
	if r != nil {
		r.s.observe(r.bounds, took.Seconds())
	}
}

func (s *series) observe(bounds []float64, seconds float64) {
	i := 0
	for i < len(bounds) && seconds > bounds[i] {
		i++
	}
	s.buckets[i].Add(1)
	s.add(seconds)
}
