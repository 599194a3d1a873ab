package metric

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ContentType is that of what WriteText writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Sink takes the samples of a collector.
type Sink struct{ samples map[*Family]map[key]float64 }

// Put tells a family's value for label values; of a nil Family nothing.
func (s *Sink) Put(f *Family, value float64, values ...string) {
	if f == nil {
		return
	}
	if len(values) != len(f.Labels) {
		panic("metric: " + f.Name + " is put with other labels than it has")
	}
	of := s.samples[f]
	if of == nil {
		of = map[key]float64{}
		s.samples[f] = of
	}
	var k key
	copy(k[:], values)
	if _, there := of[k]; !there && len(of) >= maxSeries {
		for i := range values {
			k[i] = Others
		}
		value += of[k]
	}
	of[k] = value
}

// WriteText tells all families, be it that they have no value yet. Collectors are called
// with ctx.
func (r *Registry) WriteText(ctx context.Context, w io.Writer) error {
	r.mu.Lock()
	collectors := slices.Clone(r.collectors)
	r.mu.Unlock()
	s := &Sink{map[*Family]map[key]float64{}}
	for _, collect := range collectors {
		collect(ctx, s)
	}
	var b bytes.Buffer
	for _, f := range r.Families() {
		f.write(&b, s.samples[f])
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Sum adds up a counter's or gauge's series that have values for labels, given in
// pairs; 0 of what is not declared.
func (r *Registry) Sum(name string, pairs ...string) (sum float64) {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	f := r.families[name]
	r.mu.Unlock()
	if f == nil {
		return 0
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	for k, s := range f.series {
		matches := true
		for i := 0; i+1 < len(pairs); i += 2 {
			at := slices.Index(f.Labels, pairs[i])
			matches = matches && at >= 0 && k[at] == pairs[i+1]
		}
		if matches {
			sum += s.load()
		}
	}
	return sum
}

func (f *Family) write(b *bytes.Buffer, samples map[key]float64) {
	f.mu.RLock()
	counted := maps.Clone(f.series)
	f.mu.RUnlock()
	b.WriteString("# HELP " + f.Name + " " + helpEscapes.Replace(f.Help) + "\n# TYPE " + f.Name + " " + string(f.Kind) + "\n")
	for _, k := range sorted(samples) {
		f.line(b, "", k, "", samples[k])
	}
	for _, k := range sorted(counted) {
		if f.Kind == KindHistogram {
			f.histogram(b, k, counted[k])
			continue
		}
		f.line(b, "", k, "", counted[k].load())
	}
}

func (f *Family) histogram(b *bytes.Buffer, k key, s *series) {
	var sum uint64
	for i := range s.buckets {
		sum += s.buckets[i].Load()
		le := "+Inf"
		if i < len(f.bounds) {
			le = number(f.bounds[i])
		}
		f.line(b, "_bucket", k, le, float64(sum))
	}
	f.line(b, "_sum", k, "", s.load())
	f.line(b, "_count", k, "", float64(sum))
}

func (f *Family) line(b *bytes.Buffer, suffix string, k key, le string, value float64) {
	b.WriteString(f.Name + suffix)
	begin := "{"
	label := func(name, value string) {
		b.WriteString(begin + name + `="` + valueEscapes.Replace(value) + `"`)
		begin = ","
	}
	for i, name := range f.Labels {
		label(name, k[i])
	}
	if le != "" {
		label("le", le)
	}
	if begin == "," {
		b.WriteByte('}')
	}
	b.WriteString(" " + number(value) + "\n")
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func sorted[V any](m map[key]V) []key {
	return slices.SortedFunc(maps.Keys(m), func(a, b key) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]), cmp.Compare(a[2], b[2]), cmp.Compare(a[3], b[3]))
	})
}
