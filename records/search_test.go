package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestIncludesFollowReferencesBothWaysWithoutRepeating(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Organization/top", `{"resourceType":"Organization","id":"top","name":"T"}`)
		put(t, s, "Organization/mid", `{"resourceType":"Organization","id":"mid","name":"M","partOf":{"reference":"Organization/top"}}`)
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"Organization/mid"}}`)
		observation(t, s, "o1", "Patient/p")
		observation(t, s, "o2", "Patient/p")
		for query, want := range map[string]string{
			"_include=Observation:subject":                                        "Observation/o1 Observation/o2 +Patient/p",
			"_include=Observation:subject&_include=Patient:organization":          "Observation/o1 Observation/o2 +Patient/p",
			"_include=Observation:subject&_include:iterate=Patient:organization":  "Observation/o1 Observation/o2 +Patient/p +Organization/mid",
			"_id=o1&_include=Observation:*":                                       "Observation/o1 +Patient/p",
			"_id=o1&_include=Observation:subject:Group":                           "Observation/o1",
			"_id=o1&_include=Observation:subject&_revinclude=Observation:subject": "Observation/o1 +Patient/p",
		} {
			if got := found(t, s, "Observation", query); got != want {
				t.Errorf("Observation?%s: %s, want %s", query, got, want)
			}
		}
		for query, want := range map[string]string{
			"_revinclude=Observation:subject":                                    "Patient/p +Observation/o1 +Observation/o2",
			"_revinclude=Observation:*":                                          "Patient/p +Observation/o1 +Observation/o2",
			"_include=Patient:organization&_include:iterate=Organization:partof": "Patient/p +Organization/mid +Organization/top",
		} {
			if got := found(t, s, "Patient", query); got != want {
				t.Errorf("Patient?%s: %s, want %s", query, got, want)
			}
		}
	})
}

func TestIncludesAreCutOffWithANote(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxIncludes: 2})
		patient(t, s, "p")
		for i := range 4 {
			observation(t, s, fmt.Sprint("o", i), "Patient/p")
		}
		res := must(s.Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: pairs(t, "_revinclude=Observation:subject")}))(t)
		if len(res.Entries) != 3 || len(res.Issues) != 1 || res.Issues[0].Severity != fault.Warning {
			t.Fatalf("%d entries, %v", len(res.Entries), res.Issues)
		}
	})
}

func TestIncludesInACircleEnd(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{AllowDangling: true})
		for i, next := range []string{"b", "c", "a"} {
			put(t, s, "Organization/"+string(rune('a'+i)), `{"resourceType":"Organization","id":"%c","name":"O","partOf":{"reference":"Organization/%s"}}`, 'a'+i, next)
		}
		for query, want := range map[string]string{
			"_id=a&_include=Organization:partof&_include:iterate=Organization:partof":                                                       "Organization/a +Organization/b +Organization/c",
			"_id=a&_include:iterate=Organization:partof&_revinclude:iterate=Organization:partof":                                            "Organization/a +Organization/b +Organization/c",
			"_id=a&_include:iterate=*&_revinclude:iterate=Organization:*&_include=Organization:partof:Organization&_include=Organization:*": "Organization/a +Organization/b +Organization/c",
		} {
			res := must(s.Search(t.Context(), records.SearchRequest{Type: "Organization", Pairs: pairs(t, query)}))(t)
			if len(res.Issues) > 0 {
				t.Errorf("%s: %v", query, res.Issues)
			}
			if got := found(t, s, "Organization", query); !sameWords(got, want) {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	})
}

func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

func TestPagesFollowEachOtherToTheEnd(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for i := range 7 {
			put(t, s, fmt.Sprintf("Patient/p%d", i), `{"resourceType":"Patient","id":"p%d","name":[{"family":"F%d"}]}`, i, 9-i)
		}
		for _, query := range []string{"_count=3&_total=accurate", "_count=3&_sort=-family&_total=accurate"} {
			var got []string
			request := records.SearchRequest{Type: "Patient", Pairs: pairs(t, query)}
			for page := 0; ; page++ {
				res := must(s.Search(t.Context(), request))(t)
				if res.Total != 7 || page > 2 {
					t.Fatalf("page %d: total %d", page, res.Total)
				}
				for _, e := range res.Entries {
					got = append(got, string(e.Key.ID))
				}
				if request.After = res.Next; request.After == "" {
					break
				}
			}
			if strings.Join(got, " ") != "p0 p1 p2 p3 p4 p5 p6" {
				t.Errorf("%s: %v", query, got)
			}
		}
		_, err := s.Search(t.Context(), records.SearchRequest{Type: "Patient", After: "made up"})
		refused(t, err, fault.Invalid)
	})
}

func TestAPageLinkIsGoodInEveryProcess(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		one, other := db.session(t, records.Policy{}), db.session(t, records.Policy{})
		patient(t, one, "p")
		patient(t, one, "q")
		request := records.SearchRequest{Type: "Patient", Pairs: pairs(t, "_count=1")}
		request.After = must(one.Search(t.Context(), request))(t).Next
		if res := must(other.Search(t.Context(), request))(t); len(res.Entries) != 1 || res.Entries[0].Key != key("Patient/q") {
			t.Errorf("%+v", res)
		}
	})
}

func TestACompartmentHoldsWhatBelongsToIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for _, p := range []string{"p", "q"} {
			patient(t, s, p)
			observation(t, s, "o-"+p, "Patient/"+p)
		}
		owner := key("Patient/p")
		for typ, want := range map[string]string{"Observation": "[Observation/o-p]", "Patient": "[Patient/p]", "": "[Observation/o-p Patient/p]"} {
			res := must(s.Search(t.Context(), records.SearchRequest{Type: key(typ + "/").Type, Compartment: &owner}))(t)
			var got []string
			for _, e := range res.Entries {
				got = append(got, e.Key.String())
			}
			if slices.Sort(got); fmt.Sprint(got) != want {
				t.Errorf("Patient/p/%s: %v, want %s", typ, got, want)
			}
		}
		_, err := s.Search(t.Context(), records.SearchRequest{Type: "Organization", Compartment: &owner})
		refused(t, err, fault.NotFound, "Organization")
	})
}

func TestUnknownParametersAreErrorsUnlessTheClientAsksForLeniency(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		strict, lenient := db.session(t, records.Policy{}), db.session(t, records.Policy{LenientSearch: true})
		unknown := []search.Pair{{Name: "nme", Value: "x"}}
		for _, tc := range []struct {
			s        *records.Session
			handling records.Handling
			ok       bool
		}{
			{strict, records.HandlingDefault, false}, {strict, records.HandlingLenient, true},
			{lenient, records.HandlingDefault, true}, {lenient, records.HandlingStrict, false},
		} {
			res, err := tc.s.Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: unknown, Handling: tc.handling})
			if !tc.ok {
				refused(t, err, fault.Invalid, "nme")
			} else if err != nil || len(res.Ignored) != 1 || len(res.Issues) != 1 || len(res.Self) != 0 {
				t.Errorf("handling %d: %+v, %v", tc.handling, res, err)
			}
		}
	})
}

func TestHistoryTellsEveryVersionNewestFirst(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","active":true}`)
		must(s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{}))(t)
		put(t, s, "Group/g", `{"resourceType":"Group","id":"g","type":"person","actual":true}`)
		list := func(r records.HistoryRequest) string {
			t.Helper()
			var got []string
			for {
				h := must(s.History(t.Context(), r))(t)
				for _, e := range h.Entries {
					if e.Deleted != (e.JSON == nil) {
						t.Errorf("%s/%d: deleted %v, JSON %s", e.Key, e.Version, e.Deleted, e.JSON)
					}
					got = append(got, fmt.Sprintf("%s/%d:%s", e.Key, e.Version, e.Method))
				}
				if r.After = h.Next; r.After == "" {
					return strings.Join(got, " ")
				}
			}
		}
		whole := "Group/g/1:PUT Patient/p/3:DELETE Patient/p/2:PUT Patient/p/1:PUT"
		for want, r := range map[string]records.HistoryRequest{
			whole[len("Group/g/1:PUT "):]: {Type: "Patient", ID: "p"},
			"Group/g/1:PUT":               {Type: "Group"},
			whole:                         {Count: 1},
			"":                            {Since: time.Now().Add(time.Hour)},
		} {
			if got := list(r); got != want {
				t.Errorf("%+v: %s, want %s", r, got, want)
			}
		}
		if h := must(s.History(t.Context(), records.HistoryRequest{Count: -1}))(t); h.Total != 4 || len(h.Entries) != 0 {
			t.Errorf("only the total: %+v", h)
		}
		_, err := s.History(t.Context(), records.HistoryRequest{Type: "Patient", ID: "never"})
		refused(t, err, fault.NotFound)
	})
}
