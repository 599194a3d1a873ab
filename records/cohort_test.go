package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// members are the members of a Group in order, as text.
func members(t testing.TB, s *records.Session, id fhir.ID) string {
	t.Helper()
	var all []string
	for key, err := range s.GroupMembers(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, key.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func membersError(t testing.TB, s *records.Session, id fhir.ID) error {
	t.Helper()
	for _, err := range s.GroupMembers(t.Context(), id) {
		if err != nil {
			return err
		}
	}
	return nil
}

// filtered is a Group with criteria, and further elements.
func filtered(id, more string, criteria ...string) string {
	var filters []string
	for _, c := range criteria {
		filters = append(filters, fmt.Sprintf(`{"url":"http://hl7.org/fhir/uv/bulkdata/StructureDefinition/member-filter","valueExpression":{"language":"application/x-fhir-query","expression":%q}}`, c))
	}
	return fmt.Sprintf(`{"resourceType":"Group","id":%q,"type":"person","actual":%v,"name":"G","modifierExtension":[%s]%s}`,
		id, strings.Contains(more, `"member"`), strings.Join(filters, ","), more)
}

// clinic stores patients a to d, of whom a and b are women, and a and c have an
// encounter in January.
func clinic(t testing.TB, s *records.Session) {
	t.Helper()
	for _, id := range []string{"a", "b", "c", "d"} {
		gender := "female"
		if id > "b" {
			gender = "male"
		}
		put(t, s, "Patient/"+id, `{"resourceType":"Patient","id":%q,"gender":%q}`, id, gender)
	}
	for id, day := range map[string]string{"a": "2024-01-03", "b": "2024-03-03", "c": "2024-01-31"} {
		put(t, s, "Encounter/e-"+id, `{"resourceType":"Encounter","id":"e-%[1]s","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"subject":{"reference":"Patient/%[1]s"},"period":{"start":"%[2]sT08:00:00Z","end":"%[2]sT09:00:00Z"}}`, id, day)
	}
}

const inJanuary = "Encounter?class=http://terminology.hl7.org/CodeSystem/v3-ActCode|AMB&date=ge2024-01-01&date=le2024-01-31"

func TestAGroupFindsItsMembersByAllOfItsCriteria(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.DefaultPolicy())
		clinic(t, s)
		put(t, s, "Group/inner", `{"resourceType":"Group","id":"inner","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/c"}},{"entity":{"reference":"Patient/d"}}]}`)
		for _, c := range []struct{ id, group, want string }{
			{"women", filtered("women", "", "Patient?gender=female"), "Patient/a Patient/b"},
			{"january", filtered("january", "", inJanuary), "Patient/a Patient/c"},
			{"both", filtered("both", "", "Patient?gender=female", inJanuary), "Patient/a"},
			{"any", filtered("any", "", "Encounter?"), "Patient/a Patient/b Patient/c"},
			{"all", filtered("all", "", "Patient?"), "Patient/a Patient/b Patient/c Patient/d"},
			{"absolute", filtered("absolute", "", base+"/Patient?gender=male"), "Patient/c Patient/d"},
			{"list", `{"resourceType":"Group","id":"list","type":"person","actual":true,"member":[
				{"entity":{"reference":"Patient/b"}},{"entity":{"reference":"Patient/a"},"inactive":true},{"entity":{"reference":"Patient/b"}},
				{"entity":{"reference":"Patient/c"},"period":{"start":"2020-01-01","end":"2021-01-01"}},{"entity":{"reference":"Patient/d"},"period":{"end":"2999"}},
				{"entity":{"reference":"https://elsewhere.example/Patient/x"}},{"entity":{"display":"somebody"}}]}`, "Patient/b Patient/d"},
			{"listed", filtered("listed", `,"member":[{"entity":{"reference":"Patient/a"}},{"entity":{"reference":"Patient/b"}}]`, inJanuary), "Patient/a"},
			{"nested", filtered("nested", `,"member":[{"entity":{"reference":"Patient/a"}},{"entity":{"reference":"Group/inner"}}]`, inJanuary), "Patient/a Patient/c"},
			{"union", `{"resourceType":"Group","id":"union","type":"person","actual":true,"member":[{"entity":{"reference":"Group/women"}},{"entity":{"reference":"Group/inner"}},{"entity":{"reference":"Patient/c"}}]}`, "Patient/a Patient/b Patient/c Patient/d"},
			{"empty", `{"resourceType":"Group","id":"empty","type":"person","actual":true}`, ""},
		} {
			put(t, s, "Group/"+c.id, "%s", c.group)
			if got := members(t, s, fhir.ID(c.id)); got != c.want {
				t.Errorf("%s has %s, want %s", c.id, got, c.want)
			}
		}
	})
}

func TestMembersFoundByCriteriaAreAsOfTheMomentTheyAreAskedFor(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.DefaultPolicy())
		clinic(t, s)
		put(t, s, "Group/january", "%s", filtered("january", "", "Patient?gender=female", inJanuary))
		put(t, s, "Patient/c", `{"resourceType":"Patient","id":"c","gender":"female"}`)
		if _, err := s.Delete(t.Context(), key("Encounter/e-a"), records.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := members(t, s, "january"); got != "Patient/c" {
			t.Errorf("it has %s", got)
		}
	})
}

