package records_test

import (
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func docRef(t testing.TB, s *records.Session, query string) string {
	t.Helper()
	page, err := s.DocRef(t.Context(), records.DocRefRequest{Pairs: pairs(t, query)})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return names(page)
}

// documents stores references to documents of Patient/p.
func documents(t testing.TB, s *records.Session) {
	t.Helper()
	patient(t, s, "p")
	patient(t, s, "q")
	const form = `{"resourceType":"DocumentReference","id":%q,"status":%q,"type":{"coding":[{"system":"http://loinc.org","code":%q}]},"subject":{"reference":"Patient/%s"},"date":%q,
		"content":[{"attachment":{"contentType":"text/plain"},"format":{"system":"urn:f","code":%q}}]%s}`
	for _, d := range []struct{ id, status, code, patient, date, format, rest string }{
		{"ccd-old", "current", "34133-9", "p", "2020-01-01T00:00:00Z", "urn:ccda", ""},
		{"ccd-new", "current", "34133-9", "p", "2022-01-01T00:00:00Z", "urn:ccda", `,"context":{"period":{"start":"2015-01-01","end":"2015-06-30"}}`},
		{"ccd-gone", "superseded", "34133-9", "p", "2023-01-01T00:00:00Z", "urn:ccda", ""},
		{"note", "current", "11506-3", "p", "2021-01-01T00:00:00Z", "http://example.org/note", ""},
		{"others", "current", "34133-9", "q", "2022-01-01T00:00:00Z", "urn:ccda", ""},
	} {
		put(t, s, "DocumentReference/"+d.id, form, d.id, d.status, d.code, d.patient, d.date, d.format, d.rest)
	}
}

func TestDocRefFindsTheDocumentsOfAPatient(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		documents(t, s)
		for query, want := range map[string]string{
			"patient=p":                                                  "ccd-new note",
			"patient=Patient/p":                                          "ccd-new note",
			"patient=" + base + "/Patient/p":                             "ccd-new note",
			"patient=p&type=http://loinc.org|34133-9":                    "ccd-new",
			"patient=p&type=http://loinc.org|0":                          "",
			"patient=p&type=34133-9&type=11506-3":                        "ccd-new note",
			"patient=p&start=2000":                                       "ccd-gone ccd-new note ccd-old",
			"patient=p&start=2015-06-01&end=2015-12-31":                  "ccd-new",
			"patient=p&end=2020-12-31":                                   "ccd-new ccd-old",
			"patient=p&start=2021&type=11506-3":                          "note",
			"patient=p&on-demand=false":                                  "ccd-new note",
			"patient=p&on-demand=true":                                   "",
			"patient=p&profile=http://example.org/note":                  "note",
			"patient=p&profile=urn:ccda&profile=http://example.org/note": "ccd-new note",
			"patient=p&profile=http://none.example":                      "",
			"patient=nobody":                                             "",
		} {
			if got := docRef(t, s, query); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
		hide(t, s, "DocumentReference/ccd-new")
		if got := docRef(t, hiding(s), "patient=p") + ", " + docRef(t, hiding(s), "patient=p&start=2000"); got != "note ccd-old, ccd-gone note ccd-old" {
			t.Errorf("of what is not hidden: %s", got)
		}
	})
}

func TestDocRefComesInPages(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		documents(t, s)
		r := records.DocRefRequest{Pairs: pairs(t, "patient=p&start=2000&_count=3")}
		first := must(s.DocRef(t.Context(), r))(t)
		r.After = first.Next
		second := must(s.DocRef(t.Context(), r))(t)
		if names(first) != "ccd-gone ccd-new note" || names(second) != "ccd-old" || second.Next != "" {
			t.Errorf("%s, %s, %q", names(first), names(second), second.Next)
		}
		for _, query := range []string{"patient=q&start=2000&_count=3", "patient=p"} {
			_, err := s.DocRef(t.Context(), records.DocRefRequest{Pairs: pairs(t, query), After: first.Next})
			refused(t, err, fault.Invalid, "page link")
		}
	})
}

func TestDocRefRefusesWrongParameters(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for query, part := range map[string]string{
			"": "patient", "start=2020": "patient", "patient=a/b/c": "patient", "patient=p&patient=q": "twice", "patient=p&start=soon": "start",
			"patient=p&start=2022&end=2020": "start lies after end", "patient=p&on-demand=yes": "on-demand", "patient=p&type=": "type", "patient=p&tpye=x": "type",
			"patient=p&_count=0": "_count", "patient=p&type=a|b|c": "type",
		} {
			_, err := s.DocRef(t.Context(), records.DocRefRequest{Pairs: pairs(t, query)})
			refused(t, err, fault.Invalid, part)
		}
	})
}

func TestOperationsOnRecordsWorkInEveryRelease(t *testing.T) {
	for _, defs := range []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B), testpackage.R5(t)} {
		s := must(records.Open(t.Context(), records.Config{Store: newDatabase(t, "sqlite").open(t), Definitions: defs, Base: base}))(t).Session(records.Principal{}, nil)
		patient(t, s, "p")
		put(t, s, "Practitioner/doc", `{"resourceType":"Practitioner","id":"doc"}`)
		measured(t, s, "old", "2020-01-01", "a", "")
		measured(t, s, "new", "2021-01-01", "a", "")
		period := `,"context":{"period":{"start":"2015"}}`
		if defs.Release == definitions.R5 {
			period = `,"period":{"start":"2015"}`
		}
		put(t, s, "DocumentReference/d", `{"resourceType":"DocumentReference","id":"d","status":"current","subject":{"reference":"Patient/p"},"author":[{"reference":"Practitioner/doc"}],
			"content":[{"attachment":{"url":"http://x"}}]%s}`, period)
		put(t, s, "Composition/c", `{"resourceType":"Composition","id":"c","status":"final","type":{"text":"x"},"date":"2020","title":"T","author":[{"reference":"Practitioner/doc"}],
			"section":[{"title":"S","entry":[{"reference":"Observation/new"}]}]%s}`, map[bool]string{true: `,"subject":[{"reference":"Patient/p"}]`, false: `,"subject":{"reference":"Patient/p"}`}[defs.Release == definitions.R5])
		for _, got := range []struct{ name, got, want string }{
			{"$everything", sorted(everything(t, s, "Patient/p", "start=2021")), "+Practitioner/doc DocumentReference/d Observation/new Patient/p"},
			{"$lastn", lastN(t, s, "patient=p&category=vital-signs"), "new"},
			{"$docref", docRef(t, s, "patient=p&start=2014&end=2016"), "d"},
			{"$document", document(t, s, "c"), "Composition/c Practitioner/doc Observation/new Patient/p"},
			{"$diff", difference(t, s, records.DiffRequest{From: "Observation/old", To: "Observation/new"}), "replace Observation.effective"},
		} {
			if got.got != got.want {
				t.Errorf("%s: %s: got %s, want %s", defs.Release, got.name, got.got, got.want)
			}
		}
	}
}
