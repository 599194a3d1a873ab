package records_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// tryAll is every way in with what it takes of which type.
func tryAll(t *testing.T) map[string]func(ctx context.Context, s *records.Session) error {
	t.Helper()
	p, o := key("Patient/p"), key("Observation/o")
	content := func() records.Content {
		return body(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`)
	}
	patch := records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"add","path":"/status","value":"amended"}]`)}
	criteria := pairs(t, "status=final")
	label := metaOf(t, `{"tag":[{"code":"x"}]}`)
	in := func(kind string, entries ...string) func(ctx context.Context, s *records.Session) error {
		return func(ctx context.Context, s *records.Session) error {
			res, err := s.Bundle(ctx, bundle(kind, entries...), records.BundleOptions{})
			if err == nil && kind == "batch" {
				err = res.Entries[0].Err
			}
			return err
		}
	}
	all := map[string]func(ctx context.Context, s *records.Session) error{
		"Observation.r read": func(ctx context.Context, s *records.Session) error {
			_, err := s.Read(ctx, o, records.ReadOptions{})
			return err
		},
		"Observation.r vread": func(ctx context.Context, s *records.Session) error {
			_, err := s.VRead(ctx, o, "1", records.ReadOptions{})
			return err
		},
		"Observation.r history": func(ctx context.Context, s *records.Session) error {
			_, err := s.History(ctx, records.HistoryRequest{Type: "Observation", ID: "o"})
			return err
		},
		"Observation.s history": func(ctx context.Context, s *records.Session) error {
			_, err := s.History(ctx, records.HistoryRequest{Type: "Observation"})
			return err
		},
		"*.s history": func(ctx context.Context, s *records.Session) error {
			_, err := s.History(ctx, records.HistoryRequest{})
			return err
		},
		"Observation.s search": func(ctx context.Context, s *records.Session) error {
			_, err := s.Search(ctx, records.SearchRequest{Type: "Observation"})
			return err
		},
		"*.s search": func(ctx context.Context, s *records.Session) error {
			_, err := s.Search(ctx, records.SearchRequest{})
			return err
		},
		"Observation.s search by _type": func(ctx context.Context, s *records.Session) error {
			_, err := s.Search(ctx, records.SearchRequest{Pairs: pairs(t, "_type=Observation")})
			return err
		},
		"Observation.s search in a compartment": func(ctx context.Context, s *records.Session) error {
			_, err := s.Search(ctx, records.SearchRequest{Type: "Observation", Compartment: &p})
			return err
		},
		"Observation.s explain": func(ctx context.Context, s *records.Session) error {
			_, err := s.Explain(ctx, records.SearchRequest{Type: "Observation"})
			return err
		},
		"Observation.c create": func(ctx context.Context, s *records.Session) error {
			_, err := s.Create(ctx, "Observation", content(), records.CreateOptions{})
			return err
		},
		"Observation.cs conditional create": func(ctx context.Context, s *records.Session) error {
			_, err := s.Create(ctx, "Observation", content(), records.CreateOptions{IfNoneExist: criteria})
			return err
		},
		"Observation.u update": func(ctx context.Context, s *records.Session) error {
			_, err := s.Update(ctx, o, content(), records.UpdateOptions{})
			return err
		},
		"Observation.us conditional update": func(ctx context.Context, s *records.Session) error {
			_, err := s.UpdateWhere(ctx, "Observation", criteria, content(), records.UpdateOptions{})
			return err
		},
		"Observation.ru patch": func(ctx context.Context, s *records.Session) error {
			_, err := s.Patch(ctx, o, patch, records.UpdateOptions{})
			return err
		},
		"Observation.rus conditional patch": func(ctx context.Context, s *records.Session) error {
			_, err := s.PatchWhere(ctx, "Observation", criteria, patch, records.UpdateOptions{})
			return err
		},
		"Observation.d delete": func(ctx context.Context, s *records.Session) error {
			_, err := s.Delete(ctx, o, records.DeleteOptions{})
			return err
		},
		"Observation.ds conditional delete": func(ctx context.Context, s *records.Session) error {
			_, err := s.DeleteWhere(ctx, "Observation", criteria, records.DeleteOptions{})
			return err
		},
		"Observation.r meta": func(ctx context.Context, s *records.Session) error { _, _, err := s.Meta(ctx, o, ""); return err },
		"Observation.ru meta-add": func(ctx context.Context, s *records.Session) error {
			_, err := s.MetaAdd(ctx, o, label, records.UpdateOptions{})
			return err
		},
		"Observation.ru meta-delete": func(ctx context.Context, s *records.Session) error {
			_, err := s.MetaDelete(ctx, o, label, records.UpdateOptions{})
			return err
		},
		"Observation.s labels": func(ctx context.Context, s *records.Session) error {
			_, err := s.LabelsInUse(ctx, "Observation")
			return err
		},
		"Observation.r diff": func(ctx context.Context, s *records.Session) error {
			_, err := s.Diff(ctx, records.DiffRequest{Key: o, Version: "1", FromVersion: "1"})
			return err
		},
		"Observation.r diff of references": func(ctx context.Context, s *records.Session) error {
			_, err := s.Diff(ctx, records.DiffRequest{From: "Observation/o", To: "Observation/o"})
			return err
		},
		"Patient.r everything": func(ctx context.Context, s *records.Session) error {
			_, err := s.Everything(ctx, records.EverythingRequest{Type: "Patient", ID: "p"})
			return err
		},
		"Patient.r everything of all": func(ctx context.Context, s *records.Session) error {
			_, err := s.Everything(ctx, records.EverythingRequest{Type: "Patient"})
			return err
		},
		"Observation.s lastn": func(ctx context.Context, s *records.Session) error {
			_, err := s.LastN(ctx, records.LastNRequest{Pairs: pairs(t, "patient=p&code=x")})
			return err
		},
		"DocumentReference.s docref": func(ctx context.Context, s *records.Session) error {
			_, err := s.DocRef(ctx, records.DocRefRequest{Pairs: pairs(t, "patient=p")})
			return err
		},
		"Composition.r document": func(ctx context.Context, s *records.Session) error { _, err := s.Document(ctx, "c"); return err },
		"Observation.r fhirpath": func(ctx context.Context, s *records.Session) error {
			_, err := s.Evaluate(ctx, records.EvaluateRequest{Key: o, Expression: "id"})
			return err
		},
		"Observation.r graphql": func(ctx context.Context, s *records.Session) error {
			_, err := s.GraphQL(ctx, records.GraphQLRequest{Key: o, Request: graphql.Request{Query: "{id}"}})
			return err
		},
		"Observation.r validate": func(ctx context.Context, s *records.Session) error {
			_, err := s.Validate(ctx, records.ValidateRequest{Type: "Observation", ID: "o"})
			return err
		},
		"Observation.d validate": func(ctx context.Context, s *records.Session) error {
			_, err := s.Validate(ctx, records.ValidateRequest{Type: "Observation", ID: "o", Mode: "delete"})
			return err
		},
		"Observation.s view": func(ctx context.Context, s *records.Session) error {
			_, err := s.Table(ctx, records.TableRequest{Content: observations()})
			return err
		},
		"ViewDefinition.r view": func(ctx context.Context, s *records.Session) error {
			_, err := s.Table(ctx, records.TableRequest{Reference: "ViewDefinition/v"})
			return err
		},
		"ValueSet.rs expand": func(ctx context.Context, s *records.Session) error {
			_, err := s.Expand(ctx, records.TerminologyRequest{Key: key("ValueSet/v")})
			return err
		},
		"CodeSystem.rs lookup": func(ctx context.Context, s *records.Session) error {
			_, err := s.Lookup(ctx, records.TerminologyRequest{Key: key("CodeSystem/c"), Inputs: terminology.Inputs{{Name: "code", Text: "a"}}})
			return err
		},
		"Binary.r content": func(ctx context.Context, s *records.Session) error {
			_, _, err := s.ReadBinary(ctx, "b", "", 0, -1)
			return err
		},
		"Binary.c content": func(ctx context.Context, s *records.Session) error {
			_, err := s.CreateBinary(ctx, records.BinaryContent{ContentType: "text/plain", SecurityContext: "Patient/p", Content: pieces([]byte("x"), 1)}, records.CreateOptions{})
			return err
		},
		"Binary.u content": func(ctx context.Context, s *records.Session) error {
			_, err := s.UpdateBinary(ctx, "b", records.BinaryContent{ContentType: "text/plain", SecurityContext: "Patient/p", Content: pieces([]byte("x"), 1)}, records.UpdateOptions{})
			return err
		},
		"*.s changes": func(ctx context.Context, s *records.Session) error { _, _, _, err := s.Changes(ctx, 0, 10); return err },
		"Provenance.c header": func(ctx context.Context, s *records.Session) error {
			c := body(`{"resourceType":"Provenance","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Patient/p"}}]}`)
			_, err := s.Create(ctx, "Observation", content(), records.CreateOptions{Request: records.Request{Provenance: &c}})
			return err
		},
	}
	for _, kind := range []string{"batch", "transaction"} {
		text := string(content().JSON)
		for name, e := range map[string]string{
			"Observation.r": entry("GET", "Observation/o", "", "", ""), "Observation.s": entry("GET", "Observation?status=final", "", "", ""),
			"Observation.c": entry("POST", "Observation", "", text, ""), "Observation.u": entry("PUT", "Observation/o", "", text, ""),
			"Observation.d": entry("DELETE", "Observation/o", "", "", ""), "Observation.us": entry("PUT", "Observation?status=final", "", text, ""),
		} {
			all[name+" in a "+kind] = in(kind, e)
		}
		all["Observation.r history in a "+kind] = in(kind, entry("GET", "Observation/o/_history", "", "", ""))
		all["Observation.s history in a "+kind] = in(kind, entry("GET", "Observation/_history", "", "", ""))
	}
	return all
}

