package bulkjob_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/records/bulkload"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// cohort is a door with so many patients, of each of whom there is a Condition, and with
// Groups that find them all.
func cohort(tb testing.TB, s store.Store, n int) *records.Door {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	door, err := records.Open(ctx, records.Config{Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "http://localhost/fhir", Policy: records.DefaultPolicy()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := door.Close(); err != nil {
			tb.Error(err)
		}
	})
	name := filepath.Join(tb.TempDir(), "cohort.ndjson")
	f, err := os.Create(name)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintf(w, `{"resourceType":"Patient","id":"p%d","active":true,"gender":"female","birthDate":"19%02d-01-01"}`+"\n", i, i%100)
		fmt.Fprintf(w, `{"resourceType":"Condition","id":"c%d","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"E11.9"}]},"subject":{"reference":"Patient/p%d"}}`+"\n", i, i)
	}
	for id, criteria := range groups {
		fmt.Fprintf(w, `{"resourceType":"Group","id":"%s","type":"person","actual":false,"modifierExtension":[`, id)
		for i, one := range criteria {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, `{"url":"http://hl7.org/fhir/uv/bulkdata/StructureDefinition/member-filter","valueExpression":{"language":"application/x-fhir-query","expression":"%s"}}`, one)
		}
		fmt.Fprint(w, "]}\n")
	}
	fmt.Fprint(w, `{"resourceType":"Group","id":"listed","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p0"}}`)
	for i := 1; i < n; i++ {
		fmt.Fprintf(w, `,{"entity":{"reference":"Patient/p%d"}}`, i)
	}
	fmt.Fprint(w, "]}\n")
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	r, err := bulkload.Run(ctx, bulkload.Options{Session: door.Session(records.Principal{ID: "test"}, nil), Files: []string{name}})
	if err != nil || r.Refused > 0 {
		tb.Fatalf("%+v, %v", r, err)
	}
	return door
}

// groups are the Groups of a cohort, by what they ask for.
var groups = map[string][]string{
	"own":    {"Patient?gender=female"},
	"theirs": {"Condition?code=http://hl7.org/fhir/sid/icd-10-cm|E11.9&clinical-status=active"},
	"both":   {"Condition?code=http://hl7.org/fhir/sid/icd-10-cm|E11.9", "Patient?active=true"},
}

// BenchmarkGroupOfCriteria finds and exports the members of Groups that are described by
// criteria, of which INGLE_MEMBERS (2,000) are members, and takes one out of a Group that lists
// as many, and in again.
func BenchmarkGroupOfCriteria(b *testing.B) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("INGLE_MEMBERS"), "2000"))
	if err != nil {
		b.Fatal(err)
	}
	stores := map[string]func() (store.Store, error){
		"SQLite":     func() (store.Store, error) { return sqlite.Open(b.Context(), b.TempDir()) },
		"PostgreSQL": func() (store.Store, error) { return postgres.Open(b.Context(), pgtest.URL(b), pgtest.Schema()) },
	}
	for name, open := range stores {
		b.Run(name, func(b *testing.B) {
			s, err := open()
			if err != nil {
				b.Fatal(err)
			}
			begun := time.Now()
			door := cohort(b, s, n)
			b.Logf("loaded in %s", time.Since(begun))
			b.Run("change/listed", func(b *testing.B) {
				session := door.Session(records.Principal{ID: "test"}, nil)
				for b.Loop() {
					for _, change := range []string{`[{"op":"remove","path":"/member/7"}]`, `[{"op":"add","path":"/member/7","value":{"entity":{"reference":"Patient/p7"}}}]`} {
						if _, err := session.Patch(b.Context(), fhir.Key{Type: "Group", ID: "listed"}, records.PatchContent{Format: records.JSONPatch, Body: []byte(change)}, records.UpdateOptions{}); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
			for id := range groups {
				b.Run("find/"+id, func(b *testing.B) {
					for b.Loop() {
						found := 0
						for _, err := range door.Session(records.Principal{ID: "test"}, nil).GroupMembers(b.Context(), fhir.ID(id)) {
							if err != nil {
								b.Fatal(err)
							}
							found++
						}
						if found != n {
							b.Fatalf("%d members", found)
						}
					}
				})
				b.Run("export/"+id, func(b *testing.B) {
					for b.Loop() {
						if got := exportGroup(b, door, fhir.ID(id)); got != int64(2*n) {
							b.Fatalf("%d resources", got)
						}
					}
				})
			}
		})
	}
}

// exportGroup exports the members of a Group, and returns how much there was.
func exportGroup(tb testing.TB, door *records.Door, id fhir.ID) int64 {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	exports := bulkjob.NewExports(bulkjob.Exporter{Door: door, Sessions: records.OpenSessions{}, Files: bulkjob.Folder(tb.TempDir())}, time.Hour, nil)
	work, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() {
		if err := exports.Run(work); err != nil {
			tb.Error(err)
		}
	})
	defer working.Wait()
	defer stop()
	at, now, err := door.Mark(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	job, err := exports.Start(ctx, bulkjob.Request{At: at, Time: now, Level: bulkjob.Group, Group: id})
	if err != nil {
		tb.Fatal(err)
	}
	for {
		x, err := exports.Find(ctx, job)
		if err != nil {
			tb.Fatal(err)
		}
		switch x.Phase {
		case bulkjob.Done:
			return x.Resources
		case bulkjob.Failed:
			tb.Fatal(x.Error)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
