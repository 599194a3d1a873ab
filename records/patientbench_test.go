package records_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// fillPatients stores so many resources: patients in turn with forty-eight
// observations and one device, some of which are shared, and a few hundred
// practitioners. Patient/p comes in the middle.
func fillPatients(b *testing.B, s *records.Session, size int) {
	b.Helper()
	var contents []records.Content
	flush := func() {
		for _, l := range must(s.Load(b.Context(), contents, records.LoadOptions{}))(b) {
			if l.Err != nil {
				b.Fatal(l.Err)
			}
		}
		contents = contents[:0]
	}
	add := func(text []byte) {
		if contents = append(contents, records.Content{JSON: text}); len(contents) == 2000 {
			flush()
		}
	}
	for i := range 300 {
		add(fmt.Appendf(nil, `{"resourceType":"Practitioner","id":"dr%d","name":[{"family":"Doctor"}]}`, i))
	}
	add([]byte(`{"resourceType":"Device","id":"shared"}`))
	for n := range size / 50 {
		id := fmt.Sprintf("p%d", n)
		if n == size/100 {
			id = "p"
		}
		add(fmt.Appendf(nil, `{"resourceType":"Patient","id":%q,"name":[{"family":"Example"}],"generalPractitioner":[{"reference":"Practitioner/dr%d"}]}`, id, n%300))
		add(fmt.Appendf(nil, `{"resourceType":"Device","id":"d%s","patient":{"reference":"Patient/%[1]s"}}`, id))
		for i := range 48 {
			text := bytes.Replace(observationJSON, []byte(`Patient/p"`), fmt.Appendf(nil, `Patient/%s"`, id), 1)
			add(bytes.Replace(text, []byte(`"status"`), fmt.Appendf(nil, `"id":"o%s-%d","device":{"reference":"Device/shared"},"status"`, id, i), 1))
		}
	}
	flush()
}

// BenchmarkOnePatientOfMany asks with a patient's token for what is not confined to
// one type: what it costs depends on what the patient has.
func BenchmarkOnePatientOfMany(b *testing.B) {
	for _, size := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			onEachB(b, func(b *testing.B, all *records.Session) {
				fillPatients(b, all, size)
				for _, scopes := range []string{"patient/*.rs", "patient/Observation.rs patient/Patient.rs", "user/Practitioner.rs patient/*.rs"} {
					s := tokenSession(b, all.Door(), scopes)
					for _, query := range []string{"?", "?_sort=-_lastUpdated", "?_summary=count", "?_type=Patient,Observation", "?_lastUpdated=gt2020", "Observation?", "Device?"} {
						typ, criteria, _ := strings.Cut(query, "?")
						req := records.SearchRequest{Type: fhir.Type(typ), Pairs: pairs(b, criteria)}
						if typ == "Device" && !strings.Contains(scopes, "*") {
							continue
						}
						b.Run(scopes+"/"+strings.ReplaceAll(query, "=", ":"), func(b *testing.B) {
							for b.Loop() {
								must(s.Search(b.Context(), req))(b)
							}
						})
					}
					for _, typ := range []fhir.Type{"", "Observation"} {
						b.Run(scopes+"/"+string(typ)+"/_history", func(b *testing.B) {
							for b.Loop() {
								must(s.History(b.Context(), records.HistoryRequest{Type: typ}))(b)
							}
						})
					}
				}
				s, other := tokenSession(b, all.Door(), "patient/*.rs"), tokenSession(b, all.Door(), "patient/Patient.rs patient/Device.rs")
				b.Run("Device/shared", func(b *testing.B) {
					for b.Loop() {
						must(s.Read(b.Context(), key("Device/shared"), records.ReadOptions{}))(b)
					}
				})
				b.Run("Device/shared/hidden", func(b *testing.B) {
					for b.Loop() {
						if _, err := other.Read(b.Context(), key("Device/shared"), records.ReadOptions{}); err == nil {
							b.Fatal("it is not hidden")
						}
					}
				})
			})
		})
	}
}
