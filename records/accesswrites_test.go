package records_test

import (
	"errors"
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

func TestAnUpdateThatCreatesIsAnUpdate(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		patient(t, door.Session(records.Principal{}, nil), "p")
		if res := observation(t, tokenSession(t, door, "system/Observation.u"), "new", "Patient/p"); !res.Created {
			t.Error("nothing was created")
		}
		_, err := tokenSession(t, door, "system/Observation.crds").Update(t.Context(), key("Observation/other"),
			body(`{"resourceType":"Observation","id":"other","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`), records.UpdateOptions{})
		if !errors.Is(err, records.ErrScope) {
			t.Error(err)
		}
	})
}

func TestAPartIsChangedOnlyByWhomMayReadTheRest(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		put(t, all, "Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"code":"a"}]},"subject":{"reference":"Patient/p"}}`)
		s := tokenSession(t, door, "patient/Observation.cruds?code=b patient/Observation.cu")
		document := `[{"op":"test","path":"/status","value":"amended"}]`
		_, err := s.Patch(t.Context(), key("Observation/o"), records.PatchContent{Format: records.JSONPatch, Body: []byte(document)}, records.UpdateOptions{})
		refused(t, err, fault.Forbidden, "only by who may read it")
		_, err = s.Bundle(t.Context(), bundle("transaction", entry("PATCH", "Observation/o", "",
			`{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W3sib3AiOiJ0ZXN0IiwicGF0aCI6Ii9zdGF0dXMiLCJ2YWx1ZSI6ImEifV0="}`, "")), records.BundleOptions{})
		refused(t, err, fault.Forbidden, "only by who may read it")
		put(t, s, "Observation/o", `{"resourceType":"Observation","id":"o","status":"amended","code":{"coding":[{"code":"a"}]},"subject":{"reference":"Patient/p"}}`)
	})
}

func TestWhatIsSeenAndNotToBeWrittenIsRefusedAsSuch(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		const text = `{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"code":%q}]},"subject":{"reference":"Patient/p"}}`
		put(t, all, "Observation/o", text, "a")
		s := tokenSession(t, door, "system/*.rs system/Observation.ud?code=b")
		change := `[{"op":"replace","path":"/status","value":"amended"}]`
		_, updated := s.Update(t.Context(), key("Observation/o"), body(text, "b"), records.UpdateOptions{})
		_, patched := s.Patch(t.Context(), key("Observation/o"), records.PatchContent{Format: records.JSONPatch, Body: []byte(change)}, records.UpdateOptions{})
		_, deleted := s.Delete(t.Context(), key("Observation/o"), records.DeleteOptions{})
		_, together := s.Bundle(t.Context(), bundle("transaction", entry("PUT", "Observation/o", "", fmt.Sprintf(text, "b"), "")), records.BundleOptions{})
		for _, err := range []error{updated, patched, deleted, together} {
			refused(t, err, fault.Forbidden, "Observation/o is not within what you may write")
		}
		res := must(all.Read(t.Context(), key("Observation/o"), records.ReadOptions{}))(t)
		if res.Version != 1 || !strings.Contains(string(res.JSON), `"final"`) {
			t.Errorf("version %d: %s", res.Version, res.JSON)
		}
		put(t, all, "Observation/o", text, "b")
		put(t, s, "Observation/o", text, "b")
	})
}

// An id that a hidden resource has, or had, answers as one that nothing ever had.
func TestWhoSeesAPartChoosesNoIds(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		observation(t, all, "taken", "Patient/q")
		observation(t, all, "gone", "Patient/q")
		must(all.Delete(t.Context(), key("Observation/gone"), records.DeleteOptions{}))(t)
		s := tokenSession(t, door, "patient/*.cruds")
		for _, id := range []string{"taken", "gone", "free"} {
			content := `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`
			want := "there is no Observation/" + id + " that you may change, and who may not see every Observation cannot choose ids: POST to Observation instead"
			_, err := s.Update(t.Context(), key("Observation/"+id), body("%s", content), records.UpdateOptions{})
			refused(t, err, fault.Forbidden, want)
			_, err = s.UpdateWhere(t.Context(), "Observation", pairs(t, "code=nothing"), body("%s", content), records.UpdateOptions{})
			refused(t, err, fault.Forbidden, want)
			for _, url := range []string{"Observation/" + id, "Observation?code=nothing"} {
				_, err = s.Bundle(t.Context(), bundle("transaction", entry("PUT", url, "", content, "")), records.BundleOptions{})
				refused(t, err, fault.Forbidden, want)
			}
			_, err = s.Update(t.Context(), key("Observation/"+id), body("%s", content), records.UpdateOptions{Precondition: records.Precondition{IfMatch: []string{"1"}}})
			refused(t, err, fault.PreconditionFailed, "does not exist")
		}
		if got := must(all.Read(t.Context(), key("Observation/taken"), records.ReadOptions{}))(t); got.Version != 1 {
			t.Error("it was written")
		}
		// What the session deleted, or could have, it may bring back.
		observation(t, all, "mine", "Patient/p")
		must(s.Delete(t.Context(), key("Observation/mine"), records.DeleteOptions{}))(t)
		if res := observation(t, s, "mine", "Patient/p"); !res.Created {
			t.Error("it did not come back")
		}
	})
}

