package records_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/cputest"
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

// BenchmarkConsentsOfAPopulation is skipped unless INGLE_CONSENTS says of how many
// patients, each of whom has a Consent: some opt out, some deny a practitioner, a label
// or a time, some permit an organization alone.
func BenchmarkConsentsOfAPopulation(b *testing.B) {
	patients, err := strconv.Atoi(os.Getenv("INGLE_CONSENTS"))
	if err != nil {
		b.Skip("INGLE_CONSENTS=100000 asks for it")
	}
	for _, name := range databaseNames {
		b.Run(name, func(b *testing.B) { consentsOfAPopulation(b, newDatabase(b, name), patients) })
	}
}

func consentsOfAPopulation(b *testing.B, base database, patients int) {
	d := base.door(b, records.Policy{})
	s := d.Session(records.Principal{ID: "tester"}, nil)
	load := func(n int, format func(i int) string) {
		b.Helper()
		for from := 0; from < n; from += 5000 {
			contents := make([]records.Content, min(5000, n-from))
			for i := range contents {
				contents[i] = body("%s", format(from+i))
			}
			loaded, err := s.Load(b.Context(), contents, records.LoadOptions{})
			if err != nil || slices.ContainsFunc(loaded, func(l records.Loaded) bool { return l.Err != nil }) {
				b.Fatal(err, loaded[0])
			}
		}
	}
	load(1001, func(i int) string {
		id := "dr"
		if i > 0 {
			id = fmt.Sprint("x", i)
		}
		return fmt.Sprintf(`{"resourceType":"Practitioner","id":%q}`, id)
	})
	load(100, func(i int) string { return fmt.Sprintf(`{"resourceType":"Organization","id":"org%d","name":"O"}`, i) })
	load(patients, func(i int) string {
		return fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":"F%d"}]}`, i, i)
	})
	load(patients, func(i int) string {
		return fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"c%d"}]},"subject":{"reference":"Patient/p%d"},"effectiveDateTime":"2024-01-01"}`, i, i/5%100, i)
	})
	run := func(when string, as *records.Session, shown func(i int) bool) {
		b.Run(when+"/read", func(b *testing.B) {
			defer reportCPU(b)()
			for i := range b.N {
				_, err := as.Read(b.Context(), key(fmt.Sprintf("Observation/o%d", i%patients)), records.ReadOptions{})
				if (err == nil) != shown(i%patients) {
					b.Fatal(i, err)
				}
			}
		})
		for what, query := range map[string]string{"search one patient": "patient=Patient/p%d", "search a code": "code=c%d", "count a code": "code=c%d&_summary=count"} {
			b.Run(when+"/"+what, func(b *testing.B) {
				defer reportCPU(b)()
				for i := range b.N {
					if _, err := as.Search(b.Context(), records.SearchRequest{Type: "Observation", Pairs: pairs(b, fmt.Sprintf(query, i%100))}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	run("no consents", clinician(b, d), func(int) bool { return true })
	start := time.Now()
	load(patients, func(i int) string { return consentOfMany(i, manyProvisions(i)) })
	b.Logf("%d consents in %v", patients, time.Since(start))
	start = time.Now()
	d = base.door(b, records.Policy{})
	s = d.Session(records.Principal{ID: "tester"}, nil)
	b.Logf("opened in %v", time.Since(start))
	before := heap()
	start = time.Now()
	clinician(b, d)
	b.Logf("the first rules in %v, %d kB of heap", time.Since(start), (heap()-before)/1024)
	start = time.Now()
	as := clinician(b, d)
	b.Logf("the next ones in %v", time.Since(start))
	start = time.Now()
	if _, err := as.Search(b.Context(), records.SearchRequest{Type: "Observation", Pairs: pairs(b, "code=c0")}); err != nil {
		b.Fatal(err)
	}
	b.Logf("the first search in %v, %d kB of heap in all", time.Since(start), (heap()-before)/1024)
	run("consents", as, func(i int) bool { return i%5 != 0 && i%5 != 4 })
	b.Run("write a consent", func(b *testing.B) {
		defer reportCPU(b)()
		for i := range b.N {
			put(b, s, fmt.Sprintf("Consent/c%d", i%patients), "%s", consentOfMany(i%patients, manyProvisions(i%patients+1)))
		}
	})
	b.Run("write a new policy and make rules", func(b *testing.B) {
		defer reportCPU(b)()
		for i := range b.N {
			provision := fmt.Sprintf(`{"type":"permit","provision":[{"type":"deny","code":[{"coding":[{"system":"http://loinc.org","code":"w%d"}]}]}]}`, i)
			put(b, s, fmt.Sprintf("Consent/c%d", i%patients), "%s", consentOfMany(i%patients, provision))
			clinician(b, d)
		}
	})
}

// consentOfMany is the Consent of patient i of a population.
func consentOfMany(i int, provision string) string {
	return fmt.Sprintf(`{"resourceType":"Consent","id":"c%d","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"c"}],"policy":[{"uri":"https://p.example"}],"patient":{"reference":"Patient/p%d"},"dateTime":"2024-01-01","provision":%s}`, i, i, provision)
}

// manyProvisions are what those Consents say, as i modulo 5 has it: they deny all, a
// practitioner, a label, a time before that of the observations, all but to an
// organization.
func manyProvisions(i int) string {
	provision := `{"type":"deny"}`
	switch i % 5 {
	case 1:
		provision = fmt.Sprintf(`{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"r"},"reference":{"reference":"Practitioner/x%d"}}]}]}`, 1+i/5%1000)
	case 2:
		provision = fmt.Sprintf(`{"type":"permit","provision":[{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":%q}]}]}`, []string{"HIV", "PSY", "SEX", "SDV"}[i/5%4])
	case 3:
		provision = fmt.Sprintf(`{"type":"permit","provision":[{"type":"deny","dataPeriod":{"start":"%d-%02d-01","end":"%d-%02d-28"}}]}`, 2000+i/5%20, 1+i/100%12, 2001+i/5%20, 1+i/1200%12)
	case 4:
		provision = fmt.Sprintf(`{"type":"deny","provision":[{"type":"permit","actor":[{"role":{"text":"r"},"reference":{"reference":"Organization/org%d"}}]}]}`, i/5%100)
	}
	return provision
}

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
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
	before := cputest.Used(b)
	return func() { b.ReportMetric(float64(cputest.Used(b)-before)/float64(b.N), "cpu-ns/op") }
}
