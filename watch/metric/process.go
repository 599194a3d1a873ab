package metric

import (
	"context"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// Process tells how the Go runtime and the process are, by the names that every
// program in Go has for them. begun is when the process was started.
func (r *Registry) Process(begun time.Time) {
	goroutines := r.Declare(KindGauge, "go_goroutines", "Goroutines that exist.")
	info := r.Declare(KindGauge, "go_info", "The version of Go.", "version")
	cycles := r.Declare(KindCounter, "go_gc_cycles_total", "Garbage collections that ended.")
	heap := r.Declare(KindGauge, "go_memstats_heap_inuse_bytes", "Memory of objects of Go, and of what is dead and not swept.")
	system := r.Declare(KindGauge, "go_memstats_sys_bytes", "Memory that Go has from the system, without SQLite's page caches.")
	paused := r.Declare(KindCounter, "go_gc_pause_cpu_seconds_total", "Processor time during which garbage collection held everything up.")
	cpu := r.Declare(KindCounter, "process_cpu_seconds_total", "Processor time, of the user and the system.")
	resident := r.Declare(KindGauge, "process_resident_memory_bytes", "Memory of the process that is in RAM.")
	files := r.Declare(KindGauge, "process_open_fds", "Open files and connections.")
	start := r.Declare(KindGauge, "process_start_time_seconds", "When the process was started, in seconds of the Unix epoch.")
	r.Collect(func(_ context.Context, s *Sink) {
		samples := []metrics.Sample{
			{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/cpu/classes/gc/pause:cpu-seconds"},
		}
		metrics.Read(samples)
		s.Put(goroutines, float64(runtime.NumGoroutine()))
		s.Put(info, 1, runtime.Version())
		s.Put(cycles, float64(samples[0].Value.Uint64()))
		s.Put(heap, float64(samples[1].Value.Uint64()))
		s.Put(system, float64(samples[2].Value.Uint64()))
		s.Put(paused, samples[3].Value.Float64())
		s.Put(start, float64(begun.UnixMilli())/1000)
		if used, ok := processorTime(); ok {
			s.Put(cpu, used.Seconds())
		}
		if n, ok := residentBytes(); ok {
			s.Put(resident, float64(n))
		}
		if open, err := os.ReadDir("/proc/self/fd"); err == nil {
			s.Put(files, float64(len(open)))
		}
	})
}

// residentBytes is told by Linux only.
func residentBytes() (int64, bool) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}