func TestADeleteTellsOfNothingHidden(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		const encounter = `{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}`
		put(t, all, "Encounter/e", encounter)
		put(t, all, "Observation/hidden", `{"resourceType":"Observation","id":"hidden","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/q"},"encounter":{"reference":"Encounter/e"}}`)
		s := tokenSession(t, door, "patient/*.cruds")
		must(s.Delete(t.Context(), key("Encounter/e"), records.DeleteOptions{}))(t) // as if nothing referred to it
		put(t, all, "Encounter/e", encounter)
		put(t, all, "Observation/mine", `{"resourceType":"Observation","id":"mine","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"}}`)
		_, err := s.Bundle(t.Context(), bundle("transaction", entry("DELETE", "Encounter/e", "", "", "")), records.BundleOptions{})
		refused(t, err, fault.Conflict, "Encounter/e cannot be deleted: Observation/mine refer to it")
		issues := must(s.Validate(t.Context(), records.ValidateRequest{Type: "Encounter", ID: "e", Mode: "delete"}))(t)
		if text := fmt.Sprint(issues); strings.Contains(text, "hidden") || strings.Contains(text, "others") {
			t.Error(text)
		}
		_, err = all.Delete(t.Context(), key("Encounter/e"), records.DeleteOptions{})
		refused(t, err, fault.Conflict, "Observation/hidden, Observation/mine")
	})
}

// Whoever sees whole records but for what patients hide deletes a Patient as if that were not
// there; whoever does not is refused in the same words whether or not anything refers to it.
func TestADeletedPatientTellsOfNothingHidden(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		session := func(scopes string) *records.Session {
			g := access.Grant{Scopes: must(smart.ParseScopes(scopes))(t), Patient: "x", Asker: access.Asker{Purpose: "TREAT"}}
			return door.Session(records.Principal{ID: "user", Client: "app"}, must(door.Rules(t.Context(), g))(t))
		}
		for _, id := range []string{"x", "alone", "sealed"} {
			patient(t, all, id)
		}
		const hidden = `{"resourceType":"Observation","id":"hidden","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/sealed"},
			"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]}}`
		put(t, all, "Observation/hidden", hidden)
		for _, scopes := range []string{"user/Patient.cruds", "patient/*.cruds user/Patient.cruds", "user/*.cruds?_id=hidden user/Patient.cruds"} {
			s := session(scopes)
			_, alone := s.Delete(t.Context(), key("Patient/alone"), records.DeleteOptions{})
			refused(t, alone, fault.Conflict, "Patient/alone cannot be deleted with these scopes and roles")
			_, sealed := s.Delete(t.Context(), key("Patient/sealed"), records.DeleteOptions{})
			if got, want := strings.ReplaceAll(fmt.Sprint(sealed), "sealed", "alone"), fmt.Sprint(alone); got != want {
				t.Errorf("%s: %s\nwithout a record: %s", scopes, got, want)
			}
		}
		s := session("user/*.cruds")
		if _, err := s.Read(t.Context(), key("Observation/hidden"), records.ReadOptions{}); err == nil {
			t.Fatal("the label does not hide it")
		}
		put(t, all, "Observation/seen", `{"resourceType":"Observation","id":"seen","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/sealed"}}`)
		_, err := s.Delete(t.Context(), key("Patient/sealed"), records.DeleteOptions{})
		if refused(t, err, fault.Conflict, "Observation/seen refer to it"); strings.Contains(err.Error(), "hidden") {
			t.Error(err)
		}
		must(all.Delete(t.Context(), key("Observation/seen"), records.DeleteOptions{}))(t)
		for _, id := range []string{"alone", "sealed"} {
			if res := must(s.Delete(t.Context(), key("Patient/"+id), records.DeleteOptions{}))(t); !res.Existed {
				t.Errorf("%s was not deleted", id)
			}
		}
		must(all.Read(t.Context(), key("Observation/hidden"), records.ReadOptions{}))(t)
	})
}

