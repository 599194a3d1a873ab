package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/engine/validate"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// behindMask is a session of somebody whose role masks elements.
func behindMask(t testing.TB, d *records.Door, paths ...mask.Path) *records.Session {
	t.Helper()
	role := access.Role{Name: "clerk", Purposes: []string{"HOPERAT"}, Rules: []access.RoleRule{{Types: []string{smart.Any}, Interactions: "cruds", Reach: access.ReachAll, Mask: paths}}}
	if err := d.Ownership().CheckRole(&role); err != nil {
		t.Fatal(err)
	}
	scopes, err := smart.ParseScopes("user/*.cruds")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := d.Rules(t.Context(), access.Grant{Scopes: scopes, Asker: access.Asker{Purpose: "HOPERAT", Roles: []access.Role{role}}})
	if err != nil {
		t.Fatal(err)
	}
	return d.Session(records.Principal{ID: "clerk"}, rules)
}

const secretText = "Geheimgasse"

// maskedRecord stores what has secretText in elements that masks name.
func maskedRecord(t testing.TB, s *records.Session) {
	t.Helper()
	put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">%[1]s</div>"},
		"name":[{"family":"Example"}],"address":[{"city":"%[1]s"}]}`, secretText)
	put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">%[1]s</div>"},
		"name":[{"family":"Example"}],"gender":"male","address":[{"city":"%[1]s"}]}`, secretText)
	put(t, s, "Observation/o", `{"resourceType":"Observation","id":"o","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">%[1]s</div>"},
		"contained":[{"resourceType":"Patient","id":"c","address":[{"city":"%[1]s"}]},{"resourceType":"RelatedPerson","id":"r","patient":{"reference":"Patient/p","display":"%[1]s"}}],"status":"final",
		"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}],"text":"%[1]s"},"subject":{"reference":"Patient/p","identifier":{"value":"%[1]s"},"display":"%[1]s"},
		"performer":[{"reference":"#r"},{"display":"%[1]s"}],"focus":[{"reference":"#c"}],"effectiveDateTime":"2024-01-01","valueString":"%[1]s"}`, secretText)
	put(t, s, "DocumentReference/d", `{"resourceType":"DocumentReference","id":"d","status":"current","subject":{"reference":"Patient/p","display":"%[1]s"},"date":"2024-01-01T00:00:00Z","content":[{"attachment":{"title":"%[1]s","url":"http://x.example"}}]}`, secretText)
	put(t, s, "Composition/k", `{"resourceType":"Composition","id":"k","status":"final","type":{"text":"note"},"subject":{"reference":"Patient/p","display":"%[1]s"},"date":"2024","author":[{"display":"A"}],"title":"T",
		"section":[{"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">%[1]s</div>"}}]}`, secretText)
}

var maskedPaths = []mask.Path{"Patient.address", "Observation.value", "Observation.code", "DocumentReference.content.attachment.title"}

