package records_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// bundle joins entries into a Bundle.
func bundle(kind string, entries ...string) records.Content {
	return body(`{"resourceType":"Bundle","type":%q,"entry":[%s]}`, kind, strings.Join(entries, ","))
}

// entry is a Bundle.entry; resource and fullURL may be empty. more is further
// content of the request, beginning with a comma.
func entry(method, url, fullURL, resource, more string) string {
	var b strings.Builder
	b.WriteByte('{')
	if fullURL != "" {
		fmt.Fprintf(&b, `"fullUrl":%q,`, fullURL)
	}
	if resource != "" {
		fmt.Fprintf(&b, `"resource":%s,`, resource)
	}
	fmt.Fprintf(&b, `"request":{"method":%q,"url":%q%s}}`, method, url, more)
	return b.String()
}

func transact(t testing.TB, s *records.Session, entries ...string) *records.BundleResult {
	t.Helper()
	return must(s.Bundle(t.Context(), bundle("transaction", entries...), records.BundleOptions{}))(t)
}

const uuid1, uuid2 = "urn:uuid:11111111-1111-4111-8111-111111111111", "urn:uuid:22222222-2222-4222-8222-222222222222"

func TestATransactionResolvesReferencesBetweenItsEntriesEvenInCircles(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		res := transact(t, s,
			entry("POST", "Patient", uuid1, `{"resourceType":"Patient","link":[{"other":{"reference":"`+uuid2+`"},"type":"seealso"}],
				"extension":[{"url":"http://example.org/e","valueUri":"`+uuid2+`"},{"url":"http://example.org/c","valueCanonical":"`+uuid2+`"}],
				"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"`+uuid2+`\">other</a></div>"}}`, ""),
			entry("POST", "Patient", uuid2, `{"resourceType":"Patient","link":[{"other":{"reference":"`+uuid1+`"},"type":"seealso"},{"other":{"reference":"#r"},"type":"seealso"}],
				"contained":[{"resourceType":"RelatedPerson","id":"r","patient":{"reference":"`+uuid1+`"}}]}`, ""))
		one, two := res.Entries[0], res.Entries[1]
		if one.Status != http.StatusCreated || one.Location != one.Key.String()+"/_history/1" || one.Version != 1 {
			t.Fatalf("%+v", one)
		}
		for _, want := range []string{`"other":{"reference":"` + two.Key.String(), `"valueUri":"` + two.Key.String(), `"valueCanonical":"` + uuid2, `<a href=\"` + two.Key.String()} {
			if !bytes.Contains(one.Resource.JSON, []byte(want)) {
				t.Errorf("no %s in %s", want, one.Resource.JSON)
			}
		}
		if n := bytes.Count(two.Resource.JSON, []byte(`{"reference":"`+one.Key.String()+`"}`)); n != 2 {
			t.Errorf("%d references in %s", n, two.Resource.JSON)
		}
		if got := must(s.Read(t.Context(), one.Key, records.ReadOptions{}))(t); !bytes.Equal(got.JSON, one.Resource.JSON) {
			t.Errorf("the answer is not what is stored: %s", got.JSON)
		}
	})
}

func TestATransactionWithOneBadEntryLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "kept")
		good := entry("POST", "Patient", "", `{"resourceType":"Patient"}`, "")
		for name, tc := range map[string]struct {
			entry string
			kind  fault.Kind
			path  string
		}{
			"a dangling reference":     {entry("POST", "Observation", "", `{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/none"}}`, ""), fault.Unprocessable, "Bundle.entry[1].resource.subject.reference"},
			"an unresolved urn":        {entry("POST", "Observation", "", `{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"`+uuid2+`"}}`, ""), fault.Unprocessable, "Bundle.entry[1].resource.subject.reference"},
			"a condition with none":    {entry("POST", "Observation", "", `{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"Patient?identifier=x"}}`, ""), fault.PreconditionFailed, "Bundle.entry[1].resource.subject.reference"},
			"an unknown type":          {entry("POST", "Patent", "", `{"resourceType":"Patient"}`, ""), fault.Invalid, "Bundle.entry[1].request.url"},
			"another type in the url":  {entry("POST", "Observation", "", `{"resourceType":"Patient"}`, ""), fault.Invalid, "Bundle.entry[1].resource"},
			"an unknown element":       {entry("POST", "Patient", "", `{"resourceType":"Patient","x":1}`, ""), fault.Invalid, "Bundle.entry[1].resource"},
			"another version":          {entry("PUT", "Patient/kept", "", `{"resourceType":"Patient","id":"kept","active":true}`, `,"ifMatch":"W/\"7\""`), fault.PreconditionFailed, "Bundle.entry[1]"},
			"another id":               {entry("PUT", "Patient/kept", "", `{"resourceType":"Patient","id":"other"}`, ""), fault.Invalid, "Bundle.entry[1].resource.id"},
			"no resource":              {entry("PUT", "Patient/kept", "", "", ""), fault.Invalid, "Bundle.entry[1].resource"},
			"a read of nothing":        {entry("GET", "Patient/none", "", "", ""), fault.NotFound, "Bundle.entry[1]"},
			"an unknown parameter":     {entry("GET", "Patient?nme=x", "", "", ""), fault.Invalid, "Bundle.entry[1]"},
			"a foreign url":            {entry("GET", "https://other.example/Patient/1", "", "", ""), fault.Invalid, "Bundle.entry[1].request.url"},
			"a patch of nothing":       {entry("PATCH", "Patient/none", "", `{"resourceType":"Parameters"}`, ""), fault.NotFound, "Bundle.entry[1]"},
			"unclear criteria":         {entry("DELETE", "Patient?nme=x", "", "", ""), fault.Invalid, "Bundle.entry[1]"},
			"a POST with a version in": {entry("POST", "Patient", "http://x.example/Patient/1/_history/1", `{"resourceType":"Patient"}`, ""), fault.Invalid, "Bundle.entry[1].fullUrl"},
			"a urn:uuid without one":   {entry("POST", "Patient", "urn:uuid:a", `{"resourceType":"Patient"}`, ""), fault.Invalid, "Bundle.entry[1].fullUrl"},
			"a UUID without dashes":    {entry("POST", "Patient", "urn:uuid:0198c0deaaaa4000800000000000000a", `{"resourceType":"Patient"}`, ""), fault.Invalid, "Bundle.entry[1].fullUrl"},
		} {
			_, err := s.Bundle(t.Context(), bundle("transaction", good, tc.entry), records.BundleOptions{})
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Kind != tc.kind || !strings.HasPrefix(e.Issues[0].Path, tc.path) {
				t.Errorf("%s: %v, want kind %d at %s", name, err, tc.kind, tc.path)
			}
		}
		if n := count(t, s, "Patient", ""); n != 1 {
			t.Fatalf("%d patients are there, want only the one before", n)
		}
		if v := must(s.Read(t.Context(), key("Patient/kept"), records.ReadOptions{}))(t).Version; v != 1 {
			t.Fatalf("the kept patient is in version %d", v)
		}
	})
}

func TestAUuidOfAFullUrlMayHaveCapitals(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		transact(t, s, entry("POST", "Patient", "urn:uuid:0198C0DE-AAAA-4000-8000-00000000000A", `{"resourceType":"Patient"}`, ""))
		res := must(s.Bundle(t.Context(), bundle("batch",
			entry("POST", "Patient", "urn:uuid:a", `{"resourceType":"Patient"}`, ""),
			entry("POST", "Patient", "", `{"resourceType":"Patient"}`, "")), records.BundleOptions{}))(t)
		if err := res.Entries[0].Err; err == nil || !strings.Contains(err.Error(), "urn:uuid:a is no urn:uuid") || res.Entries[1].Err != nil {
			t.Errorf("in a batch: %v, %v", err, res.Entries[1].Err)
		}
	})
}