func TestAReferenceLeadsOnlyToWhatIsSeenOrKnown(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{AllowDangling: true})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		put(t, all, "Medication/m", `{"resourceType":"Medication","id":"m"}`)
		put(t, all, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		put(t, all, "Practitioner/other", `{"resourceType":"Practitioner","id":"other"}`)
		put(t, all, "Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"performer":[{"reference":"Practitioner/other"}]}`)
		s := tokenSession(t, door, "patient/MedicationRequest.cruds patient/Medication.rs patient/Observation.cruds")
		request := `{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"Medication/m"}}`
		_, err := s.Create(t.Context(), "MedicationRequest", body("%s", request), records.CreateOptions{})
		refused(t, err, fault.Unprocessable, "Medication/m does not exist here")
		_, err = s.Read(t.Context(), key("Medication/m"), records.ReadOptions{})
		refused(t, err, fault.NotFound)
		// The patient and the user are known by the token; what a resource refers to may stay.
		put(t, s, "Observation/o", `{"resourceType":"Observation","id":"o","status":"amended","code":{"text":"x"},"subject":{"reference":"Patient/p"},"performer":[{"reference":"Practitioner/other"},{"reference":"Practitioner/dr"}]}`)
		// What comes in the same transaction is there.
		res := transact(t, s,
			entry("POST", "Observation", uuid1, `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`, ""),
			entry("POST", "Observation", uuid2, `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"hasMember":[{"reference":"`+uuid1+`"}]}`, ""))
		if len(res.Entries) != 2 {
			t.Error(res)
		}
	})
}

func TestAPatientsTokenWritesNothingThatThePatientDoesNotOwn(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		patient(t, door.Session(records.Principal{}, nil), "p")
		s := tokenSession(t, door, "patient/*.cruds")
		for _, content := range []string{
			`{"resourceType":"Practitioner","id":"x"}`, `{"resourceType":"Organization","id":"x","name":"x"}`, `{"resourceType":"Medication","id":"x"}`,
			`{"resourceType":"Patient","id":"x"}`, `{"resourceType":"Device","id":"x"}`, `{"resourceType":"Binary","id":"x","contentType":"text/plain"}`,
			`{"resourceType":"ValueSet","id":"x","status":"active"}`, `{"resourceType":"Group","id":"x","type":"person","actual":true}`,
			`{"resourceType":"Provenance","id":"x","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Patient/p"}}],"target":[{"reference":"Patient/p"}]}`,
		} {
			typ, _, _ := strings.Cut(strings.TrimPrefix(content, `{"resourceType":"`), `"`)
			_, err := s.Create(t.Context(), fhir.Type(typ), body("%s", content), records.CreateOptions{})
			refused(t, err, fault.Forbidden)
			_, err = s.Update(t.Context(), key(typ+"/x"), body("%s", content), records.UpdateOptions{})
			refused(t, err, fault.Forbidden)
		}
		must(s.Create(t.Context(), "Device", body(`{"resourceType":"Device","patient":{"reference":"Patient/p"}}`), records.CreateOptions{}))(t)
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","gender":"female"}`)
	})
}

