package records_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// prescription stores a MedicationRequest with contained resources.
func prescription(t *testing.T, s *records.Session, id string, contained ...string) {
	t.Helper()
	put(t, s, "MedicationRequest/"+id, `{"resourceType":"MedicationRequest","id":"%s","contained":[%s],"status":"active","intent":"order",
		"medicationReference":{"reference":"#m1"},"subject":{"reference":"Patient/p"}}`, id, strings.Join(contained, ","))
}

func medication(id, code, status string) string {
	return fmt.Sprintf(`{"resourceType":"Medication","id":"%s","code":{"coding":[{"system":"urn:drugs","code":"%s"}]},"status":"%s"}`, id, code, status)
}

// among lists what a search finds page by page, contained resources with their
// fragment.
func among(t *testing.T, s *records.Session, query string) string {
	t.Helper()
	var got []string
	request := records.SearchRequest{Type: "Medication", Pairs: pairs(t, query)}
	for page := 0; page < 50; page++ {
		res := must(s.Search(t.Context(), request))(t)
		for _, e := range res.Entries {
			name := e.Key.String()
			if e.Fragment != "" {
				name += "#" + e.Fragment
				if !strings.Contains(string(e.JSON), `"id":"`+e.Fragment+`"`) {
					t.Errorf("%s is %s", name, e.JSON)
				}
			}
			if e.Mode != records.ModeMatch {
				t.Errorf("%s has mode %s", name, e.Mode)
			}
			got = append(got, name)
		}
		if request.After = res.Next; request.After == "" {
			return strings.Join(got, " ")
		}
		got = append(got, "/")
	}
	t.Fatal("the pages do not end")
	return ""
}

func TestContainedResourcesAreFoundByWhatOneOfThemHas(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{Validation: records.ValidateStructure})
		patient(t, s, "p")
		put(t, s, "Organization/maker", `{"resourceType":"Organization","id":"maker","name":"Maker Ltd"}`)
		put(t, s, "Medication/whole", "%s", medication("whole", "a", "active"))
		prescription(t, s, "r1", medication("m1", "a", "active"), medication("m2", "b", "inactive"))
		prescription(t, s, "r2", medication("m1", "a", "inactive"), medication("m2", "a", "inactive"), medication("m3", "a", "active"))
		prescription(t, s, "r3", `{"resourceType":"Substance","id":"m1","code":{"coding":[{"system":"urn:drugs","code":"a"}]},"status":"active"}`)
		prescription(t, s, "r4", `{"resourceType":"Medication","id":"m1","code":{"text":"c"},"manufacturer":{"reference":"Organization/maker"}}`)
		for query, want := range map[string]string{
			"_contained=false&code=a":                                                "Medication/whole",
			"code=a":                                                                 "Medication/whole",
			"_containedType=contained&code=a":                                        "Medication/whole",
			"_contained=true":                                                        "MedicationRequest/r1 MedicationRequest/r2 MedicationRequest/r4",
			"_contained=true&code=a":                                                 "MedicationRequest/r1 MedicationRequest/r2",
			"_contained=true&code=b":                                                 "MedicationRequest/r1",
			"_contained=true&code=b&status=active":                                   "",
			"_contained=true&code=a&status=inactive":                                 "MedicationRequest/r2",
			"_contained=true&code:missing=false&status:not=inactive":                 "MedicationRequest/r1 MedicationRequest/r2 MedicationRequest/r4",
			"_contained=true&status:missing=true":                                    "MedicationRequest/r4",
			"_contained=true&manufacturer.name=maker":                                "MedicationRequest/r4",
			"_contained=true&manufacturer.name=other":                                "",
			"_contained=true&_filter=code eq urn:drugs|a and not (status eq active)": "MedicationRequest/r2",
			"_contained=true&_has:MedicationRequest:medication:status=active":        "",
			"_contained=true&_containedType=contained&code=a":                        "MedicationRequest/r1#m1 MedicationRequest/r2#m1 MedicationRequest/r2#m2 MedicationRequest/r2#m3",
			"_contained=both&code=a":                                                 "Medication/whole MedicationRequest/r1 MedicationRequest/r2",
			"_contained=both&_containedType=contained&code=a&status=active":          "Medication/whole MedicationRequest/r1#m1 MedicationRequest/r2#m3",
			"_contained=both&_count=1":                                               "Medication/whole / MedicationRequest/r1 / MedicationRequest/r2 / MedicationRequest/r4",
			"_contained=true&_count=2":                                               "MedicationRequest/r1 MedicationRequest/r2 / MedicationRequest/r4",
			"_contained=true&_containedType=contained&_count=2":                      "MedicationRequest/r1#m1 MedicationRequest/r1#m2 / MedicationRequest/r2#m1 MedicationRequest/r2#m2 MedicationRequest/r2#m3 / MedicationRequest/r4#m1",
			"_contained=true&_containedType=contained&_count=3":                      "MedicationRequest/r1#m1 MedicationRequest/r1#m2 / MedicationRequest/r2#m1 MedicationRequest/r2#m2 MedicationRequest/r2#m3 / MedicationRequest/r4#m1",
			"_contained=true&_containedType=contained&_count=5":                      "MedicationRequest/r1#m1 MedicationRequest/r1#m2 MedicationRequest/r2#m1 MedicationRequest/r2#m2 MedicationRequest/r2#m3 / MedicationRequest/r4#m1",
		} {
			if got := among(t, s, query); got != want {
				t.Errorf("Medication?%s: %s, want %s", query, got, want)
			}
		}
		for query, want := range map[string]int64{
			"_contained=true&_total=accurate&_count=1": 3, "_contained=both&_summary=count&code=a": 3,
			"_contained=true&_containedType=contained&_count=0": 6, "_contained=true&_count=1": -1,
		} {
			if res := must(s.Search(t.Context(), records.SearchRequest{Type: "Medication", Pairs: pairs(t, query)}))(t); res.Total != want {
				t.Errorf("Medication?%s: total %d, want %d", query, res.Total, want)
			}
		}
		prescription(t, s, "r1", `{"resourceType":"Substance","id":"m1","code":{"text":"a"}}`)
		must(s.Delete(t.Context(), key("MedicationRequest/r4"), records.DeleteOptions{}))(t)
		if got := among(t, s, "_contained=true"); got != "MedicationRequest/r2" {
			t.Errorf("after changes: %s", got)
		}
	})
}

