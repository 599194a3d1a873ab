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

func TestATableOfManyPatientsHasTheirResourcesOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		var named []string
		for i := range 40 {
			id := fmt.Sprint("p", i)
			patient(t, s, id)
			put(t, s, "Observation/o"+id, `{"resourceType":"Observation","id":"o%s","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/%s"},"performer":[{"reference":"Patient/p0"}]}`, id, id)
			if i%2 == 1 {
				named = append(named, id)
			}
		}
		got := rows(t, s, records.TableRequest{Content: observations(), Patients: named})
		if n := strings.Count(got, "id"); n != 20 || !strings.Contains(got, `{"id":"op1","of":"p1"}`) || strings.Contains(got, `"op2"`) {
			t.Errorf("%d rows: %s", n, got)
		}
		if got := rows(t, s, records.TableRequest{Content: observations(), Patients: []string{"p0", "p1"}}); strings.Count(got, `"of"`) != 40 {
			t.Errorf("those of one who performed all: %s", got)
		}
		_, err := s.Table(t.Context(), records.TableRequest{Content: observations(), Patients: make([]string, 1001)})
		refused(t, err, fault.Invalid, "make a Group of them")
	})
}

func TestATableOfAGroupIsOfItsActiveMembersThatAreSeen(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		members := ""
		for i, id := range []string{"a", "b", "left", "back", "gone"} {
			patient(t, all, id)
			observation(t, all, fmt.Sprint("o", i), "Patient/"+id)
			members += fmt.Sprintf(`{"entity":{"reference":"Patient/%s"},"inactive":%t},`, id, id == "left" || id == "back")
		}
		patient(t, all, "other")
		observation(t, all, "o9", "Patient/other")
		put(t, all, "Group/g", `{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[%s{"entity":{"reference":"Patient/back"}}]}`, members)
		put(t, all, "Group/described", `{"resourceType":"Group","id":"described","type":"person","actual":false}`)
		if got := rows(t, all, records.TableRequest{Content: observations(), Groups: []string{"g"}}); got != `{"id":"o0","of":"a"} {"id":"o1","of":"b"} {"id":"o3","of":"back"} {"id":"o4","of":"gone"}` {
			t.Errorf("everybody's: %s", got)
		}
		people := body(`{"resourceType":"ViewDefinition","status":"active","resource":"Patient","select":[{"column":[{"name":"id","path":"id"}]}]}`)
		if got := rows(t, all, records.TableRequest{Content: &people, Groups: []string{"Group/g"}}); got != `{"id":"a"} {"id":"b"} {"id":"back"} {"id":"gone"}` {
			t.Errorf("the members: %s", got)
		}
		hide(t, all, "Patient/b")
		if got := rows(t, hiding(all), records.TableRequest{Content: observations(), Groups: []string{"g"}, Patients: []string{"a", "back"}}); got != `{"id":"o0","of":"a"} {"id":"o3","of":"back"}` {
			t.Errorf("of two patients in it: %s", got)
		}
		if got := rows(t, hiding(all), records.TableRequest{Content: observations(), Groups: []string{"g"}}); got != `{"id":"o0","of":"a"} {"id":"o3","of":"back"} {"id":"o4","of":"gone"}` {
			t.Errorf("of those that are not hidden: %s", got)
		}
		organizations := body(`{"resourceType":"ViewDefinition","status":"active","resource":"Organization","select":[{"column":[{"name":"id","path":"id"}]}]}`)
		for group, r := range map[string]records.TableRequest{
			"Group/described": {Content: observations(), Groups: []string{"described"}}, "no Group/none": {Content: observations(), Groups: []string{"none"}},
			"cannot be limited to a group": {Content: &organizations, Groups: []string{"g"}},
		} {
			_, err := all.Table(t.Context(), r)
			refused(t, err, fault.Invalid, group)
		}
		hide(t, all, "Group/g")
		_, err := hiding(all).Table(t.Context(), records.TableRequest{Content: observations(), Groups: []string{"g"}})
		refused(t, err, fault.Invalid, "no Group/g")
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
