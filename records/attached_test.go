package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// attaching are resources of a patient, %[2]q, each with a way to attach a Binary, %[3]s.
var attaching = map[string]string{
	"supporting":   `{"resourceType":"Claim","id":%[1]q,"status":"active","type":{"text":"t"},"use":"claim","patient":{"reference":%[2]q},"created":"2024-01-01","provider":{"reference":"Practitioner/dr"},"priority":{"text":"p"},"insurance":[{"sequence":1,"focal":true,"coverage":{"display":"c"}}],"supportingInfo":[{"sequence":1,"category":{"text":"c"},"valueAttachment":{"url":"%[3]s"}}]}`,
	"evidence":     `{"resourceType":"Claim","id":%[1]q,"status":"active","type":{"text":"t"},"use":"claim","patient":{"reference":%[2]q},"created":"2024-01-01","provider":{"reference":"Practitioner/dr"},"priority":{"text":"p"},"insurance":[{"sequence":1,"focal":true,"coverage":{"display":"c"}}],"supportingInfo":[{"sequence":1,"category":{"text":"c"},"valueReference":{"reference":"%[3]s"}}]}`,
	"input":        `{"resourceType":"Task","id":%[1]q,"status":"draft","intent":"order","for":{"reference":%[2]q},"input":[{"type":{"text":"t"},"valueAttachment":{"url":"%[3]s"}}]}`,
	"output":       `{"resourceType":"Task","id":%[1]q,"status":"draft","intent":"order","for":{"reference":%[2]q},"output":[{"type":{"text":"t"},"valueUrl":"https://ehr.example/fhir/%[3]s"}]}`,
	"source":       `{"resourceType":"Consent","id":%[1]q,"status":"inactive","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"c"}],"policy":[{"uri":"https://policy.example"}],"patient":{"reference":%[2]q},"sourceAttachment":{"url":"%[3]s"},"provision":{"data":[{"meaning":"instance","reference":{"reference":"%[3]s"}}]}}`,
	"answer":       `{"resourceType":"QuestionnaireResponse","id":%[1]q,"status":"completed","subject":{"reference":%[2]q},"item":[{"linkId":"1","answer":[{"valueUri":"%[3]s"}]}]}`,
	"payload":      `{"resourceType":"Communication","id":%[1]q,"status":"completed","subject":{"reference":%[2]q},"payload":[{"contentAttachment":{"url":"%[3]s"}}]}`,
	"photo":        `{"resourceType":"RelatedPerson","id":%[1]q,"patient":{"reference":%[2]q},"photo":[{"url":"%[3]s"}]}`,
	"extension":    `{"resourceType":"Observation","id":%[1]q,"extension":[{"url":"urn:e","valueAttachment":{"url":"%[3]s"}}],"status":"final","code":{"text":"x"},"subject":{"reference":%[2]q}}`,
	"referred":     `{"resourceType":"Observation","id":%[1]q,"extension":[{"url":"urn:e","valueReference":{"reference":"%[3]s"}}],"status":"final","code":{"text":"x"},"subject":{"reference":%[2]q}}`,
	"linked":       `{"resourceType":"Observation","id":%[1]q,"extension":[{"url":"urn:e","valueUrl":"%[3]s"}],"status":"final","code":{"text":"x"},"subject":{"reference":%[2]q}}`,
	"inside":       `{"resourceType":"Observation","id":%[1]q,"contained":[{"resourceType":"Media","id":"m","status":"completed","content":{"url":"%[3]s"}}],"status":"final","code":{"text":"x"},"subject":{"reference":%[2]q},"derivedFrom":[{"reference":"#m"}]}`,
	"picture":      `{"resourceType":"Media","id":%[1]q,"status":"completed","subject":{"reference":%[2]q},"content":{"url":"%[3]s"}}`,
	"versioned":    `{"resourceType":"DocumentReference","id":%[1]q,"status":"current","subject":{"reference":%[2]q},"content":[{"attachment":{"url":"%[3]s/_history/1"}}]}`,
	"queried":      `{"resourceType":"DocumentReference","id":%[1]q,"status":"current","subject":{"reference":%[2]q},"content":[{"attachment":{"url":"%[3]s?_format=text/plain"}}]}`,
	"below":        `{"resourceType":"DocumentReference","id":%[1]q,"status":"current","subject":{"reference":%[2]q},"content":[{"attachment":{"url":"/fhir/%[3]s"}}]}`,
	"spelt":        `{"resourceType":"DocumentReference","id":%[1]q,"status":"current","subject":{"reference":%[2]q},"content":[{"attachment":{"url":"HTTPS://EHR.example:443/fhir/./%[3]s/_history/1?_format=text/plain#page=2"}}]}`,
	"plain":        `{"resourceType":"Observation","id":%[1]q,"extension":[{"url":"urn:e","valueUrl":"http://ehr.example/fhir/%[3]s?_format=text/plain"}],"status":"final","code":{"text":"x"},"subject":{"reference":%[2]q}}`,
	"presentation": `{"resourceType":"DiagnosticReport","id":%[1]q,"status":"final","code":{"text":"x"},"subject":{"reference":%[2]q},"presentedForm":[{"url":"%[3]s"}]}`,
}

