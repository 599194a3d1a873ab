package records_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
)

// BenchmarkUnderConsents reads and searches as nobody in particular, as a clinician
// without consents, with many that do not concern the clinician, and with some that
// hide other patients.
func BenchmarkUnderConsents(b *testing.B) {
	const patients, observations, many = 500, 20, 10_000
	for _, name := range databaseNames {
		d := newDatabase(b, name).door(b, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		load := func(format string, n int, args func(i int) []any) {
			b.Helper()
			contents := make([]records.Content, n)
			for i := range contents {
				contents[i] = body(format, args(i)...)
			}
			loaded, err := s.Load(b.Context(), contents, records.LoadOptions{})
			if err != nil || loaded[0].Err != nil {
				b.Fatal(err, loaded)
			}
		}
		load(`{"resourceType":"Practitioner","id":"%s"}`, 101, func(i int) []any { return []any{append(practitioners(), "dr")[i]} })
		load(`{"resourceType":"Patient","id":"p%d","name":[{"family":"F%d"}]}`, patients, func(i int) []any { return []any{i, i} })
		load(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"c%d"}]},"subject":{"reference":"Patient/p%d"}}`,
			patients*observations, func(i int) []any { return []any{i, i % 3, i / observations} })
		consent := `{"resourceType":"Consent","id":"%s%d","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"c"}],"policy":[{"uri":"https://p.example"}],
			"patient":{"reference":"Patient/p%d"},"dateTime":"2024-01-01","provision":{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"r"},"reference":{"reference":"Practitioner/%s"}}]}]}}`
		run := func(when string, as *records.Session) {
			b.Run(name+"/"+when+"/read", func(b *testing.B) {
				defer reportCPU(b)()
				for i := range b.N {
					if _, err := as.Read(b.Context(), key(fmt.Sprintf("Observation/o%d", 2000+i%1000)), records.ReadOptions{}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(name+"/"+when+"/search", func(b *testing.B) {
				defer reportCPU(b)()
				for i := range b.N {
					res, err := as.Search(b.Context(), records.SearchRequest{Type: "Observation", Pairs: pairs(b, fmt.Sprintf("patient=Patient/p%d", 100+i%50))})
					if err != nil || len(res.Entries) != observations {
						b.Fatal(err, res)
					}
				}
			})
		}
		run("nobody", s)
		run("clinician", clinician(b, d))
		load(consent, many, func(i int) []any { return []any{"c", i, i % patients, fmt.Sprintf("x%d", i%100)} })
		run("consents of others", clinician(b, d))
		load(consent, 50, func(i int) []any { return []any{"d", i, i, "dr"} })
		run("some hide", clinician(b, d))
	}
}

func practitioners() (ids []string) {
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("x%d", i))
	}
	return ids
}

// reportCPU reports the CPU time of this process, which others on the machine do not
// change, from here to the call of what it returns.
func reportCPU(b *testing.B) func() {
	used := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}