func TestAGroupHasTheMembersThatTheSessionSees(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.DefaultPolicy())
		s := door.Session(records.Principal{ID: "tester"}, nil)
		clinic(t, s)
		put(t, s, "Group/women", "%s", filtered("women", "", "Patient?gender=female"))
		put(t, s, "Group/january", "%s", filtered("january", "", inJanuary))
		put(t, s, "Group/list", `{"resourceType":"Group","id":"list","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/a"}},{"entity":{"reference":"Patient/b"}}]}`)
		// Of patients and encounters it sees b's, and every Group.
		few := door.Session(records.Principal{ID: "few"}, only{search.IDs{"b", "e-b", "women", "january", "list"}})
		for id, want := range map[fhir.ID]string{"women": "Patient/b", "january": "", "list": "Patient/b"} {
			if got := members(t, few, id); got != want {
				t.Errorf("%s has %q, want %q", id, got, want)
			}
		}
		none := door.Session(records.Principal{ID: "none"}, only{search.IDs{"b"}})
		refused(t, membersError(t, none, "women"), fault.NotFound)
	})
}

func TestCriteriaThatCannotBeEvaluatedAreRefusedWithTheGroup(t *testing.T) {
	db := newDatabase(t, "sqlite")
	s := db.session(t, records.DefaultPolicy())
	for name, c := range map[string]struct {
		group string
		says  []string
	}{
		"an unknown parameter":           {filtered("g", "", "Patient?shoesize=43"), []string{"Group.modifierExtension[0]", "shoesize"}},
		"an unknown type":                {filtered("g", "", "Patient?gender=male", "Patiend?gender=male"), []string{"Group.modifierExtension[1]", "Patiend"}},
		"a type of no compartment":       {filtered("g", "", "Medication?code=1"), []string{"Medication", "compartment"}},
		"all types":                      {filtered("g", "", "?_lastUpdated=gt2020"), []string{"no search of one resource type"}},
		"a compartment":                  {filtered("g", "", "Patient/1/Encounter?class=AMB"), []string{"Patient/1/Encounter"}},
		"a parameter of the answer":      {filtered("g", "", "Patient?gender=male&_sort=name"), []string{"_sort"}},
		"an include":                     {filtered("g", "", "Encounter?_include=Encounter:subject"), []string{"_include"}},
		"a bad value":                    {filtered("g", "", "Encounter?date=yesterday"), []string{"yesterday"}},
		"an unknown modifier":            {filtered("g", "", "Patient?gender:nearly=male"), []string{"nearly"}},
		"another language":               {strings.Replace(filtered("g", "", "Patient?"), "application/x-fhir-query", "text/cql", 1), []string{"text/cql", "application/x-fhir-query"}},
		"no expression":                  {strings.Replace(filtered("g", "", "Patient?"), `"valueExpression":{"language":"application/x-fhir-query","expression":"Patient?"}`, `"valueString":"Patient?"`, 1), []string{"valueExpression"}},
		"a type of no people":            {strings.Replace(filtered("g", "", "Patient?"), `"person"`, `"medication"`, 1), []string{"Group.type", "person, practitioner or device"}},
		"characteristics beside filters": {filtered("g", `,"characteristic":[{"code":{"text":"x"},"valueBoolean":true,"exclude":false}]`, "Patient?"), []string{"Group.characteristic"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Update(t.Context(), key("Group/g"), body("%s", c.group), records.UpdateOptions{})
			refused(t, err, fault.Unprocessable, c.says...)
		})
	}
}

func TestGroupsThatHaveNoEndAreRefusedWhenTheyAreRead(t *testing.T) {
	db := newDatabase(t, "sqlite")
	s := db.session(t, records.DefaultPolicy())
	put(t, s, "Group/x", `{"resourceType":"Group","id":"x","type":"person","actual":true}`)
	put(t, s, "Group/y", `{"resourceType":"Group","id":"y","type":"person","actual":true,"member":[{"entity":{"reference":"Group/x"}}]}`)
	put(t, s, "Group/x", `{"resourceType":"Group","id":"x","type":"person","actual":true,"member":[{"entity":{"reference":"Group/y"}}]}`)
	refused(t, membersError(t, s, "x"), fault.Unprocessable, "member of itself")
	put(t, s, "Group/words", `{"resourceType":"Group","id":"words","type":"person","actual":false,"characteristic":[{"code":{"text":"x"},"valueBoolean":true,"exclude":false}]}`)
	refused(t, membersError(t, s, "words"), fault.Unprocessable, "characteristics", "member-filter")
	refused(t, membersError(t, s, "nowhere"), fault.NotFound)
}

func TestPractitionersAndDevicesMakeGroupsToo(t *testing.T) {
	db := newDatabase(t, "sqlite")
	s := db.session(t, records.DefaultPolicy())
	clinic(t, s)
	put(t, s, "Practitioner/p", `{"resourceType":"Practitioner","id":"p"}`)
	put(t, s, "Practitioner/q", `{"resourceType":"Practitioner","id":"q"}`)
	put(t, s, "Encounter/e-p", `{"resourceType":"Encounter","id":"e-p","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/d"},"participant":[{"individual":{"reference":"Practitioner/p"}}]}`)
	put(t, s, "Group/staff", "%s", strings.Replace(filtered("staff", "", "Encounter?status=finished"), `"person"`, `"practitioner"`, 1))
	if got := members(t, s, "staff"); got != "Practitioner/p" {
		t.Errorf("it has %q", got)
	}
}