func TestWhatIsMaskedIsGoneOnEveryWayOut(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		maskedRecord(t, d.Session(records.Principal{ID: "tester"}, nil))
		s := behindMask(t, d, append(slices.Clone(maskedPaths), "Patient.name", "Patient.identifier")...)
		ctx := t.Context()
		entries := func(r *records.SearchResult, err error) (all [][]byte, _ error) {
			if err != nil {
				return nil, err
			}
			for _, e := range r.Entries {
				all = append(all, e.JSON)
			}
			return all, nil
		}
		search := func(typ, query string) func() ([][]byte, error) {
			return func() ([][]byte, error) {
				return entries(s.Search(ctx, records.SearchRequest{Type: fhir.Type(typ), Pairs: pairs(t, query)}))
			}
		}
		one := func(r records.Resource, err error) ([][]byte, error) { return [][]byte{r.JSON}, err }
		bundle := func(kind, entry string) func() ([][]byte, error) {
			return func() (all [][]byte, _ error) {
				res, err := s.Bundle(ctx, body(`{"resourceType":"Bundle","type":%q,"entry":[%s]}`, kind, entry), records.BundleOptions{})
				if err != nil {
					return nil, err
				}
				for _, e := range res.Entries {
					if e.Err != nil {
						return nil, e.Err
					}
					if e.Resource != nil {
						all = append(all, e.Resource.JSON)
					}
					if e.Search != nil {
						some, _ := entries(e.Search, nil)
						all = append(all, some...)
					}
				}
				return all, nil
			}
		}
		ways := map[string]func() ([][]byte, error){
			"read":                  func() ([][]byte, error) { return one(s.Read(ctx, key("Patient/p"), records.ReadOptions{})) },
			"read of what contains": func() ([][]byte, error) { return one(s.Read(ctx, key("Observation/o"), records.ReadOptions{})) },
			"vread":                 func() ([][]byte, error) { return one(s.VRead(ctx, key("Patient/p"), "1", records.ReadOptions{})) },
			"search":                search("Patient", "gender=male"),
			"search of all":         search("", "_id=p,o,d"),
			"include":               search("Observation", "_id=o&_include=Observation:subject"),
			"revinclude":            search("Patient", "_id=p&_revinclude=Observation:subject&_revinclude=DocumentReference:subject"),
			"contained":             search("Patient", "gender:missing=true&_contained=true&_containedType=contained"),
			"containers":            search("Patient", "_contained=both"),
			"history": func() (all [][]byte, _ error) {
				h, err := s.History(ctx, records.HistoryRequest{Type: "Patient", ID: "p"})
				if err == nil {
					for _, e := range h.Entries {
						all = append(all, e.JSON)
					}
				}
				return all, err
			},
			"everything": func() ([][]byte, error) {
				return entries(s.Everything(ctx, records.EverythingRequest{Type: "Patient", ID: "p"}))
			},
			"docref": func() ([][]byte, error) {
				return entries(s.DocRef(ctx, records.DocRefRequest{Pairs: pairs(t, "patient=p")}))
			},
			"document": func() (all [][]byte, _ error) {
				some, err := s.Document(ctx, "k")
				for _, r := range some {
					all = append(all, r.JSON)
				}
				return all, err
			},
			"snapshot": func() (all [][]byte, err error) {
				for c, err := range s.Snapshot(ctx, records.SnapshotRequest{At: 1 << 40}) {
					if err != nil {
						return nil, err
					}
					all = append(all, c.JSON)
				}
				return all, nil
			},
			"changes": func() (all [][]byte, _ error) {
				some, _, _, err := s.Changes(ctx, 0, 100)
				for _, c := range some {
					all = append(all, c.JSON)
				}
				return all, err
			},
			"batch":                               bundle("batch", `{"request":{"method":"GET","url":"Patient/p"}},{"request":{"method":"GET","url":"Observation?subject=Patient/p"}}`),
			"transaction":                         bundle("transaction", `{"request":{"method":"GET","url":"Patient/p"}},{"request":{"method":"GET","url":"Observation?subject=Patient/p"}}`),
			"conditional create in a transaction": bundle("transaction", `{"request":{"method":"POST","url":"Patient","ifNoneExist":"_id=p"},"resource":{"resourceType":"Patient"}},{"request":{"method":"GET","url":"Patient/p"}}`),
			"conditional create": func() ([][]byte, error) {
				res, err := s.Create(ctx, "Patient", body(`{"resourceType":"Patient"}`), records.CreateOptions{IfNoneExist: pairs(t, "_id=p")})
				return one(res.Resource, err)
			},
		}
		rules := validate.New(definitions.MustBuiltIn(definitions.R4), validate.Options{})
		for name, way := range ways {
			all, err := way()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			redacted := 0
			for _, one := range all {
				if contains(one, secretText) {
					t.Errorf("%s: %s", name, one)
				}
				if contains(one, `"REDACTED"`) {
					redacted++
				}
				if len(one) == 0 {
					continue
				}
				tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), one, fhir.Limits{})
				if err != nil {
					t.Errorf("%s: %v", name, err)
				} else if issues := rules.Check(ctx, tree); len(issues) > 0 {
					t.Errorf("%s: %s\n%v", name, one, issues)
				}
			}
			if redacted == 0 && name != "contained" && name != "document" || len(all) == 0 {
				t.Errorf("%s: %d of %d say that they are redacted", name, redacted, len(all))
			}
		}
		for name, way := range map[string]func() (string, error){
			"graphql": func() (string, error) { return graph(t, s, "Patient/p", `{ address { city } text { div } }`) },
			"graphql search": func() (string, error) {
				return graph(t, s, "", `{ PatientList(gender: "male") { id address { city } } }`)
			},
			"graphql reference": func() (string, error) {
				return graph(t, s, "Observation/o", `{ code { text } subject { resource { ... on Patient { address { city } } } } }`)
			},
			"fhirpath": func() (string, error) {
				r, err := s.Evaluate(ctx, records.EvaluateRequest{Expression: "value | code.text | contained.address.city | subject.resolve().address.city", Key: key("Observation/o")})
				return fmt.Sprintf("%+v", r), err
			},
			"view": func() (string, error) {
				c := body(`{"resourceType":"ViewDefinition","status":"active","resource":"Patient","select":[{"column":[{"name":"id","path":"id"},{"name":"city","path":"address.city"}]}]}`)
				return rows(t, s, records.TableRequest{Content: &c}), nil
			},
			"what is graphed of references": func() (string, error) {
				return graph(t, s, "Observation/o", `{ subject { reference display identifier { value } } performer { display } }`)
			},
			"what is evaluated of references": func() (string, error) {
				r, err := s.Evaluate(ctx, records.EvaluateRequest{Expression: "descendants().display | subject.identifier.value", Key: key("Observation/o")})
				return fmt.Sprintf("%+v", r), err
			},
			"a view of references": func() (string, error) {
				c := body(`{"resourceType":"ViewDefinition","status":"active","resource":"Observation","select":[{"column":[{"name":"id","path":"id"},{"name":"who","path":"subject.display"}]}]}`)
				return rows(t, s, records.TableRequest{Content: &c}), nil
			},
			"diff": func() (string, error) {
				tree, err := s.Diff(ctx, records.DiffRequest{Key: key("Patient/p"), Version: "2", FromVersion: "1"})
				if err != nil {
					return "", err
				}
				return string(tree.Root().AppendJSON(nil)), nil
			},
		} {
			if got, err := way(); err != nil || strings.Contains(got, secretText) {
				t.Errorf("%s: %s, %v", name, got, err)
			}
		}
	})
}