// attach stores for each patient, and each way of attaching, a Binary that has no owner, one
// that belongs to the patient if owned, and what attaches it.
func attach(t testing.TB, s *records.Session, owned bool, patients ...string) {
	t.Helper()
	for _, p := range patients {
		for way, body := range attaching {
			id, context := p+"-"+way, ""
			if owned {
				context = fmt.Sprintf(`"securityContext":{"reference":"Patient/%s"},`, p)
			}
			put(t, s, "Binary/"+id, `{"resourceType":"Binary","id":%q,%s"contentType":"text/plain","data":"c2VjcmV0"}`, id, context)
			text := fmt.Sprintf(body, id, "Patient/"+p, "Binary/"+id)
			typeName := strings.Split(text, `"`)[3]
			put(t, s, typeName+"/"+id, "%s", text)
		}
	}
}

// showsBinaries fails unless a session is shown just the binaries of a patient, on whatever way.
func showsBinaries(t *testing.T, s *records.Session, shown, hidden string) {
	t.Helper()
	found := map[fhir.Key]bool{}
	for _, query := range []string{"_type=Binary&_count=200", "_count=500"} {
		clear(found)
		for _, e := range must(s.Search(t.Context(), records.SearchRequest{Pairs: pairs(t, query)}))(t).Entries {
			found[e.Key] = true
		}
		for way := range attaching {
			if !found[key("Binary/"+shown+"-"+way)] || found[key("Binary/"+hidden+"-"+way)] {
				t.Errorf("%s: %q finds the one that is shown: %v, and the one that is hidden: %v", way, query, found[key("Binary/"+shown+"-"+way)], found[key("Binary/"+hidden+"-"+way)])
			}
		}
	}
	for way := range attaching {
		for patient, want := range map[string]bool{shown: true, hidden: false} {
			k := key("Binary/" + patient + "-" + way)
			_, read := s.Read(t.Context(), k, records.ReadOptions{})
			_, _, raw := s.ReadBinary(t.Context(), k.ID, "", 0, 3)
			_, version := s.VRead(t.Context(), k, "1", records.ReadOptions{})
			_, history := s.History(t.Context(), records.HistoryRequest{Type: k.Type, ID: k.ID})
			_, told := s.Read(t.Context(), fhir.Key{Type: "Provenance", ID: k.ID}, records.ReadOptions{})
			for what, err := range map[string]error{"read": read, "its content": raw, "its version": version, "its history": history, "its Provenance": told} {
				if want != (err == nil) || !want && fault.KindOf(err) != fault.NotFound {
					t.Errorf("%s: %s is answered with %v", k, what, err)
				}
			}
		}
	}
}