// TestEveryWayInNeedsItsScope tries each with all scopes but the one that it takes.
func TestEveryWayInNeedsItsScope(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{Explain: true})
		everything := door.Session(records.Principal{}, nil)
		patient(t, everything, "p")
		for name, try := range tryAll(t) {
			observation(t, everything, "o", "Patient/p")
			takes, _, _ := strings.Cut(name, " ")
			typ, letters, _ := strings.Cut(takes, ".")
			for _, letter := range letters {
				if letters == "rs" { // either will do
					letter = 0
				}
				err := try(t.Context(), tokenSession(t, door, lacking(typ, letter)))
				if !errors.Is(err, records.ErrScope) || fault.KindOf(err) != fault.Forbidden {
					t.Errorf("%s: without %s.%c: %v", name, typ, letter, err)
				}
			}
			// With it what may be missing is a resource, never a scope.
			if err := try(t.Context(), tokenSession(t, door, "system/"+takes+" system/Provenance.cruds system/Observation.c")); errors.Is(err, records.ErrScope) {
				t.Errorf("%s: with it: %v", name, err)
			}
		}
	})
}

// lacking are all scopes but for one letter of a type, or of all; 0: all letters.
func lacking(typ string, letter rune) string {
	rest := strings.ReplaceAll("cruds", string(letter), "")
	if letter == 0 {
		rest = "cud"
	}
	if typ == "*" {
		return "system/*." + rest
	}
	var all []string
	for _, one := range []string{"Patient", "Observation", "Provenance", "Binary", "Composition", "DocumentReference", "ValueSet", "CodeSystem", "ViewDefinition"} {
		letters := "cruds"
		if one == typ {
			letters = rest
		}
		all = append(all, "system/"+one+"."+letters)
	}
	return strings.Join(all, " ")
}