func TestNothingIsLearnedOfWhatIsMaskedBySearching(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{IndexContent: true})
		maskedRecord(t, d.Session(records.Principal{ID: "tester"}, nil))
		s := behindMask(t, d, append(maskedPaths, "DocumentReference.author")...)
		for _, c := range []struct{ typ, query string }{
			{"Patient", "address-city=" + secretText}, {"Patient", "address:missing=true"}, {"Patient", "_content=" + secretText}, {"Patient", "_text=" + secretText},
			{"Patient", "_sort=address"}, {"Patient", "_filter=address co \"x\""}, {"Patient", "_has:Observation:subject:code=8867-4"},
			{"Observation", "subject:Patient.address=" + secretText}, {"Observation", "code=8867-4"}, {"Observation", "code:text=x"}, {"Observation", "value-string=x"}, {"Observation", "combo-code=8867-4"},
			{"Observation", "code-value-string=8867-4$x"}, {"Observation", "_sort=-code"}, {"Patient", "address=x&_contained=true"}, {"", "_content=" + secretText},
			{"DocumentReference", "_include=DocumentReference:author"}, {"DocumentReference", "_include=*"}, {"Practitioner", "_revinclude=DocumentReference:author"}, {"Patient", "_total=accurate&address=x"},
		} {
			_, err := s.Search(t.Context(), records.SearchRequest{Type: fhir.Type(c.typ), Pairs: pairs(t, c.query)})
			refused(t, err, fault.Forbidden, "your role does not show")
		}
		owner := key("Practitioner/x")
		_, err := s.Search(t.Context(), records.SearchRequest{Type: "DocumentReference", Compartment: &owner})
		refused(t, err, fault.Forbidden, "your role does not show")
		_, err = s.LastN(t.Context(), records.LastNRequest{Pairs: pairs(t, "patient=p&category=x")})
		refused(t, err, fault.Forbidden, "your role does not show")
		_, err = s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient"}`), records.CreateOptions{IfNoneExist: pairs(t, "address=x")})
		refused(t, err, fault.Forbidden, "your role does not show")
		if _, err := graph(t, s, "", `{ PatientList(address: "x") { id } }`); err == nil {
			t.Error("graphql searches by what is masked")
		}
		for _, c := range []struct{ typ, query string }{{"Patient", "name=Example&_sort=family"}, {"Observation", "date=2024&subject=Patient/p"}, {"Patient", "_id=p&_revinclude=Observation:subject"},
			{"Observation", "subject:Patient.gender=male"}, {"Observation", "subject:Patient.link:Patient.gender=male"}, {"Observation", "subject:Patient.link:Patient._id=p"}} {
			if _, err := s.Search(t.Context(), records.SearchRequest{Type: fhir.Type(c.typ), Pairs: pairs(t, c.query)}); err != nil {
				t.Errorf("%s?%s: %v", c.typ, c.query, err)
			}
		}
	})
}

