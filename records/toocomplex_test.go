package records_test

import (
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// intricate is access with more conditions than one query can have.
type intricate struct {
	*access.Rules
	conditions search.Expr
}

func (i intricate) Filter(types []string, what smart.Interactions) search.Expr {
	return search.And{i.conditions, i.Rules.Filter(types, what)}
}

// A query cannot ask for what is allowed; one resource is still told from what is
// hidden, and what is hidden is like what is not there.
func TestWhatIsAllowedOfOneResourceHoldsWhereNoQueryCanAskIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		patient(t, all, "q")
		observation(t, all, "mine", "Patient/p")
		observation(t, all, "other", "Patient/q")
		subject := search.Param{Type: "Observation", Code: "subject", Kind: definitions.SearchReference}
		var conditions search.And
		for n := range 7_000 {
			conditions = append(conditions, search.Not{X: search.Reference{Param: subject, Type: "Patient", ID: fmt.Sprint("x", n)}})
		}
		rules := door.Ownership().Rules(access.Grant{Scopes: must(smart.ParseScopes("patient/Observation.cruds"))(t), Patient: "p"})
		s := door.Session(records.Principal{ID: "user", Client: "app"}, intricate{rules, conditions})
		_, err := s.Search(t.Context(), records.SearchRequest{Type: "Observation"})
		refused(t, err, fault.Unprocessable, "more conditions than one query can have")
		must(s.Patch(t.Context(), key("Observation/mine"), amendment, records.UpdateOptions{}))(t)
		for _, id := range []fhir.ID{"other", "none"} {
			_, err := s.Patch(t.Context(), fhir.Key{Type: "Observation", ID: id}, amendment, records.UpdateOptions{})
			refused(t, err, fault.NotFound, "there is no Observation/"+string(id))
			_, err = s.Delete(t.Context(), fhir.Key{Type: "Observation", ID: id}, records.DeleteOptions{})
			if err != nil {
				refused(t, err, fault.NotFound)
			}
		}
		must(all.Read(t.Context(), key("Observation/other"), records.ReadOptions{}))(t)
	})
}

var amendment = records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"replace","path":"/status","value":"amended"}]`)}