func TestATransactionIsProcessedInFhirsOrderAndAnsweredInItsOwn(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		patient(t, s, "q")
		put(t, s, "Patient/old", `{"resourceType":"Patient","id":"old","identifier":[{"value":"1"}]}`)
		res := transact(t, s,
			entry("GET", "Patient?identifier=1", "", "", ""),
			entry("GET", "Patient/p", "", "", `,"ifNoneMatch":"W/\"2\""`),
			entry("PUT", "Patient/p", "", `{"resourceType":"Patient","id":"p","active":true}`, `,"ifMatch":"W/\"1\""`),
			entry("POST", "Patient", "", `{"resourceType":"Patient","identifier":[{"value":"1"}]}`, `,"ifNoneExist":"identifier=2"`),
			entry("DELETE", "Patient/old", "", "", ""),
			entry("DELETE", "Patient/never", "", "", ""),
			entry("HEAD", "Patient/p", "", "", ""),
			entry("GET", "Patient/p/_history", "", "", ""),
			entry("PATCH", "Patient/q", "", `{"resourceType":"Binary","contentType":"application/json-patch+json",
				"data":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2FjdGl2ZSIsInZhbHVlIjp0cnVlfV0="}`, ""),
		)
		for i, status := range []int{200, 304, 200, 201, 204, 204, 200, 200, 200} {
			if res.Entries[i].Status != status || res.Entries[i].Method == "" {
				t.Errorf("entry %d: %d, want %d", i, res.Entries[i].Status, status)
			}
		}
		if e := res.Entries[0].Search.Entries; len(e) != 1 || e[0].Key != res.Entries[3].Key {
			t.Errorf("the search saw %v", e)
		}
		if res.Entries[6].Resource != nil || res.Entries[6].Version != 2 {
			t.Errorf("the HEAD: %+v", res.Entries[6])
		}
		if h := res.Entries[7].History; len(h.Entries) != 2 {
			t.Errorf("the history: %+v", h)
		}
		if !bytes.Contains(res.Entries[8].Resource.JSON, []byte(`"active":true`)) {
			t.Errorf("patched: %s", res.Entries[8].Resource.JSON)
		}
	})
}

func TestConditionalReferencesFindTheStoreAndTheTransactionItself(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Practitioner/stored", `{"resourceType":"Practitioner","id":"stored","identifier":[{"system":"urn:s","value":"1"}]}`)
		res := transact(t, s,
			entry("POST", "Encounter", "", `{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},
				"subject":{"reference":"Patient?identifier=urn:s|new"},
				"participant":[{"individual":{"reference":"Practitioner?identifier=urn:s|1"}}]}`, ""),
			entry("POST", "Patient", "", `{"resourceType":"Patient","identifier":[{"system":"urn:s","value":"new"}]}`, ""))
		for _, want := range []string{`"Practitioner/stored"`, `"` + res.Entries[1].Key.String() + `"`} {
			if !bytes.Contains(res.Entries[0].Resource.JSON, []byte(want)) {
				t.Errorf("no %s in %s", want, res.Entries[0].Resource.JSON)
			}
		}
		put(t, s, "Practitioner/twin", `{"resourceType":"Practitioner","id":"twin","identifier":[{"system":"urn:s","value":"1"}]}`)
		_, err := s.Bundle(t.Context(), bundle("transaction", entry("POST", "Encounter", "", `{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},
			"participant":[{"individual":{"reference":"Practitioner?identifier=urn:s|1"}}]}`, "")), records.BundleOptions{})
		refused(t, err, fault.PreconditionFailed, "Bundle.entry[0].resource.participant[0].individual.reference", "several")
	})
}

func TestFullUrlsOfAnotherServerAreResolved(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		other := "http://other.example/fhir/"
		res := transact(t, s,
			entry("POST", "Patient", other+"Patient/7", `{"resourceType":"Patient","id":"7"}`, ""),
			entry("POST", "Observation", other+"Observation/8", `{"resourceType":"Observation","status":"final","code":{"text":"c"},
				"subject":{"reference":"Patient/7"},"focus":[{"reference":"`+other+`Patient/7"},{"reference":"`+other+`Patient/elsewhere"}]}`, ""),
			entry("PUT", "Group/g", base+"/Group/g", `{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[{"entity":{"reference":"`+other+`Patient/7"}}],
				"managingEntity":{"reference":"Organization/o"}}`, ""),
			entry("PUT", "Organization/o", base+"/Organization/o", `{"resourceType":"Organization","id":"o","name":"O"}`, ""))
		p := res.Entries[0].Key.String()
		if p == "Patient/7" {
			t.Fatal("a POST kept the client's id")
		}
		if n := bytes.Count(res.Entries[1].Resource.JSON, []byte(`"`+p+`"`)); n != 2 {
			t.Errorf("%d references to %s in %s", n, p, res.Entries[1].Resource.JSON)
		}
		if !bytes.Contains(res.Entries[1].Resource.JSON, []byte(`"`+other+`Patient/elsewhere"`)) {
			t.Error("a reference out of the bundle was changed")
		}
		if !bytes.Contains(res.Entries[2].Resource.JSON, []byte(`"Organization/o"`)) {
			t.Errorf("%s", res.Entries[2].Resource.JSON)
		}
	})
}

