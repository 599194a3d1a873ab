package records_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// rows runs a view and returns its rows as lines of JSON.
func rows(t testing.TB, s *records.Session, r records.TableRequest) string {
	t.Helper()
	table, err := s.Table(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for row, err := range table.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(table.AppendJSON(nil, row)))
	}
	return strings.Join(lines, " ")
}

func observations() *records.Content {
	c := body(`{"resourceType":"ViewDefinition","status":"active","resource":"Observation","select":[{"column":[{"name":"id","path":"id"},{"name":"of","path":"subject.resolve().id"}]}]}`)
	return &c
}

func TestATableHoldsOnlyWhatItsSessionSees(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "mine")
		patient(t, all, "other")
		observation(t, all, "o1", "Patient/mine")
		observation(t, all, "o2", "Patient/other")
		put(t, all, "ViewDefinition/v", `{"resourceType":"ViewDefinition","id":"v","status":"active","resource":"Observation","select":[{"column":[{"name":"id","path":"id"}]}]}`)
		filter := must(door.Catalog("").CompartmentFilter("Patient", "mine", ""))(t)
		s := door.Session(records.Principal{}, only{filter})
		if got := rows(t, all, records.TableRequest{Content: observations()}); got != `{"id":"o1","of":"mine"} {"id":"o2","of":"other"}` {
			t.Errorf("everything: %s", got)
		}
		if got := rows(t, s, records.TableRequest{Content: observations()}); got != `{"id":"o1","of":"mine"}` {
			t.Errorf("the session's own: %s", got)
		}
		_, err := s.Table(t.Context(), records.TableRequest{Content: observations(), Patients: []string{"other"}})
		refused(t, err, fault.Invalid)
		_, err = s.Table(t.Context(), records.TableRequest{Reference: "ViewDefinition/v"})
		refused(t, err, fault.NotFound)
		if got := rows(t, all, records.TableRequest{Reference: "ViewDefinition/v", Patients: []string{"mine"}}); got != `{"id":"o1"}` {
			t.Errorf("of one patient: %s", got)
		}
	})
}

func TestATableOfManyPagesHasEachResourceOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for i := range 3 {
			var entries []string
			for j := range 400 {
				entries = append(entries, fmt.Sprintf(`{"resource":{"resourceType":"Patient","id":"p%d"},"request":{"method":"PUT","url":"Patient/p%[1]d"}}`, i*400+j))
			}
			c := body(`{"resourceType":"Bundle","type":"transaction","entry":[%s]}`, strings.Join(entries, ","))
			if _, err := s.Bundle(t.Context(), c, records.BundleOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		view := body(`{"resourceType":"ViewDefinition","status":"active","resource":"Patient","select":[{"column":[{"name":"id","path":"id"}]}]}`)
		seen := map[string]bool{}
		for _, row := range strings.Fields(rows(t, s, records.TableRequest{Content: &view})) {
			if seen[row] {
				t.Errorf("%s is there twice", row)
			}
			seen[row] = true
		}
		if len(seen) != 1200 {
			t.Errorf("%d rows", len(seen))
		}
	})
}