func TestASearchOfEverythingFindsWhatAnyScopeAllows(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		observation(t, all, "o", "Patient/p")
		patient(t, all, "q")
		s := tokenSession(t, door, "patient/Observation.rs patient/Patient.r")
		if got := found(t, s, "", ""); got != "Observation/o" {
			t.Errorf("found %s", got)
		}
		if got := found(t, s, "Observation", "_include=Observation:subject"); got != "Observation/o +Patient/p" {
			t.Errorf("what may be read is not included: %s", got)
		}
		_, err := s.Search(t.Context(), records.SearchRequest{Pairs: pairs(t, "_type=Observation,Patient")})
		if !errors.Is(err, records.ErrScope) {
			t.Errorf("a type that no scope allows: %v", err)
		}
		if got := found(t, tokenSession(t, door, "system/Observation.s"), "Observation", "patient.name=Example"); got != "" {
			t.Errorf("a chain leads to a type that no scope allows: %s", got)
		}
	})
}

func TestAVersionIsShownToWhomItBelonged(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		observation(t, all, "came", "Patient/q")
		observation(t, all, "came", "Patient/p")
		observation(t, all, "went", "Patient/p")
		observation(t, all, "went", "Patient/q")
		s := tokenSession(t, door, "patient/*.cruds")
		o := records.ReadOptions{}
		_, err := s.VRead(t.Context(), key("Observation/came"), "1", o)
		refused(t, err, fault.NotFound, "there is no Observation/came/_history/1")
		_, err = s.VRead(t.Context(), key("Observation/went"), "1", o)
		refused(t, err, fault.NotFound, "there is no Observation/went/_history/1")
		must(s.VRead(t.Context(), key("Observation/came"), "2", o))(t)
		h := must(s.History(t.Context(), records.HistoryRequest{Type: "Observation", ID: "came"}))(t)
		if len(h.Entries) != 1 || h.Entries[0].Version != 2 || h.Total != 1 {
			t.Errorf("%d of %d versions", len(h.Entries), h.Total)
		}
		h = must(s.History(t.Context(), records.HistoryRequest{Type: "Observation"}))(t)
		if len(h.Entries) != 1 || h.Entries[0].Version != 2 || h.Total != 1 {
			t.Errorf("%d of %d versions", len(h.Entries), h.Total)
		}
		if h = must(s.History(t.Context(), records.HistoryRequest{}))(t); len(h.Entries) != 2 || h.Total != 2 {
			t.Errorf("%d of %d versions of all", len(h.Entries), h.Total)
		}
		changes, _, _, err := s.Changes(t.Context(), 0, 100)
		if err != nil || len(changes) != 2 { // the patient, and what came
			t.Errorf("%d changes, %v", len(changes), err)
		}
	})
}