func TestABinaryIsHiddenWithWhateverAttachesIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		all := d.Session(records.Principal{ID: "admin"}, nil)
		put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		for _, p := range []string{"q", "r"} {
			patient(t, all, p)
		}
		attach(t, all, false, "q", "r")
		for way := range attaching {
			for _, p := range []string{"q", "r"} {
				put(t, all, "Provenance/"+p+"-"+way, `{"resourceType":"Provenance","id":"%[1]s","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Binary/%[1]s"}]}`, p+"-"+way)
			}
		}
		put(t, all, "Binary/both", `{"resourceType":"Binary","id":"both","contentType":"text/plain","data":"c2VjcmV0"}`)
		for _, p := range []string{"q", "r"} {
			put(t, all, "Media/both-"+p, `{"resourceType":"Media","id":"both-%[1]s","status":"completed","subject":{"reference":"Patient/%[1]s"},"content":{"url":"Binary/both"}}`, p)
		}
		consents(t, all, "c", "q", denyDr)
		s := clinician(t, d)
		showsBinaries(t, s, "r", "q")
		if _, err := s.Read(t.Context(), key("Binary/both"), records.ReadOptions{}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("what something hidden attaches as well as something shown is read with %v", err)
		}
		must(all.Delete(t.Context(), key("Consent/c"), records.DeleteOptions{}))(t)
		if _, err := clinician(t, d).Read(t.Context(), key("Binary/q-input"), records.ReadOptions{}); err != nil {
			t.Errorf("without the consent it is read with %v", err)
		}
	})
}

// TestABinaryIsHiddenWithWhatAProvenanceOfItTellsOf has Provenances name a source, of something
// hidden, of something shown, of what is deleted, and have targets side by side.
func TestABinaryIsHiddenWithWhatAProvenanceOfItTellsOf(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{AllowDeleteReferred: true})
		all := d.Session(records.Principal{ID: "admin"}, nil)
		put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		tells := func(id, targets, source string) {
			put(t, all, "Binary/"+source, `{"resourceType":"Binary","id":%q,"contentType":"text/plain","data":"c2VjcmV0"}`, source)
			put(t, all, "Provenance/"+id, `{"resourceType":"Provenance","id":%q,"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[%s],"entity":[{"role":"source","what":{"reference":"Binary/%s"}}]}`, id, targets, source)
		}
		for _, p := range []string{"q", "r"} {
			patient(t, all, p)
			for _, id := range []string{p, p + "-gone"} {
				put(t, all, "Observation/"+id, `{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/%s"}}`, id, p)
			}
			put(t, all, "Binary/beside-"+p, `{"resourceType":"Binary","id":"beside-%s","contentType":"text/plain","data":"c2VjcmV0"}`, p)
			tells(p, fmt.Sprintf(`{"reference":"Observation/%[1]s"},{"reference":"Binary/beside-%[1]s"}`, p), "source-"+p)
			tells(p+"-gone", fmt.Sprintf(`{"reference":"Observation/%s-gone"}`, p), "gone-"+p)
			put(t, all, "Provenance/of-"+p, `{"resourceType":"Provenance","id":"of-%[1]s","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Binary/source-%[1]s"}]}`, p)
			must(all.Delete(t.Context(), key("Observation/"+p+"-gone"), records.DeleteOptions{}))(t)
		}
		consents(t, all, "c", "q", denyDr)
		s := clinician(t, d)
		const shown = "Binary/beside-q Binary/beside-r Binary/gone-r Binary/source-r Provenance/of-r Provenance/r Provenance/r-gone"
		var found []string
		for _, e := range must(s.Search(t.Context(), records.SearchRequest{Pairs: pairs(t, "_type=Binary,Provenance&_count=50")}))(t).Entries {
			found = append(found, e.Key.String())
		}
		if slices.Sort(found); strings.Join(found, " ") != shown {
			t.Errorf("found %s, want %s", found, shown)
		}
		for _, k := range []string{"Binary/source-q", "Binary/gone-q", "Binary/beside-q", "Binary/source-r", "Provenance/of-q", "Provenance/of-r"} {
			if _, err := s.Read(t.Context(), key(k), records.ReadOptions{}); strings.Contains(shown, k) != (err == nil) {
				t.Errorf("%s is read with %v", k, err)
			}
		}
	})
}