func TestAdministrationTakesAccessToEverything(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{Expunge: true, Reindex: true})
		patient(t, door.Session(records.Principal{}, nil), "p")
		s := tokenSession(t, door, "patient/*.cruds system/Observation.cruds")
		_, err := s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Patient/p"), Everything: true})
		refused(t, err, fault.Forbidden)
		refused(t, s.RequestReindex(t.Context(), nil), fault.Forbidden)
		s = tokenSession(t, door, "system/*.cruds")
		must(s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Patient/p"), Everything: true}))(t)
		if err := s.RequestReindex(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

// TestAWriteIsAnsweredWithoutWhatMayNotBeSeen tries what may be written and not seen,
// or not any more.
func TestAWriteIsAnsweredWithoutWhatMayNotBeSeen(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		tagged := func(id, tag string) records.Content {
			return body(`{"resourceType":"Observation","id":%q,"meta":{"tag":[{"code":%q}]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`, id, tag)
		}
		a, o := key("Observation/a"), records.UpdateOptions{}
		patch := records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"replace","path":"/meta/tag/0/code","value":"b"}]`)}
		tries := map[string]func(s *records.Session) (records.Result, error){
			"create": func(s *records.Session) (records.Result, error) {
				return s.Create(t.Context(), "Observation", tagged("new", "b"), records.CreateOptions{})
			},
			"update": func(s *records.Session) (records.Result, error) { return s.Update(t.Context(), a, tagged("a", "b"), o) },
			"same again": func(s *records.Session) (records.Result, error) {
				return s.Update(t.Context(), key("Observation/b"), tagged("b", "b"), o)
			},
			"patch": func(s *records.Session) (records.Result, error) { return s.Patch(t.Context(), a, patch, o) },
			"$meta-add": func(s *records.Session) (records.Result, error) {
				return s.MetaAdd(t.Context(), a, metaOf(t, `{"tag":[{"code":"hide"}]}`), o)
			},
			"$meta-delete": func(s *records.Session) (records.Result, error) {
				return s.MetaDelete(t.Context(), a, metaOf(t, `{"tag":[{"code":"a"}]}`), o)
			},
			"in a batch":   bundled(t, "batch", entry("PUT", "Observation/a", "", string(tagged("a", "b").JSON), "")),
			"in one":       bundled(t, "transaction", entry("PUT", "Observation/a", "", string(tagged("a", "b").JSON), "")),
			"again in one": bundled(t, "transaction", entry("PUT", "Observation/b", "", string(tagged("b", "b").JSON), "")),
			"new in one":   bundled(t, "transaction", entry("POST", "Observation", "", string(tagged("new", "b").JSON), "")),
			"patched in one": bundled(t, "transaction", entry("PATCH", "Observation/a", "",
				`{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Observation.meta.tag[0].code"},{"name":"value","valueCode":"b"}]}]}`, "")),
		}
		for name, try := range tries {
			for scopes, seen := range map[string]bool{
				"patient/Observation.cu patient/Observation.rs?_tag=a&_tag:not=hide": false, "patient/Observation.cu patient/Observation.rs?_tag=a,b": true, "patient/Observation.crus": true,
			} {
				if name == "$meta-add" || name == "$meta-delete" {
					seen = scopes == "patient/Observation.crus" || seen && name == "$meta-add"
				}
				for _, id := range []string{"a", "b"} {
					must(all.Update(t.Context(), key("Observation/"+id), tagged(id, id), o))(t)
				}
				res, err := try(tokenSession(t, door, scopes))
				if err != nil || res.Version == 0 || (res.JSON != nil) != seen {
					t.Errorf("%s with %s: %v, version %d: %s", name, scopes, err, res.Version, res.JSON)
				}
			}
		}
		s := tokenSession(t, door, "patient/Observation.cu")
		if res := must(s.Update(t.Context(), key("Observation/b"), tagged("b", "c"), o))(t); res.JSON != nil {
			t.Errorf("without any scope to read: %s", res.JSON)
		}
	})
}

// bundled processes one entry and gives its answer.
func bundled(t *testing.T, kind, entry string) func(s *records.Session) (records.Result, error) {
	return func(s *records.Session) (records.Result, error) {
		res, err := s.Bundle(t.Context(), bundle(kind, entry), records.BundleOptions{})
		if err == nil {
			err = res.Entries[0].Err
		}
		if err != nil {
			return records.Result{}, err
		}
		return records.Result{Resource: *res.Entries[0].Resource}, nil
	}
}

