package records_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
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
