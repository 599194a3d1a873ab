package records_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestPolicyMayKeepAVersionOfEveryUpdate(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{KeepUnchanged: true})
		patient(t, s, "p")
		if res := patient(t, s, "p"); res.Version != 2 || res.Unchanged {
			t.Fatalf("%+v", res.Resource)
		}
	})
}

func TestAConditionalDeleteOfTooManyDeletesNone(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MultipleDelete: true, MaxDelete: 2})
		for i := range 3 {
			patient(t, s, fmt.Sprint("p", i))
		}
		_, err := s.DeleteWhere(t.Context(), "Patient", pairs(t, "family=Example"), records.DeleteOptions{})
		refused(t, err, fault.PreconditionFailed, "2")
		if n := count(t, s, "Patient", ""); n != 3 {
			t.Fatalf("%d are left", n)
		}
	})
}

func TestPolicyMayLeaveValidationToTheParser(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		bad := `{"resourceType":"Observation","status":"no such status"}`
		_, err := db.session(t, records.Policy{}).Create(t.Context(), "Observation", body("%s", bad), records.CreateOptions{})
		refused(t, err, fault.Unprocessable, "Observation.status", "code")
		if _, err := db.session(t, records.Policy{Validation: records.ValidateStructure}).Create(t.Context(), "Observation", body("%s", bad), records.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPatchesComeInEveryFormat(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","gender":"male"}`)
		for i, p := range []records.PatchContent{
			{Format: records.JSONPatch, Body: []byte(`[{"op":"replace","path":"/gender","value":"female"}]`)},
			{Format: records.XMLPatch, Body: []byte(`<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:gender/@value">other</replace></diff>`)},
			{Format: records.FHIRPathPatch, Body: []byte(`{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.gender"},{"name":"value","valueCode":"unknown"}]}]}`)},
			{Format: records.FHIRPathPatchXML, Body: []byte(`<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="replace"/></part><part><name value="path"/><valueString value="Patient.gender"/></part><part><name value="value"/><valueCode value="male"/></part></parameter></Parameters>`)},
		} {
			res, err := s.Patch(t.Context(), key("Patient/p"), p, records.UpdateOptions{})
			if err != nil || res.Version != int64(i+2) || !contains(res.JSON, []string{"female", "other", "unknown", "male"}[i]) {
				t.Errorf("format %d: %s, %v", p.Format, res.JSON, err)
			}
		}
		_, err := s.Patch(t.Context(), key("Patient/p"), records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"replace","path":"/gender","value":"nonsense"}]`)}, records.UpdateOptions{})
		refused(t, err, fault.Unprocessable, "gender")
	})
}

func TestABundleHandsOperationsToTheService(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		var asked []string
		o := records.BundleOptions{Operation: func(_ context.Context, r records.EntryRequest) (records.EntryResult, error) {
			asked = append(asked, r.Method+" "+r.URL)
			return records.EntryResult{Status: 200, Body: []byte(`{"resourceType":"Parameters"}`)}, nil
		}}
		res := must(s.Bundle(t.Context(), bundle("transaction",
			entry("GET", "Patient/p/$meta", "", "", ""),
			entry("PUT", "Patient/p", "", `{"resourceType":"Patient","id":"p"}`, "")), o))(t)
		if len(asked) != 1 || asked[0] != "GET Patient/p/$meta" || res.Entries[0].Body == nil {
			t.Fatalf("%v %+v", asked, res.Entries[0])
		}
		_, err := s.Bundle(t.Context(), bundle("transaction", entry("POST", "Patient/$validate", "", `{"resourceType":"Patient"}`, "")), o)
		refused(t, err, fault.Invalid, "Bundle.entry[0].request.url")
	})
}

func TestBulkWritesSeeWhatBulkWritesWroteBefore(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		s := door.Session(records.Principal{}, nil)
		for range 3 {
			res := must(s.Bundle(t.Context(), bundle("transaction",
				entry("POST", "Organization", uuid1, `{"resourceType":"Organization","identifier":[{"value":"1"}],"name":"O"}`, `,"ifNoneExist":"identifier=1"`),
				entry("PUT", "Patient/p", "", `{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"Organization?identifier=1"}}`, "")),
				records.BundleOptions{Request: records.Request{Bulk: true}}))(t)
			if res.Entries[1].Version != 1 {
				t.Fatalf("%+v", res.Entries[1])
			}
			loaded := must(s.Load(t.Context(), []records.Content{body(`{"resourceType":"Patient","id":"q","managingOrganization":{"reference":"Organization?identifier=1"}}`)}, records.LoadOptions{}))(t)
			if loaded[0].Err != nil || loaded[0].Version != 1 {
				t.Fatalf("%+v", loaded[0])
			}
		}
		if err := door.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, "Organization", ""); n != 1 {
			t.Fatalf("%d organizations", n)
		}
	})
}

func TestProvenanceOfATransactionNamesEveryVersionItMade(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "old")
		patient(t, s, "author")
		provenance := body(`{"resourceType":"Provenance","recorded":"2026-01-02T03:04:05Z","agent":[{"who":{"reference":"Patient/author"}}]}`)
		must(s.Bundle(t.Context(), bundle("transaction",
			entry("DELETE", "Patient/old", "", "", ""),
			entry("PUT", "Patient/new", "", `{"resourceType":"Patient","id":"new"}`, "")),
			records.BundleOptions{Request: records.Request{Provenance: &provenance}}))(t)
		page := must(s.Search(t.Context(), records.SearchRequest{Type: "Provenance"}))(t)
		if len(page.Entries) != 1 || !contains(page.Entries[0].JSON, `"target":[{"reference":"Patient/old/_history/2"},{"reference":"Patient/new/_history/1"}]`) {
			t.Fatalf("%+v", page.Entries)
		}
	})
}

func TestSearchesInABundleAndConditionsHaveATimeLimit(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{SearchTime: time.Nanosecond})
		search := entry("GET", "Patient?name=x", "", "", "")
		res := must(s.Bundle(t.Context(), bundle("batch", entry("PUT", "Patient/p", "", `{"resourceType":"Patient","id":"p"}`, ""), search), records.BundleOptions{}))(t)
		if res.Entries[0].Err != nil || !errors.Is(res.Entries[1].Err, context.DeadlineExceeded) {
			t.Errorf("a batch: %v, %v", res.Entries[0].Err, res.Entries[1].Err)
		}
		_, err := s.Bundle(t.Context(), bundle("transaction", entry("PUT", "Patient/q", "", `{"resourceType":"Patient","id":"q"}`, ""), search), records.BundleOptions{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a transaction: %v", err)
		}
		_, err = s.Read(t.Context(), key("Patient/q"), records.ReadOptions{})
		refused(t, err, fault.NotFound)
		_, err = s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient"}`), records.CreateOptions{IfNoneExist: pairs(t, "name=x")})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a conditional create: %v", err)
		}
	})
}