// What many share is deleted like a Patient: by who sees all that may name it but for what
// patients hide, as if that were not there, and by nobody else, in the same words whether or
// not anything refers to it.
func TestADeletedThingThatManyShareTellsOfNothingHidden(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		session := func(scopes string) *records.Session {
			g := access.Grant{Scopes: must(smart.ParseScopes(scopes))(t), Patient: "x", Asker: access.Asker{Purpose: "TREAT"}}
			return door.Session(records.Principal{ID: "user", Client: "app"}, must(door.Rules(t.Context(), g))(t))
		}
		patient(t, all, "x")
		const sealed = `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]}`
		const visit = `{"resourceType":"Encounter","id":"%[1]s","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/x"},`
		things := map[string]string{ // what refers to each that is used
			"Organization":  visit + `"serviceProvider":{"reference":"Organization/used"},%[2]s}`,
			"Practitioner":  visit + `"participant":[{"individual":{"reference":"Practitioner/used"}}],%[2]s}`,
			"Location":      visit + `"location":[{"location":{"reference":"Location/used"}}],%[2]s}`,
			"Medication":    `{"resourceType":"MedicationRequest","id":"%[1]s","status":"active","intent":"order","subject":{"reference":"Patient/x"},"medicationReference":{"reference":"Medication/used"},%[2]s}`,
			"Group":         `{"resourceType":"Observation","id":"%[1]s","status":"final","code":{"text":"x"},"subject":{"reference":"Group/used"},%[2]s}`,
			"Questionnaire": `{"resourceType":"QuestionnaireResponse","id":"%[1]s","status":"completed","subject":{"reference":"Patient/x"},"questionnaire":"` + base + `/Questionnaire/used",%[2]s}`,
		}
		bare := map[string]string{"Organization": `,"name":"O"`, "Group": `,"type":"person","actual":true`, "Questionnaire": `,"status":"active"`}
		for name, referrer := range things {
			for _, id := range []string{"alone", "used"} {
				put(t, all, name+"/"+id, `{"resourceType":%q,"id":%q%s}`, name, id, bare[name])
			}
			source := strings.SplitN(referrer, `"`, 5)[3]
			hidden, seen := source+"/hidden-"+name, source+"/seen-"+name
			put(t, all, hidden, "%s", fmt.Sprintf(referrer, "hidden-"+name, sealed))
			for _, scopes := range []string{"user/" + name + ".cruds", "patient/*.cruds user/" + name + ".cruds", "user/*.cruds?_id=a user/" + name + ".cruds"} {
				s := session(scopes)
				_, alone := s.Delete(t.Context(), key(name+"/alone"), records.DeleteOptions{})
				refused(t, alone, fault.Conflict, name+"/alone cannot be deleted with these scopes and roles")
				_, used := s.Delete(t.Context(), key(name+"/used"), records.DeleteOptions{})
				if got, want := strings.ReplaceAll(fmt.Sprint(used), "used", "alone"), fmt.Sprint(alone); got != want {
					t.Errorf("%s: %s\nwhere nothing refers to it: %s", scopes, got, want)
				}
			}
			s := session("user/*.cruds")
			if _, err := s.Read(t.Context(), key(hidden), records.ReadOptions{}); err == nil {
				t.Fatalf("the label does not hide %s", hidden)
			}
			put(t, all, seen, "%s", fmt.Sprintf(referrer, "seen-"+name, `"language":"en"`))
			_, err := s.Delete(t.Context(), key(name+"/used"), records.DeleteOptions{})
			if refused(t, err, fault.Conflict, seen+" refer to it"); strings.Contains(err.Error(), "hidden") {
				t.Error(err)
			}
			must(all.Delete(t.Context(), key(seen), records.DeleteOptions{}))(t)
			for _, id := range []string{"alone", "used"} {
				if res := must(s.Delete(t.Context(), key(name+"/"+id), records.DeleteOptions{}))(t); !res.Existed {
					t.Errorf("%s/%s was not deleted", name, id)
				}
			}
			must(all.Read(t.Context(), key(hidden), records.ReadOptions{}))(t)
		}
		put(t, all, "ValueSet/v", `{"resourceType":"ValueSet","id":"v","status":"active"}`) // no record names one
		must(session("user/ValueSet.cruds").Delete(t.Context(), key("ValueSet/v"), records.DeleteOptions{}))(t)
	})
}

func TestHoweverManyHiddenResourcesReferToSomethingTheyRefuseNoDelete(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		put(t, all, "Encounter/e", `{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}`)
		const observation = `{"resourceType":"Observation","id":"%s","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/%s"},"encounter":{"reference":"Encounter/e"}}`
		var hidden []records.Content
		for i := range 10_050 {
			hidden = append(hidden, body(observation, fmt.Sprint("o", i), "q"))
		}
		for some := range slices.Chunk(hidden, 500) {
			must(all.Load(t.Context(), some, records.LoadOptions{}))(t)
		}
		put(t, all, "Observation/z", observation, "z", "p")
		s := tokenSession(t, door, "patient/*.cruds")
		_, err := s.Delete(t.Context(), key("Encounter/e"), records.DeleteOptions{})
		if refused(t, err, fault.Conflict, "Observation/z refer to it"); strings.Contains(err.Error(), "others") {
			t.Error(err)
		}
		must(s.Delete(t.Context(), key("Observation/z"), records.DeleteOptions{}))(t)
		if res := must(s.Delete(t.Context(), key("Encounter/e"), records.DeleteOptions{}))(t); !res.Existed {
			t.Error("it was not deleted")
		}
	})
}