func TestADeleteIsToldToWhomeverCouldReadWhatWasDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		observation(t, all, "mine", "Patient/p")
		observation(t, all, "other", "Patient/q")
		for _, id := range []string{"mine", "other"} {
			must(all.Delete(t.Context(), key("Observation/"+id), records.DeleteOptions{}))(t)
		}
		s := tokenSession(t, door, "patient/*.cruds")
		_, err := s.Read(t.Context(), key("Observation/mine"), records.ReadOptions{})
		refused(t, err, fault.Gone)
		_, err = s.Read(t.Context(), key("Observation/other"), records.ReadOptions{})
		refused(t, err, fault.NotFound, "there is no Observation/other")
		h := must(s.History(t.Context(), records.HistoryRequest{Type: "Observation", ID: "mine"}))(t)
		if len(h.Entries) != 2 || h.Total != 2 || !h.Entries[0].Deleted {
			t.Errorf("%d of %d versions", len(h.Entries), h.Total)
		}
		// Neither is what was deleted taken over, nor its past shown.
		_, err = s.Update(t.Context(), key("Observation/other"), body(`{"resourceType":"Observation","id":"other","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`), records.UpdateOptions{})
		refused(t, err, fault.Forbidden)
		observation(t, s, "mine", "Patient/p")
	})
}

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

func TestTheTotalOfAHistoryIsLeftOutWhenTooManyVersionsWouldHaveToBeRead(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{KeepUnchanged: true})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		observation(t, all, "o", "Patient/q")
		s := tokenSession(t, door, "patient/Observation.rs")
		for n := range 1002 {
			observation(t, all, "o", "Patient/p")
			if n != 1 && n != 1001 {
				continue
			}
			want := map[int]int64{1: 2, 1001: -1}[n]
			for _, r := range []records.HistoryRequest{{Type: "Observation"}, {Type: "Observation", ID: "o"}, {}} {
				if h := must(s.History(t.Context(), r))(t); h.Total != want {
					t.Errorf("%+v: total %d after %d versions, not %d", r, h.Total, n+2, want)
				}
			}
		}
	})
}

