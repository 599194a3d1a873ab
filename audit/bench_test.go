package audit

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// benchEvents are how many events a log has when it is large.
var benchEvents = flag.Int("audit.events", 100_000, "events of the log that is measured")

// benchSmall is a log of few.
const benchSmall = 8_000

// grow appends and numbers events until there are so many.
func grow(b *testing.B, l *Log, from, to int) {
	b.Helper()
	r := rand.New(rand.NewPCG(3, uint64(from)))
	for n := from; n < to; {
		var group []byte
		for range min(maxBlock, to-n) {
			group = drawn(r, n).append(group)
			n++
		}
		if err := l.store.AppendAudit(b.Context(), group); err != nil {
			b.Fatal(err)
		}
		if err := l.Seal(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLog measures what events cost in a small log and in a large one: to record
// them, by one client and by 64, and to find few by what no posting has, with the
// summaries of blocks and without.
func BenchmarkLog(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		s, err := sqlite.Open(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		benchLog(b, s)
	})
	b.Run("postgres", func(b *testing.B) {
		s, err := postgres.Open(b.Context(), pgtest.Durable(b).URL(), pgtest.Schema())
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		benchLog(b, s)
	})
}

func benchLog(b *testing.B, s store.Audit) {
	l, err := Open(b.Context(), Config{Store: s, Secret: plain{'k'}, Origin: base, SealEvery: time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	from := 0
	for _, size := range []int{benchSmall, *benchEvents} {
		grow(b, l, from, size)
		from = size
		b.Run(fmt.Sprintf("events=%d", size), func(b *testing.B) {
			b.Run("record", func(b *testing.B) {
				for b.Loop() {
					benchRecord(b, l)
				}
			})
			b.Run("record-64", func(b *testing.B) {
				b.SetParallelism(32) // for each of GOMAXPROCS
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						benchRecord(b, l)
					}
				})
			})
			benchFind(b, s, "patient", Query{Patient: "Patient/p7"})
			b.Run("proof", func(b *testing.B) {
				r := rand.New(rand.NewPCG(5, 5))
				for b.Loop() {
					if _, err := l.Prove(b.Context(), r.Int64N(int64(size)), -1); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("verify", func(b *testing.B) {
				events := int64(0)
				for b.Loop() {
					report, err := l.Verify(b.Context(), Verification{})
					if err != nil || report.Problems > 0 {
						b.Fatal(report, err)
					}
					events = report.Events
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(int64(b.N)*events), "ns/event")
			})
			for _, text := range []string{"altid=nobody", "entity=Observation/nowhere", "entity=Organization/3&outcome=8&action=D"} {
				q := parse(b, text).query
				benchFind(b, s, text, q)
				q.needs = nil
				benchFind(b, s, text+"-looking-at-all", q)
			}
		})
	}
}

func benchRecord(b *testing.B, l *Log) {
	l.Expect()
	defer l.Unexpect()
	if err := l.Record(context.Background(), seen("maria 1 2 3")); err != nil {
		b.Error(err)
	}
}

// benchFind finds the newest fifty.
func benchFind(b *testing.B, s store.Audit, name string, q Query) {
	b.Run("find-"+name, func(b *testing.B) {
		q.Newest, q.Limit = true, 50
		pages := 0
		for b.Loop() {
			at := q
			for pages = 1; ; pages++ {
				found, err := Find(b.Context(), s, at)
				if err != nil {
					b.Fatal(err)
				}
				if len(found.Events) > 0 || found.Next < 0 {
					break
				}
				at.Before = found.Next
			}
		}
		b.ReportMetric(float64(pages), "pages")
	})
}
