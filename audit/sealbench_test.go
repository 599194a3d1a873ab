package audit

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/cputest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

// BenchmarkSummary measures in CPU time what the summaries of blocks cost a write: an event
// with its terms, the terms alone, a block of 512 events, and its summary alone, each for one
// event.
func BenchmarkSummary(b *testing.B) {
	s, err := sqlite.Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	l, err := Open(b.Context(), Config{Store: s, Secret: plain{'k'}, Origin: base, SealEvery: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	r := rand.New(rand.NewPCG(3, 3))
	events := make([]*Event, maxBlock)
	var group []byte
	for i := range events {
		events[i] = drawn(r, i)
		group = events[i].append(group)
	}
	entries, err := entriesOf(group)
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	var terms []term
	for name, f := range map[string]func(){
		"event": func() {
			for _, e := range events {
				out = e.append(out[:0])
			}
		},
		"event-terms": func() {
			for _, e := range events {
				terms = e.terms(terms[:0])
			}
		},
		"block": func() {
			l.tree = tree{}
			if _, err := l.makeBlock(store.AuditHead{}, [][]byte{group}); err != nil {
				b.Fatal(err)
			}
		},
		"block-summary": func() { summaryOf(entries) },
	} {
		b.Run(name, func(b *testing.B) {
			before := cputest.Used(b)
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(cputest.Used(b)-before)/float64(b.N*maxBlock), "cpu-ns/event")
		})
	}
}