func TestATransactionLeavesTheNameOfADefinitionAlone(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		const name = "http://example.org/fhir/Questionnaire/form"
		res := transact(t, s,
			entry("PUT", "Questionnaire/form", name, `{"resourceType":"Questionnaire","id":"form","url":"`+name+`","status":"active"}`, ""),
			entry("PUT", "QuestionnaireResponse/a", "", `{"resourceType":"QuestionnaireResponse","id":"a","questionnaire":"`+name+`","status":"completed",
				"extension":[{"url":"http://example.org/form","valueUri":"`+name+`"}]}`, ""))
		for i, want := range []string{`"url":"` + name + `"`, `"questionnaire":"` + name + `"`} {
			if got := res.Entries[i].Resource.JSON; !bytes.Contains(got, []byte(want)) {
				t.Errorf("no %s in %s", want, got)
			}
		}
		if got := res.Entries[1].Resource.JSON; !bytes.Contains(got, []byte(`"valueUri":"Questionnaire/form"`)) {
			t.Errorf("a link is as it was: %s", got)
		}
	})
}

func TestTwoEntriesCannotMeanTheSameResource(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","identifier":[{"value":"1"}]}`)
		p := `{"resourceType":"Patient","id":"p","active":true}`
		for _, entries := range [][]string{
			{entry("PUT", "Patient/p", "", p, ""), entry("DELETE", "Patient/p", "", "", "")},
			{entry("PUT", "Patient/p", "", p, ""), entry("PUT", "Patient?identifier=1", "", `{"resourceType":"Patient"}`, "")},
			{entry("POST", "Patient", uuid1, `{"resourceType":"Patient"}`, ""), entry("POST", "Patient", uuid1, `{"resourceType":"Patient"}`, "")},
		} {
			_, err := s.Bundle(t.Context(), bundle("transaction", entries...), records.BundleOptions{})
			refused(t, err, fault.Invalid, "Bundle.entry[1]")
		}
		res := transact(t, s,
			entry("POST", "Patient", uuid1, `{"resourceType":"Patient","identifier":[{"value":"2"}]}`, `,"ifNoneExist":"identifier=2"`),
			entry("POST", "Patient", uuid2, `{"resourceType":"Patient","identifier":[{"value":"2"}]}`, `,"ifNoneExist":"identifier=2"`))
		if res.Entries[0].Key != res.Entries[1].Key || res.Entries[0].Status != http.StatusCreated || res.Entries[1].Status != http.StatusOK {
			t.Fatalf("the same condition twice: %+v %+v", res.Entries[0], res.Entries[1])
		}
	})
}

func TestATransactionMayDeleteWhatReferredAndWhatWasReferredTo(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MultipleDelete: true})
		patient(t, s, "p")
		observation(t, s, "o1", "Patient/p")
		observation(t, s, "o2", "Patient/p")
		_, err := s.Bundle(t.Context(), bundle("transaction", entry("DELETE", "Patient/p", "", "", "")), records.BundleOptions{})
		refused(t, err, fault.Conflict, "Observation/o1")
		_, err = s.Bundle(t.Context(), bundle("transaction", entry("DELETE", "Patient/p", "", "", ""),
			entry("PUT", "Observation/o3", "", `{"resourceType":"Observation","id":"o3","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/p"}}`, ""),
			entry("DELETE", "Observation?subject=Patient/p", "", "", "")), records.BundleOptions{})
		refused(t, err, fault.Unprocessable, "Bundle.entry[1].resource.subject.reference")
		res := transact(t, s, entry("DELETE", "Patient/p", "", "", ""), entry("DELETE", "Observation?subject=Patient/p", "", "", ""))
		if res.Entries[1].Status != http.StatusNoContent || count(t, s, "", "_type=Patient,Observation") != 0 {
			t.Fatalf("%+v; %d are left", res.Entries, count(t, s, "", "_type=Patient,Observation"))
		}
	})
}