// TestBrokenGlassShowsNoBinaryThatAnotherPatientHides has two patients attach the same.
func TestBrokenGlassShowsNoBinaryThatAnotherPatientHides(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		all := d.Session(records.Principal{ID: "admin"}, nil)
		put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		for _, id := range []string{"both", "own"} {
			put(t, all, "Binary/"+id, `{"resourceType":"Binary","id":%q,"contentType":"text/plain","data":"c2VjcmV0"}`, id)
		}
		for id, binary := range map[string]string{"p": "both", "q": "both", "p-own": "own"} {
			p, _, _ := strings.Cut(id, "-")
			patient(t, all, p)
			put(t, all, "Media/"+id, `{"resourceType":"Media","id":%q,"status":"completed","subject":{"reference":"Patient/%s"},"content":{"url":"Binary/%s"}}`, id, p, binary)
		}
		for _, p := range []string{"p", "q"} {
			consents(t, all, "c-"+p, p, `{"type":"permit","provision":[{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]}`)
		}
		role := access.Role{Name: "practitioner", Purposes: []string{"TREAT", access.BreakGlass}, Rules: []access.RoleRule{{Types: []string{"*"}, Interactions: "cruds", Reach: access.ReachAll}}}
		scopes := must(smart.ParseScopes("user/*.cruds"))(t)
		rules := must(d.Rules(t.Context(), access.Grant{Scopes: scopes, User: key("Practitioner/dr"), Broken: []fhir.ID{"p"},
			Asker: access.Asker{Purpose: "TREAT", Actors: []string{"Practitioner/dr"}, Roles: []access.Role{role}}}))(t)
		s := d.Session(records.Principal{ID: "user", Client: "app"}, rules)
		for k, shown := range map[string]bool{"Media/p": true, "Media/q": false, "Binary/own": true, "Binary/both": false} {
			if _, err := s.Read(t.Context(), key(k), records.ReadOptions{}); shown != (err == nil) {
				t.Errorf("%s is read with %v", k, err)
			}
		}
	})
}

// TestABinaryThatAConsentShowsIsHiddenWithWhateverAttachesIt asks for a purpose for which
// nothing is shown by default. What a Consent names goes not along with that Consent.
func TestABinaryThatAConsentShowsIsHiddenWithWhateverAttachesIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		all := d.Session(records.Principal{ID: "admin"}, nil)
		put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		for _, p := range []string{"q", "r", "n"} {
			patient(t, all, p)
		}
		attach(t, all, true, "q", "r")
		for way := range attaching {
			for _, p := range []string{"q", "r"} {
				put(t, all, "Provenance/"+p+"-"+way, `{"resourceType":"Provenance","id":"%[1]s","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Binary/%[1]s"}]}`, p+"-"+way)
			}
		}
		put(t, all, "Binary/named", `{"resourceType":"Binary","id":"named","contentType":"text/plain","securityContext":{"reference":"Patient/n"},"data":"c2VjcmV0"}`)
		const class = `{"system":"http://hl7.org/fhir/resource-types","code":"Binary"}`
		consents(t, all, "q", "q", `{"type":"deny","provision":[{"type":"permit","class":[`+class+`]}]}`)
		consents(t, all, "r", "r", permit)
		consents(t, all, "n", "n", `{"type":"deny","provision":[{"type":"permit","data":[{"meaning":"instance","reference":{"reference":"Binary/named"}}]}]}`)
		scopes := must(smart.ParseScopes("user/*.cruds"))(t)
		rules := must(d.Rules(t.Context(), access.Grant{Scopes: scopes, User: key("Practitioner/dr"), Asker: access.Asker{Purpose: "HRESCH", Actors: []string{"Practitioner/dr"}}}))(t)
		s := d.Session(records.Principal{ID: "user", Client: "app"}, rules)
		showsBinaries(t, s, "r", "q")
		if _, err := s.Read(t.Context(), key("Binary/named"), records.ReadOptions{}); err != nil {
			t.Errorf("what a hidden Consent shows is read with %v", err)
		}
		if _, err := s.Read(t.Context(), key("Consent/n"), records.ReadOptions{}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the Consent is read with %v", err)
		}
	})
}