// TestReferencesDoNotTellOfWhatIsMasked searches by the displays and identifiers of references
// to what has masked ones.
func TestReferencesDoNotTellOfWhatIsMasked(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{IndexContent: true})
		all := d.Session(records.Principal{ID: "tester"}, nil)
		maskedRecord(t, all)
		put(t, all, "Encounter/e", `{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}`)
		put(t, all, "Observation/plain", `{"resourceType":"Observation","id":"plain","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e","display":"Visit"}}`)
		put(t, all, "Observation/extended", `{"resourceType":"Observation","id":"extended","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p",
			"_display":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/translation","extension":[{"url":"lang","valueCode":"de"},{"url":"content","valueString":"%s"}]}]}}}`, secretText)
		s := behindMask(t, d, "Patient.name.family", "Patient.identifier")
		for _, c := range []struct{ typ, query string }{
			{"Observation", "subject:text=" + secretText}, {"Observation", "patient:text=" + secretText}, {"Observation", "performer:text=" + secretText}, {"Observation", "subject:identifier=" + secretText},
			{"Observation", "_content=" + secretText}, {"Observation", "_text=" + secretText}, {"", "_content=" + secretText}, {"Observation", "encounter.subject:text=" + secretText},
			{"Encounter", "_has:Observation:encounter:subject:text=" + secretText}, {"Observation", "subject:Patient.link:text=x"}, {"RelatedPerson", "patient:text=" + secretText + "&_contained=true"},
		} {
			_, err := s.Search(t.Context(), records.SearchRequest{Type: fhir.Type(c.typ), Pairs: pairs(t, c.query)})
			refused(t, err, fault.Forbidden, "your role does not show")
		}
		_, err := s.Search(t.Context(), records.SearchRequest{Type: "Observation", Pairs: pairs(t, "subject:text=x")})
		refused(t, err, fault.Forbidden, "include by subject:text:")
		for query, want := range map[string]string{
			"subject=Patient/p": "Observation/o Observation/plain Observation/extended", "subject:missing=false&encounter:text=visit": "Observation/plain", "code:text=" + secretText: "Observation/o",
			"subject:Patient.general-practitioner:text=x": "",
		} {
			if got := keys(must(s.Search(t.Context(), records.SearchRequest{Type: "Observation", Pairs: pairs(t, query)}))(t)); got != want {
				t.Errorf("%s finds %s", query, got)
			}
		}
		if got := keys(must(s.Search(t.Context(), records.SearchRequest{Pairs: pairs(t, "_type=Observation,Condition&encounter:text=visit")}))(t)); got != "Observation/plain" {
			t.Errorf("of several types %s is found", got)
		}
		plain := must(s.Read(t.Context(), key("Observation/plain"), records.ReadOptions{}))(t)
		if contains(plain.JSON, "REDACTED") || !contains(plain.JSON, `"Visit"`) {
			t.Errorf("what tells nothing is %s", plain.JSON)
		}
		if _, err := s.Update(t.Context(), plain.Key, body("%s", plain.JSON), records.UpdateOptions{}); err != nil {
			t.Error(err)
		}
		for _, k := range []string{"Composition/k", "DocumentReference/d", "Observation/extended"} {
			shown := must(s.Read(t.Context(), key(k), records.ReadOptions{}))(t)
			if contains(shown.JSON, `"display":"`+secretText) || contains(shown.JSON, `"valueString":"`+secretText) || !contains(shown.JSON, `"subject":{"reference":"Patient/p"}`) || !contains(shown.JSON, "REDACTED") {
				t.Errorf("%s", shown.JSON)
			}
			_, err := s.Update(t.Context(), key(k), body("%s", shown.JSON), records.UpdateOptions{})
			refused(t, err, fault.Forbidden, "would be lost")
		}
	})
}