func TestWhatIsFoundInsideIsSortedWithTheRest(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		var ticks atomic.Int64 // no two writes at the same time
		s := must(records.Open(context.WithoutCancel(t.Context()), records.Config{
			Store: db.open(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Policy: records.Policy{Validation: records.ValidateStructure},
			Clock: func() time.Time { return time.UnixMilli(1_700_000_000_000 + ticks.Add(1)) },
		}))(t).Session(records.Principal{}, nil)
		patient(t, s, "p")
		put(t, s, "Medication/whole", "%s", medication("whole", "a", "active"))
		put(t, s, "Medication/last", "%s", medication("last", "z", "inactive"))
		prescription(t, s, "r2", medication("m1", "a", "inactive"), medication("m2", "a", "inactive"), medication("m3", "a", "active"))
		prescription(t, s, "r1", medication("m1", "a", "active"), medication("m2", "b", "inactive"))
		prescription(t, s, "r4", `{"resourceType":"Medication","id":"m1","code":{"text":"c"}}`)
		prescription(t, s, "r3", `{"resourceType":"Substance","id":"m1","code":{"coding":[{"system":"urn:drugs","code":"a"}]},"status":"active"}`)
		const r1, r2, r4 = "MedicationRequest/r1", "MedicationRequest/r2", "MedicationRequest/r4"
		for query, want := range map[string]string{
			"_contained=true&_sort=code":                                      r1 + " " + r2 + " " + r4,
			"_contained=true&_sort=-code":                                     r1 + " " + r2 + " " + r4,
			"_contained=true&_sort=-code&status=active":                       r1 + " " + r2,
			"_contained=true&_sort=-code&status=inactive&_count=1":            r1 + " / " + r2,
			"_contained=true&_sort=_lastUpdated":                              r2 + " " + r1 + " " + r4,
			"_contained=true&_sort=-_lastUpdated&_count=2":                    r4 + " " + r1 + " / " + r2,
			"_contained=true&_containedType=contained&_sort=status,-code":     r1 + "#m1 " + r2 + "#m3 " + r1 + "#m2 " + r2 + "#m1 " + r2 + "#m2 " + r4 + "#m1",
			"_contained=true&_containedType=contained&_sort=-code&code=a":     r1 + "#m1 " + r2 + "#m1 " + r2 + "#m2 " + r2 + "#m3",
			"_contained=true&_containedType=contained&_sort=code&_count=2":    r1 + "#m1 " + r2 + "#m1 / " + r2 + "#m2 " + r2 + "#m3 / " + r1 + "#m2 " + r4 + "#m1",
			"_contained=both&_sort=code":                                      "Medication/whole " + r1 + " " + r2 + " Medication/last " + r4,
			"_contained=both&_sort=-code":                                     "Medication/last " + r1 + " Medication/whole " + r2 + " " + r4,
			"_contained=both&_sort=-code&_count=1":                            "Medication/last / " + r1 + " / Medication/whole / " + r2 + " / " + r4,
			"_contained=both&_sort=-code&_count=2":                            "Medication/last " + r1 + " / Medication/whole " + r2 + " / " + r4,
			"_contained=both&_sort=-code&_count=3&_total=accurate":            "Medication/last " + r1 + " Medication/whole / " + r2 + " " + r4,
			"_contained=both&_sort=code&code=z":                               "Medication/last",
			"_contained=both&_sort=code&code=b":                               r1,
			"_contained=both&_sort=code&code=none":                            "",
			"_contained=both&_containedType=contained&_sort=-status&_count=4": "Medication/last " + r1 + "#m2 " + r2 + "#m1 " + r2 + "#m2 / Medication/whole " + r1 + "#m1 " + r2 + "#m3 " + r4 + "#m1",
		} {
			if got := among(t, s, query); got != want {
				t.Errorf("Medication?%s: %s, want %s", query, got, want)
			}
		}

		// What changes between two pages.
		first := records.SearchRequest{Type: "Medication", Pairs: pairs(t, "_contained=both&_sort=-code&_count=2")}
		first.After = must(s.Search(t.Context(), first))(t).Next
		must(s.Delete(t.Context(), key("Medication/whole"), records.DeleteOptions{}))(t)
		prescription(t, s, "r1", medication("m1", "y", "active"))
		res := must(s.Search(t.Context(), first))(t)
		if len(res.Entries) != 2 || res.Entries[0].Key != key(r2) || res.Entries[1].Key != key(r4) || res.Next != "" {
			t.Errorf("after changes: %+v", res)
		}
		first.Pairs = pairs(t, "_contained=both&_sort=code&_count=2")
		_, err := s.Search(t.Context(), first)
		refused(t, err, fault.Invalid)
	})
}