func TestParallelTransactionsWithTheSameConditionMakeOneResource(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		one, two := db.session(t, records.Policy{}), db.session(t, records.Policy{})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				s := []*records.Session{one, two}[i%2]
				_, err := s.Bundle(t.Context(), bundle("transaction",
					entry("POST", "Organization", uuid1, `{"resourceType":"Organization","identifier":[{"value":"1"}],"name":"O"}`, `,"ifNoneExist":"identifier=1"`),
					entry("POST", "Patient", uuid2, `{"resourceType":"Patient","managingOrganization":{"reference":"`+uuid1+`"}}`, "")), records.BundleOptions{})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if o, p := count(t, one, "Organization", ""), count(t, one, "Patient", "organization.identifier=1"); o != 1 || p != 20 {
			t.Fatalf("%d organizations, %d patients of it", o, p)
		}
	})
}

func TestTransactionsThatUpdateTheSameResourcesInAnyOrderAllEnd(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		one, two := db.session(t, records.Policy{}), db.session(t, records.Policy{})
		patient(t, one, "a")
		patient(t, one, "b")
		update := func(id string, n int) string {
			return entry("PUT", "Patient/"+id, "", fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"N%d"}]}`, id, n), "")
		}
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				s, first, second := one, "a", "b"
				if i%2 == 1 {
					s, first, second = two, "b", "a"
				}
				if _, err := s.Bundle(t.Context(), bundle("transaction", update(first, i), update(second, i)), records.BundleOptions{}); err != nil && fault.KindOf(err) != fault.Conflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		a := must(one.Read(t.Context(), key("Patient/a"), records.ReadOptions{}))(t)
		b := must(one.Read(t.Context(), key("Patient/b"), records.ReadOptions{}))(t)
		if a.Version != b.Version || a.Version < 2 {
			t.Fatalf("a is in version %d, b in %d", a.Version, b.Version)
		}
	})
}

func TestABatchAnswersEachEntryByItself(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		res := must(s.Bundle(t.Context(), bundle("batch",
			entry("GET", "Patient/p", "", "", ""),
			entry("GET", "Patient/none", "", "", ""),
			entry("POST", "Patient", uuid1, `{"resourceType":"Patient"}`, ""),
			entry("POST", "Observation", "", `{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"`+uuid1+`"}}`, ""),
			entry("PUT", "Patient/q", "", `{"resourceType":"Patient","id":"q"}`, ""),
			entry("DELETE", "Patient/p", "", "", ""),
			entry("GET", "Patient?_summary=count", "", "", ""),
			entry("GET", "$what", "", "", ""),
			entry("PATCH", "Patient/q", "", `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"Patient"},{"name":"name","valueString":"active"},{"name":"value","valueBoolean":true}]}]}`, ""),
		), records.BundleOptions{}))(t)
		// The GETs run last: the patient is gone by then.
		for i, want := range []fault.Kind{fault.Gone, fault.NotFound, 0, fault.Unprocessable, 0, 0, 0, fault.NotSupported, 0} {
			err := res.Entries[i].Err
			if (want == 0) != (err == nil) || err != nil && fault.KindOf(err) != want {
				t.Errorf("entry %d: %v", i, err)
			}
			if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("Bundle.entry[%d]", i)) {
				t.Errorf("entry %d does not say its place: %v", i, err)
			}
		}
		if n := res.Entries[6].Search.Total; n != 2 {
			t.Errorf("%d patients", n)
		}
		if p := res.Entries[8]; p.Version != 2 || !bytes.Contains(p.Resource.JSON, []byte(`"active":true`)) {
			t.Errorf("patched: %+v", p)
		}
	})
}

func TestABundleMustBeABatchOrTransactionWithinItsBounds(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxEntries: 1})
		e := entry("POST", "Patient", "", `{"resourceType":"Patient"}`, "")
		_, err := s.Bundle(t.Context(), bundle("collection", e), records.BundleOptions{})
		refused(t, err, fault.Unprocessable, "Bundle.type")
		_, err = s.Bundle(t.Context(), body(`{"resourceType":"Patient"}`), records.BundleOptions{})
		refused(t, err, fault.Invalid, "Bundle")
		_, err = s.Bundle(t.Context(), bundle("batch", e, e), records.BundleOptions{})
		refused(t, err, fault.TooLarge, "at most 1")
	})
}