func TestWhoSeesAPartOfAResourceCannotReplaceIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		all := d.Session(records.Principal{ID: "tester"}, nil)
		maskedRecord(t, all)
		s := behindMask(t, d, "Patient.address")
		for _, reference := range []string{"Patient/p", "Observation/o"} { // the latter contains a Patient
			read := must(s.Read(t.Context(), key(reference), records.ReadOptions{}))(t)
			_, err := s.Update(t.Context(), key(reference), body("%s", read.JSON), records.UpdateOptions{})
			refused(t, err, fault.Forbidden, "would be lost")
			_, err = s.Patch(t.Context(), key(reference), records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"test","path":"/id","value":"p"}]`)}, records.UpdateOptions{})
			refused(t, err, fault.Forbidden, "would be lost")
			_, err = s.Bundle(t.Context(), body(`{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":%q},"resource":%s}]}`, reference, read.JSON), records.BundleOptions{})
			refused(t, err, fault.Forbidden, "would be lost")
			for _, l := range must(s.Load(t.Context(), []records.Content{body("%s", read.JSON)}, records.LoadOptions{}))(t) {
				refused(t, l.Err, fault.Forbidden, "would be lost")
			}
			if now := must(all.Read(t.Context(), key(reference), records.ReadOptions{}))(t); now.Version != read.Version || !contains(now.JSON, secretText) {
				t.Errorf("%s", now.JSON)
			}
		}
		if res := must(s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient","address":[{"city":"x"}]}`), records.CreateOptions{}))(t); res.JSON != nil {
			t.Errorf("%s", res.JSON)
		}
		made := must(s.Bundle(t.Context(), body(`{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient"},"resource":{"resourceType":"Patient"}}]}`), records.BundleOptions{}))(t)
		for _, e := range made.Entries {
			if e.Status != 201 || e.Resource.JSON != nil {
				t.Errorf("%+v", e)
			}
		}
		if _, err := s.Delete(t.Context(), key("Observation/o"), records.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsContainedGoesWithTheElementThatIsMasked(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{Validation: records.ValidateStructure})
		all := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, all, "p")
		prescription(t, all, "r1", medication("m1", "a", "active"))
		prescription(t, all, "wrong", medication("m1", "a", "active"), `{"resourceType":"Substance","id":"s","code":{"text":"no reference"}}`)
		s := behindMask(t, d, "MedicationRequest.medication")
		res := must(s.Search(t.Context(), records.SearchRequest{Type: "MedicationRequest"}))(t)
		if len(res.Entries) != 2 || len(res.Issues) != 0 {
			t.Errorf("%d entries, %v", len(res.Entries), res.Issues)
		}
		for _, e := range res.Entries {
			if contains(e.JSON, "urn:drugs") || contains(e.JSON, "#m1") {
				t.Errorf("%s", e.JSON)
			}
		}
		for _, query := range []string{"_contained=true", "_contained=true&code=a", "_contained=true&_sort=code", "_contained=true&_containedType=contained&code=a", "_contained=both"} {
			res := must(s.Search(t.Context(), records.SearchRequest{Type: "Medication", Pairs: pairs(t, query+"&_total=accurate")}))(t)
			if len(res.Entries) != 0 || res.Total != 0 || len(res.Issues) != 0 {
				t.Errorf("Medication?%s: %d entries of %d, %v", query, len(res.Entries), res.Total, res.Issues)
			}
		}
	})
}