// disturbed is a store in which something is written before each search.
type disturbed struct {
	store.Store
	before func()
}

func (d disturbed) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	d.before()
	return d.Store.Search(ctx, q)
}

func TestWhatIsUnchangedIsFoundOnceAmongContainedOnesThoughOthersAreWrittenDuringAPage(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{Validation: records.ValidateStructure})
		patient(t, s, "p")
		for _, code := range []string{"b", "d", "f", "h", "j"} {
			put(t, s, "Medication/"+code, "%s", medication(code, code, "active"))
		}
		for _, code := range []string{"c", "e", "i"} {
			prescription(t, s, code, medication("m1", code, "active"))
		}
		there := false
		between := must(records.Open(t.Context(), records.Config{Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Store: disturbed{db.open(t), func() {
			for _, id := range []string{"new1", "new2"} {
				if there {
					must(s.Delete(t.Context(), key("Medication/"+id), records.DeleteOptions{}))(t)
				} else {
					put(t, s, "Medication/"+id, "%s", medication(id, "a", "active"))
				}
			}
			there = !there
		}}}))(t).Session(records.Principal{}, nil)
		for query, want := range map[string]string{
			"_sort=code":                            "b c d e f h i j",
			"_containedType=contained&_sort=-code":  "j i h f e d c b",
			"_containedType=contained&_elements=id": "b d f h j c e i",
		} {
			for count := range 5 {
				got := strings.Fields(among(t, between, fmt.Sprintf("_contained=both&%s&_count=%d", query, count+1)))
				got = slices.DeleteFunc(got, func(name string) bool { return name == "/" || strings.Contains(name, "/new") })
				for i, name := range got {
					_, id, _ := strings.Cut(strings.TrimSuffix(name, "#m1"), "/")
					got[i] = id
				}
				if all := strings.Join(got, " "); all != want {
					t.Errorf("%s, pages of %d: %s, want %s", query, count+1, all, want)
				}
			}
		}
	})
}

func TestAContainedResourceIsInTheCompartmentThatItRefersTo(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{Validation: records.ValidateStructure})
		for _, id := range []string{"p", "q"} {
			patient(t, s, id)
			put(t, s, "List/of-"+id, `{"resourceType":"List","id":"of-%[1]s","status":"current","mode":"working","contained":[
				{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/%[1]s"},"code":{"text":"x"}}],"entry":[{"item":{"reference":"#c"}}]}`, id)
			put(t, s, "Condition/own-"+id, `{"resourceType":"Condition","id":"own-%[1]s","subject":{"reference":"Patient/%[1]s"},"code":{"text":"x"}}`, id)
		}
		put(t, s, "List/none", `{"resourceType":"List","id":"none","status":"current","mode":"working","subject":{"reference":"Patient/p"},"contained":[
			{"resourceType":"Condition","id":"c","subject":{"display":"somebody"}}],"entry":[{"item":{"reference":"#c"}}]}`)
		owner := key("Patient/p")
		for query, want := range map[string]string{
			"_contained=true": "List/of-p", "_contained=both": "Condition/own-p List/of-p", "_contained=both&_sort=-_lastUpdated&code:text=x": "Condition/own-p List/of-p",
		} {
			var got []string
			for _, e := range must(s.Search(t.Context(), records.SearchRequest{Type: "Condition", Compartment: &owner, Pairs: pairs(t, query)}))(t).Entries {
				got = append(got, e.Key.String())
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %v, want %s", query, got, want)
			}
		}
		_, err := s.Search(t.Context(), records.SearchRequest{Type: "Medication", Compartment: &owner, Pairs: pairs(t, "_contained=true")})
		refused(t, err, fault.NotFound, "not part of the Patient compartment")
	})
}

