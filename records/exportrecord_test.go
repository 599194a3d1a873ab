package records_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// exported are the files of an export, by their names.
func exported(t testing.TB, s *records.Session, r records.RecordExportRequest) (map[string]string, *records.RecordExport) {
	t.Helper()
	files := map[string]*bytes.Buffer{}
	r.Create = func(name string) (io.Writer, error) {
		if files[name] != nil {
			return nil, fmt.Errorf("%s twice", name)
		}
		files[name] = &bytes.Buffer{}
		return files[name], nil
	}
	export := must(s.ExportRecord(t.Context(), r))(t)
	texts := map[string]string{}
	for name, b := range files {
		texts[name] = b.String()
	}
	return texts, export
}

// keysIn are the resources of NDJSON, sorted.
func keysIn(text string) string {
	var all []string
	for line := range strings.Lines(text) {
		_, typ, _ := strings.Cut(line, `"resourceType":"`)
		typ, _, _ = strings.Cut(typ, `"`)
		_, id, _ := strings.Cut(line, `"id":"`)
		id, _, _ = strings.Cut(id, `"`)
		all = append(all, typ+"/"+id)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestARecordIsExportedWhole(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{MaxCount: 3})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		shared(t, s)
		put(t, s, "Observation/gone0", `{"resourceType":"Observation","id":"gone0","status":"amended","code":{"text":"amended"},"subject":{"reference":"Patient/gone"}}`)
		put(t, s, "Binary/context", `{"resourceType":"Binary","id":"context","contentType":"text/plain","securityContext":{"reference":"Patient/gone"},"data":"aGVsbG8="}`)
		for id, subject := range map[string]string{"others": "stays", "later": "gone", "back": "gone"} {
			put(t, s, "Observation/"+id, `{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/%s"},"performer":[{"reference":"Patient/gone"}]}`, id, subject)
			must(s.Delete(t.Context(), key("Observation/"+id), records.DeleteOptions{}))(t)
		}
		put(t, s, "Observation/back", `{"resourceType":"Observation","id":"back","status":"final","code":{"text":"back"},"subject":{"reference":"Patient/gone"}}`)
		files, export := exported(t, s, records.RecordExportRequest{Patient: "gone", History: true})
		if got, want := keysIn(files["record.ndjson"]), "Appointment/both Consent/gone DocumentReference/gone Encounter/gone Group/g Observation/back Observation/gone0 Observation/gone1 Observation/gone2 Patient/gone Provenance/both Provenance/gone"; got != want {
			t.Errorf("%s", got)
		}
		if got := keysIn(files["Binary.ndjson"]); got != "Binary/context Binary/scan-gone" || files["Binary/scan-gone"] != "scan of gone" || files["Binary/context"] != "hello" {
			t.Error(got, files["Binary/scan-gone"], files["Binary/context"])
		}
		if got := files["history.ndjson"]; keysIn(got) != "Observation/back Observation/deleted Observation/gone0 Observation/later" || !strings.Contains(got, "note of gone") {
			t.Error(got)
		}
		if !strings.Contains(files["manifest.json"], `"name": "record.ndjson"`) || export.Resources() < 13 {
			t.Error(files["manifest.json"])
		}
		_, err := s.ExportRecord(t.Context(), records.RecordExportRequest{Patient: "nobody"})
		refused(t, err, fault.NotFound)
	})
}

func TestAnExportHoldsWhatItsAskerMaySee(t *testing.T) {
	d := newDatabase(t, "sqlite").door(t, records.Policy{})
	shared(t, d.Session(records.Principal{}, nil))
	as := func(scopes, patient string) *records.Session {
		rules := must(d.Rules(t.Context(), access.Grant{Scopes: must(smart.ParseScopes(scopes))(t), Patient: patient, Asker: access.Asker{Exempt: true}}))(t)
		return d.Session(records.Principal{ID: "app"}, rules)
	}
	for scopes, want := range map[string]string{
		"patient/Patient.rs patient/Observation.rs":                "record.ndjson: Observation/gone0 Observation/gone1 Observation/gone2 Patient/gone",
		"patient/Patient.rs patient/Observation.s":                 "record.ndjson: Observation/gone0 Observation/gone1 Observation/gone2 Patient/gone",
		"patient/Patient.rs":                                       "record.ndjson: Patient/gone",
		"patient/Patient.rs patient/Provenance.rs":                 "record.ndjson: Patient/gone",
		"patient/Patient.rs patient/Binary.rs":                     "Binary.ndjson: , record.ndjson: Patient/gone",
		"patient/Patient.rs patient/Observation.rs?status=amended": "record.ndjson: Patient/gone",
	} {
		files, _ := exported(t, as(scopes, "gone"), records.RecordExportRequest{Patient: "gone"})
		delete(files, "manifest.json")
		var got []string
		for _, name := range slices.Sorted(maps.Keys(files)) {
			got = append(got, name+": "+keysIn(files[name]))
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s: %s", scopes, text)
		}
	}
	for scopes, want := range map[string]string{
		"patient/Patient.rs patient/Observation.rs":              "Observation/deleted",
		"patient/Patient.rs patient/Observation.rs?status=final": "Observation/deleted",
		"patient/Patient.rs patient/Observation.rs?status=other": "",
		"patient/Patient.rs patient/Encounter.rs":                "",
	} {
		files, _ := exported(t, as(scopes, "gone"), records.RecordExportRequest{Patient: "gone", History: true})
		if got := keysIn(files["history.ndjson"]); got != want {
			t.Errorf("%s: %q of what was deleted", scopes, got)
		}
	}
	_, err := as("patient/*.rs", "stays").ExportRecord(t.Context(), records.RecordExportRequest{Patient: "gone"})
	refused(t, err, fault.NotFound)
	files, _ := exported(t, as("patient/*.rs", "gone"), records.RecordExportRequest{Patient: "gone"})
	for name, text := range files {
		if strings.Contains(text, "Delgado-stays") || strings.Contains(text, "scan of stays") || strings.Contains(text, "note of stays") {
			t.Errorf("%s has another patient's: %s", name, text)
		}
	}
}