func TestWhatIsInsideOfWhatIsWithheldIsNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		all := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, all, "MolecularSequence/m", `{"resourceType":"MolecularSequence","id":"m","contained":[{"resourceType":"Patient","id":"c","gender":"male"}],"coordinateSystem":1,"patient":{"reference":"#c"}}`)
		s := behindMask(t, d, "MolecularSequence.coordinateSystem")
		for _, gender := range []string{"male", "female"} {
			res := must(s.Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: pairs(t, "_contained=true&gender="+gender)}))(t)
			if len(res.Entries) != 0 || len(res.Issues) != 0 {
				t.Errorf("%s: %d entries, %v", gender, len(res.Entries), res.Issues)
			}
		}
	})
}

func TestWhatCannotBeMaskedValidlyIsWithheld(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		all := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, all, "Organization/o", `{"resourceType":"Organization","id":"o","name":"A"}`)
		put(t, all, "MolecularSequence/m", `{"resourceType":"MolecularSequence","id":"m","coordinateSystem":1}`)
		put(t, all, "Patient/p", `{"resourceType":"Patient","id":"p"}`)
		for id, more := range map[string]string{"active": `"active"}]}`, "resolved": `"resolved"}]},"abatementDateTime":"2024"`} {
			put(t, all, "Condition/"+id, `{"resourceType":"Condition","id":%q,"subject":{"reference":"Patient/p"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":%s}`, id, more)
		}
		s := behindMask(t, d, "Organization.name", "MolecularSequence.coordinateSystem", "Condition.clinicalStatus")
		if res := must(s.Read(t.Context(), key("Organization/o"), records.ReadOptions{}))(t); !contains(res.JSON, `"_name":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}`) {
			t.Errorf("%s", res.JSON)
		}
		_, err := s.Read(t.Context(), key("MolecularSequence/m"), records.ReadOptions{})
		refused(t, err, fault.Forbidden, "would not be valid")
		res := must(s.Search(t.Context(), records.SearchRequest{Type: "MolecularSequence"}))(t)
		if len(res.Entries) != 0 || len(res.Issues) != 1 {
			t.Errorf("%d entries, %v", len(res.Entries), res.Issues)
		}
		res = must(s.Search(t.Context(), records.SearchRequest{Type: "Condition"}))(t) // what is abated is not active (con-4)
		if len(res.Entries) != 1 || res.Entries[0].Key.ID != "active" || contains(res.Entries[0].JSON, "clinicalStatus") || len(res.Issues) != 1 {
			t.Errorf("%v, %v", res.Entries, res.Issues)
		}
		_, err = s.Search(t.Context(), records.SearchRequest{Type: "Condition", Pairs: pairs(t, "clinical-status=active")})
		refused(t, err, fault.Forbidden, "you cannot search")
	})
}