func TestWhatCannotBeAskedOfContainedResourcesIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{Validation: records.ValidateStructure})
		patient(t, s, "p")
		for range 2 {
			prescription(t, s, "r1", medication("m1", "a", "active"))
			prescription(t, s, "r2", medication("m1", "a", "active"))
		}
		for query, want := range map[string]string{
			"_contained=yes": "true, both or false", "_containedType=all": "container or contained", "_contained=true&_contained=both": "twice",
			"_contained=both&_include=Medication:manufacturer": "_include and _revinclude cannot", "_contained=true&_sort=kode": "did you mean",
			"_contained:not=true": "takes no modifier", "_contained=true&kode=a": "did you mean",
		} {
			_, err := s.Search(t.Context(), records.SearchRequest{Type: "Medication", Pairs: pairs(t, query), Handling: records.HandlingStrict})
			refused(t, err, fault.Invalid, want)
		}
		_, err := s.Search(t.Context(), records.SearchRequest{Pairs: pairs(t, "_contained=true")})
		refused(t, err, fault.Invalid, "needs the resource type")
		_, err = s.Create(t.Context(), "Medication", body("%s", medication("x", "a", "active")), records.CreateOptions{IfNoneExist: pairs(t, "_contained=true&code=a")})
		refused(t, err, fault.Invalid, "only a search")
		first := records.SearchRequest{Type: "Medication", Pairs: pairs(t, "_contained=true&code=a&_count=1")}
		next := must(s.Search(t.Context(), first))(t).Next
		for _, query := range []string{"_contained=true&code=b&_count=1", "_contained=both&code=a&_count=1", "_contained=true&_containedType=contained&code=a&_count=1", "code=a&_count=1"} {
			_, err := s.Search(t.Context(), records.SearchRequest{Type: "Medication", Pairs: pairs(t, query), After: next})
			refused(t, err, fault.Invalid)
		}
		first.After = next
		if res := must(s.Search(t.Context(), first))(t); len(res.Entries) != 1 || res.Next != "" {
			t.Errorf("%+v", res)
		}
	})
}

func TestContainedResourcesAreSeenOnlyInsideOfWhatASessionSees(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{Validation: records.ValidateStructure})
		all := door.Session(records.Principal{ID: "tester"}, nil)
		patient(t, all, "p")
		prescription(t, all, "r1", medication("m1", "a", "active"))
		prescription(t, all, "r2", medication("m1", "a", "active"))
		narrow := door.Session(records.Principal{ID: "narrow"}, only{search.IDs{"r2"}})
		if got := among(t, narrow, "_contained=true&code=a"); got != "MedicationRequest/r2" {
			t.Errorf("found %s", got)
		}
	})
}

func TestAPageAmongContainedResourcesLooksAtBoundedlyMany(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{Validation: records.ValidateStructure, AllowDangling: true})
		for i := range 2001 {
			code := "a"
			if i == 2000 {
				code = "last"
			}
			id := fmt.Sprintf("r%d", i)
			_, err := s.Update(t.Context(), key("MedicationRequest/"+id), body(`{"resourceType":"MedicationRequest","id":"%s","contained":[%s],"status":"active","intent":"order",
				"medicationReference":{"reference":"#m1"},"subject":{"reference":"Patient/p"}}`, id, medication("m1", code, "active")), records.UpdateOptions{Request: records.Request{Bulk: true}})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Door().Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := among(t, s, "_contained=true&code=last"); got != "/ MedicationRequest/r2000" {
			t.Errorf("found %s", got)
		}
		if res := must(s.Search(t.Context(), records.SearchRequest{Type: "Medication", Pairs: pairs(t, "_contained=true&code=a&_summary=count")}))(t); res.Total != 2000 {
			t.Errorf("total %d", res.Total)
		}
	})
}