func TestWhatIsAttachedFromElsewhereIsNotHidden(t *testing.T) {
	d := newDatabase(t, "sqlite").door(t, records.Policy{})
	all := d.Session(records.Principal{ID: "admin"}, nil)
	put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
	patient(t, all, "q")
	put(t, all, "Binary/x", `{"resourceType":"Binary","id":"x","contentType":"text/plain","data":"c2VjcmV0"}`)
	for i, address := range []string{"https://other.example/fhir/Binary/x", "https://ehr.example:8443/fhir/Binary/x", "/other/Binary/x", "https://ehr.example/Binary/x", "Binary/y?of=Binary/x", "data:text/plain,Binary/x"} {
		put(t, all, fmt.Sprintf("Media/%d", i), `{"resourceType":"Media","id":"%d","status":"completed","subject":{"reference":"Patient/q"},"content":{"url":%q}}`, i, address)
	}
	consents(t, all, "c", "q", denyDr)
	if _, err := clinician(t, d).Read(t.Context(), key("Binary/x"), records.ReadOptions{}); err != nil {
		t.Error(err)
	}
}

// TestVersionsOfABinaryThatMoreAttachThanAreLookedThroughAreHidden has the last one to attach it
// be hidden.
func TestVersionsOfABinaryThatMoreAttachThanAreLookedThroughAreHidden(t *testing.T) {
	const many = 10_000
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		all := d.Session(records.Principal{ID: "admin"}, nil)
		put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		for _, p := range []string{"q", "r"} {
			patient(t, all, p)
		}
		put(t, all, "Binary/shared", `{"resourceType":"Binary","id":"shared","contentType":"text/plain","data":"c2VjcmV0"}`)
		const media = `{"resourceType":"Media","id":"m%d","status":"completed","subject":{"reference":"Patient/%s"},"content":{"url":"Binary/shared"}}`
		contents := make([]records.Content, many)
		for i := range contents {
			contents[i] = body(media, i, "r")
		}
		if loaded, err := all.Load(t.Context(), contents, records.LoadOptions{}); err != nil || loaded[many-1].Err != nil {
			t.Fatal(err, loaded)
		}
		consents(t, all, "c", "q", denyDr)
		reads := func() error {
			_, err := clinician(t, d).VRead(t.Context(), key("Binary/shared"), "1", records.ReadOptions{})
			return err
		}
		if err := reads(); err != nil {
			t.Errorf("attached by %d that are shown, its version is read with %v", many, err)
		}
		put(t, all, fmt.Sprint("Media/m", many), media, many, "q")
		if err := reads(); fault.KindOf(err) != fault.NotFound {
			t.Errorf("attached by one more that is hidden, its version is read with %v", err)
		}
		put(t, all, fmt.Sprint("Media/m", many), media, many, "r")
		_, err := clinician(t, d).Create(t.Context(), "Provenance", body(`{"resourceType":"Provenance","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Binary/shared"}]}`), records.CreateOptions{})
		refused(t, err, fault.Forbidden, "would not be within what you may write")
	})
}