func TestAScopeAsksByAStoredSearchParameterOnceItIsIndexed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door, other := db.door(t, records.DefaultPolicy()), db.door(t, records.DefaultPolicy())
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		sited := func(id, site string) records.Content {
			return body(`{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"bodySite":{"coding":[{"code":%q}]}}`, id, site)
		}
		for _, id := range []string{"arm", "leg"} {
			must(all.Update(t.Context(), key("Observation/"+id), sited(id, id), records.UpdateOptions{}))(t)
		}
		scope := must(smart.ParseScope("patient/Observation.cruds?site=arm"))(t)
		if err := door.CheckScope(t.Context(), scope); err == nil || !strings.Contains(err.Error(), `"site" is not a parameter`) {
			t.Errorf("before it is there: %v", err)
		}
		define(t, door, "site", "active", "site token Observation.bodySite")
		for _, d := range []*records.Door{door, other} {
			await(t, func() bool {
				err := d.CheckScope(t.Context(), scope)
				return err != nil && strings.Contains(err.Error(), "Observation.site is being indexed")
			})
			s := d.Session(records.Principal{}, d.Ownership().Rules(access.Grant{Scopes: smart.Scopes{scope.String()}, Patient: "p"}))
			for name, try := range waysToRead() {
				if err := try(t.Context(), s); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "Observation.site is being indexed") || strings.Contains(err.Error(), "_indexing") {
					t.Errorf("%s while it is being indexed: %v", name, err)
				}
			}
		}
		work(t, door, nil)
		for _, d := range []*records.Door{door, other} {
			await(t, func() bool { return d.CheckScope(t.Context(), scope) == nil })
			s := tokenSession(t, d, scope.String())
			if got := found(t, s, "Observation", ""); got != "Observation/arm" {
				t.Errorf("found %s", got)
			}
			_, err := s.Read(t.Context(), key("Observation/leg"), records.ReadOptions{})
			refused(t, err, fault.NotFound)
			_, err = s.Create(t.Context(), "Observation", sited("new", "leg"), records.CreateOptions{})
			refused(t, err, fault.Forbidden)
			must(s.Update(t.Context(), key("Observation/arm"), sited("arm", "arm"), records.UpdateOptions{}))(t)
		}
		s := tokenSession(t, door, scope.String())
		define(t, door, "site", "retired", "site token Observation.bodySite")
		if got := found(t, s, "Observation", ""); got != "" || door.CheckScope(t.Context(), scope) == nil {
			t.Errorf("without it %s is found", got)
		}
	})
}

// waysToRead are reads of Observation/arm and of others beside it.
func waysToRead() map[string]func(ctx context.Context, s *records.Session) error {
	reads := func(kind string) func(ctx context.Context, s *records.Session) error {
		return func(ctx context.Context, s *records.Session) error {
			res, err := s.Bundle(ctx, bundle(kind, entry("GET", "Observation/arm", "", "", "")), records.BundleOptions{})
			if err == nil {
				err = res.Entries[0].Err
			}
			return err
		}
	}
	return map[string]func(ctx context.Context, s *records.Session) error{
		"read": func(ctx context.Context, s *records.Session) error {
			_, err := s.Read(ctx, key("Observation/arm"), records.ReadOptions{})
			return err
		},
		"search": func(ctx context.Context, s *records.Session) error {
			_, err := s.Search(ctx, records.SearchRequest{Type: "Observation"})
			return err
		},
		"partial search": func(ctx context.Context, s *records.Session) error {
			_, err := s.Search(ctx, records.SearchRequest{Type: "Observation", Partial: true})
			return err
		},
		"history": func(ctx context.Context, s *records.Session) error {
			_, err := s.History(ctx, records.HistoryRequest{Type: "Observation"})
			return err
		},
		"history of all": func(ctx context.Context, s *records.Session) error {
			_, err := s.History(ctx, records.HistoryRequest{})
			return err
		},
		"read in a batch": reads("batch"), "read in a transaction": reads("transaction"),
		"delete": func(ctx context.Context, s *records.Session) error {
			_, err := s.Delete(ctx, key("Observation/arm"), records.DeleteOptions{})
			return err
		},
	}
}
