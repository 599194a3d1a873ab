package records_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

var observationJSON = []byte(`{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
"code":{"coding":[{"system":"http://loinc.org","code":"29463-7","display":"Body weight"}],"text":"Body weight"},"subject":{"reference":"Patient/p"},
"effectiveDateTime":"2021-02-03T04:05:06Z","issued":"2021-02-03T04:05:06.000Z","valueQuantity":{"value":70.25,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`)

func onEachB(b *testing.B, bench func(b *testing.B, s *records.Session)) {
	for _, name := range databaseNames {
		b.Run(name, func(b *testing.B) {
			s := newDatabase(b, name).session(b, records.Policy{})
			patient(b, s, "p")
			b.ReportAllocs()
			b.ResetTimer()
			bench(b, s)
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	onEachB(b, func(b *testing.B, s *records.Session) {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := s.Create(b.Context(), "Observation", records.Content{JSON: bytes.Clone(observationJSON)}, records.CreateOptions{}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkRead(b *testing.B) {
	onEachB(b, func(b *testing.B, s *records.Session) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := s.Read(b.Context(), key("Patient/p"), records.ReadOptions{}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkTransactionOfFour(b *testing.B) {
	onEachB(b, func(b *testing.B, s *records.Session) {
		var n atomic.Int64
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				n.Add(1)
				_, err := s.Bundle(b.Context(), bundle("transaction",
					entry("POST", "Patient", uuid1, `{"resourceType":"Patient","name":[{"family":"F"}]}`, ""),
					entry("POST", "Encounter", uuid2, `{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},"subject":{"reference":"`+uuid1+`"}}`, ""),
					entry("POST", "Condition", "", `{"resourceType":"Condition","subject":{"reference":"`+uuid1+`"},"encounter":{"reference":"`+uuid2+`"}}`, ""),
					entry("POST", "Observation", "", `{"resourceType":"Observation","status":"final","code":{"text":"w"},"subject":{"reference":"`+uuid1+`"},"encounter":{"reference":"`+uuid2+`"}}`, ""),
				), records.BundleOptions{})
				if err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(4*n.Load())/b.Elapsed().Seconds(), "resources/s")
	})
}

func BenchmarkPatientBundle(b *testing.B) {
	line := lines(b, 1, "synthea", "base-2019", "base-2019-00.bundles.ndjson.gz")[0]
	onEachB(b, func(b *testing.B, s *records.Session) {
		entries := 0
		for b.Loop() {
			entries += len(process(b, s, bytes.Clone(line)).Entries)
		}
		b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "resources/s")
	})
}

func BenchmarkTransactionOf25000(b *testing.B) {
	onEachB(b, func(b *testing.B, s *records.Session) {
		big := bigTransaction(b, s)
		b.ResetTimer()
		entries := 0
		for b.Loop() {
			entries += len(process(b, s, bytes.Clone(big)).Entries)
		}
		b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "resources/s")
	})
}

func BenchmarkLoad(b *testing.B) {
	onEachB(b, func(b *testing.B, s *records.Session) {
		const batch = 2000
		n := 0
		for b.Loop() {
			contents := make([]records.Content, batch)
			for i := range contents {
				contents[i].JSON = bytes.Replace(observationJSON, []byte(`"status"`), fmt.Appendf(nil, `"id":"o%d","status"`, n), 1)
				n++
			}
			for i, l := range must(s.Load(b.Context(), contents, records.LoadOptions{}))(b) {
				if l.Err != nil {
					b.Fatalf("%d: %v", i, l.Err)
				}
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "resources/s")
	})
}

func BenchmarkSearchByAValueSet(b *testing.B) {
	onEachB(b, func(b *testing.B, s *records.Session) {
		concepts := make([]string, 20_000)
		for i := range concepts {
			concepts[i] = fmt.Sprintf(`{"code":"c%d"}`, i)
		}
		put(b, s, "ValueSet/v", `{"resourceType":"ValueSet","id":"v","url":"urn:v","status":"active","compose":{"include":[{"system":"http://loinc.org","concept":[{"code":"29463-7"},%s]}]}}`, strings.Join(concepts, ","))
		put(b, s, "Observation/o", "%s", strings.Replace(string(observationJSON), "{", `{"id":"o",`, 1))
		b.ResetTimer()
		for b.Loop() {
			if n := count(b, s, "Observation", "code:in=urn:v"); n != 1 {
				b.Fatal(n)
			}
		}
	})
}

// BenchmarkAccess compares what a token of a patient costs with a session that
// may do everything.
func BenchmarkAccess(b *testing.B) {
	onEachB(b, func(b *testing.B, all *records.Session) {
		for p := range 200 {
			patient(b, all, fmt.Sprintf("p%d", p))
			contents := make([]records.Content, 50)
			for i := range contents {
				contents[i].JSON = bytes.Replace(bytes.Replace(observationJSON, []byte(`Patient/p"`), fmt.Appendf(nil, `Patient/p%d"`, p), 1),
					[]byte(`"status"`), fmt.Appendf(nil, `"id":"o%d-%d","status"`, p, i), 1)
			}
			must(all.Load(b.Context(), contents, records.LoadOptions{}))(b)
		}
		contents := make([]records.Content, 50)
		for i := range contents {
			contents[i].JSON = bytes.Replace(observationJSON, []byte(`"status"`), fmt.Appendf(nil, `"id":"o%d","status"`, i), 1)
		}
		must(all.Load(b.Context(), contents, records.LoadOptions{}))(b)
		category := "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
		token := tokenSession(b, all.Door(), "patient/*.rs")
		for _, query := range []string{"Observation?patient=p", "Observation?patient=p&code=29463-7", "Observation?patient=p&_include=Observation:subject", "Observation?code=29463-7", "Patient?_id=p", "?_type=Patient,Observation", "?"} {
			typ, criteria, _ := strings.Cut(query, "?")
			req := records.SearchRequest{Type: fhir.Type(typ), Pairs: pairs(b, criteria)}
			for _, who := range []struct {
				name string
				s    *records.Session
			}{
				{"everything", all}, {"patient", token},
				{"granular", tokenSession(b, all.Door(), "patient/Observation.rs?category="+category+" patient/Patient.rs")},
			} {
				b.Run(strings.ReplaceAll(query, "=", ":")+"/"+who.name, func(b *testing.B) {
					for b.Loop() {
						must(who.s.Search(b.Context(), req))(b)
					}
				})
			}
		}
		for _, s := range []*records.Session{all, token} {
			b.Run(fmt.Sprint("read/", s == all), func(b *testing.B) {
				for b.Loop() {
					must(s.Read(b.Context(), key("Observation/o7"), records.ReadOptions{}))(b)
				}
			})
		}
		for _, s := range []*records.Session{all, token} {
			b.Run(fmt.Sprint("record/", s == all), func(b *testing.B) {
				for b.Loop() {
					must(s.Everything(b.Context(), records.EverythingRequest{Type: "Patient", ID: "p"}))(b)
				}
			})
		}
		b.Run("rules", func(b *testing.B) {
			for b.Loop() {
				must(tokenSession(b, all.Door(), "patient/*.rs").Search(b.Context(), records.SearchRequest{Type: "Observation", Pairs: pairs(b, "patient=p")}))(b)
			}
		})
	})
}
