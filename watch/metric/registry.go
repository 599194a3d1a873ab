// Package metric counts and measures what a process does, and tells it in the text
// format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/).
//
// A nil *Registry, and what it makes, does nothing, so that whoever counts need not ask
// whether somebody watches. Counting waits for nobody and allocates nothing once a
// series is there. Labels never hold what names a patient: routes, kinds and states do.
package metric

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Kind is what a family is to Prometheus.
type Kind string

// The kinds.
const (
	KindCounter   Kind = "counter"
	KindGauge     Kind = "gauge"
	KindHistogram Kind = "histogram"
)

// maxLabels is how many labels a family may have, and maxSeries how many series: what
// comes later is counted together, with the label value Others.
const (
	maxLabels = 4
	maxSeries = 2000
)

// Others is the label value of what a family has no room for.
const Others = "others"

// Family is what has one name: its series differ by their labels.
type Family struct {
	Name, Help string
	Kind       Kind
	Labels     []string

	bounds []float64 // of a histogram
	mu     sync.RWMutex
	series map[key]*series
}

// key is a series by its label values.
type key [maxLabels]string

// Registry holds the families of a process.
type Registry struct {
	mu         sync.Mutex
	families   map[string]*Family
	collectors []func(ctx context.Context, s *Sink)
}

// New makes an empty registry.
func New() *Registry { return &Registry{families: map[string]*Family{}} }

var (
	familyName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	labelName  = familyName
)

// Declare makes a family, or returns the one of that name. The names are the
// program's own, so it panics when they are no names or mean two things. It returns
// nil of a nil Registry.
func (r *Registry) Declare(kind Kind, name, help string, labels ...string) *Family {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.families[name]; f != nil {
		if f.Kind != kind || f.Help != help || !slices.Equal(f.Labels, labels) {
			panic("metric: " + name + " is declared in two ways")
		}
		return f
	}
	if !familyName.MatchString(name) || len(labels) > maxLabels || slices.ContainsFunc(labels, func(l string) bool { return !labelName.MatchString(l) || l == "le" }) {
		panic(fmt.Sprintf("metric: %s with labels %v cannot be declared", name, labels))
	}
	f := &Family{Name: name, Help: help, Kind: kind, Labels: labels, series: map[key]*series{}}
	if kind == KindHistogram {
		f.bounds = Seconds
	}
	r.families[name] = f
	return f
}

// Collect has f called whenever the metrics are told, for what is asked then: it puts
// samples of declared families and returns soon when ctx ends.
func (r *Registry) Collect(f func(ctx context.Context, s *Sink)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.collectors = append(r.collectors, f)
}

// Families lists what is declared, by name.
func (r *Registry) Families() []*Family {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*Family, 0, len(r.families))
	for _, f := range r.families {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *Family) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// at returns the series of label values, made when it is not there.
func (f *Family) at(values []string) *series {
	var k key
	copy(k[:], values)
	f.mu.RLock()
	s := f.series[k]
	f.mu.RUnlock()
	if s != nil {
		return s
	}
	return f.add(k, len(values))
}

func (f *Family) add(k key, n int) *series {
	if n != len(f.Labels) {
		panic(fmt.Sprintf("metric: %s has the labels %v, not %d", f.Name, f.Labels, n))
	}
	for i := range n { // what it was cut from may be large, or of a request
		k[i] = strings.Clone(strings.ToValidUTF8(k[i][:min(len(k[i]), 128)], ""))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.series) >= maxSeries {
		for i := range n {
			k[i] = Others
		}
	}
	if f.series[k] == nil {
		f.series[k] = newSeries(len(f.bounds))
	}
	return f.series[k]
}
