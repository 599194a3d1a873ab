package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestIncludesGoAroundCirclesOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{AllowDangling: true})
		for _, pair := range []string{"a b", "b c", "c a", "d d"} {
			from, to, _ := strings.Cut(pair, " ")
			put(t, s, "Organization/"+from, `{"resourceType":"Organization","id":%q,"name":"N","partOf":{"reference":"Organization/%s"}}`, from, to)
		}
		for query, want := range map[string]string{
			"_id=a&_include=Organization:partof":                 "Organization/a +Organization/b",
			"_id=a&_include:iterate=Organization:partof":         "Organization/a +Organization/b +Organization/c",
			"_id=a&_revinclude=Organization:partof":              "Organization/a +Organization/c",
			"_id=a&_revinclude:iterate=Organization:partof":      "Organization/a +Organization/c +Organization/b",
			"_id=a&_include:iterate=*":                           "Organization/a +Organization/b +Organization/c",
			"_id=a,b&_include:iterate=Organization:*":            "Organization/a Organization/b +Organization/c",
			"_id=d&_include:iterate=*":                           "Organization/d",
			"_id=a&_include=Organization:partof:Organization":    "Organization/a +Organization/b",
			"_id=a&_include=Organization:partof:Location":        "Organization/a",
			"_id=a&_include:iterate=Organization:*:Organization": "Organization/a +Organization/b +Organization/c",
		} {
			if got := found(t, s, "Organization", query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		for query, want := range map[string]string{
			"_include=Organization":                "Type:reference",
			"_include=Organization:name":           "only references can be included",
			"_include=Organization:partof:Nothing": "not a resource type",
			"_revinclude=*":                        "Provenance:*",
			"_include:recurse=*":                   "takes the modifier :iterate",
		} {
			_, err := s.Search(t.Context(), records.SearchRequest{Type: "Organization", Pairs: pairs(t, query)})
			refused(t, err, fault.Invalid, want)
		}
	})
}

func TestEachPageIncludesItsOwn(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for _, p := range []string{"p", "q"} {
			patient(t, s, p)
			observation(t, s, "o-"+p, "Patient/"+p)
		}
		request := records.SearchRequest{Type: "Observation", Pairs: pairs(t, "_count=1&_include=*")}
		for _, p := range []string{"p", "q"} {
			res := must(s.Search(t.Context(), request))(t)
			if len(res.Entries) != 2 || res.Entries[0].Key != key("Observation/o-"+p) || res.Entries[1].Key != key("Patient/"+p) {
				t.Errorf("%+v", res.Entries)
			}
			request.After = res.Next
		}
	})
}

func TestAVersionedReferenceIncludesThatVersion(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for v := range 3 {
			put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"F%d"}]}`, v)
		}
		for id, version := range map[string]string{"old": "/_history/2", "now": ""} {
			observation(t, s, id, "Patient/p"+version)
			res := must(s.Search(t.Context(), records.SearchRequest{Type: "Observation", Pairs: pairs(t, "_include=Observation:subject&_id="+id)}))(t)
			want := map[string]string{"old": "2", "now": "3"}[id]
			if len(res.Entries) != 2 || fmt.Sprint(res.Entries[1].Version) != want {
				t.Errorf("%s: %+v", id, res.Entries)
			}
		}
	})
}

func TestWhatNamesACanonicalIsIncludedWithItsResource(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		s := door.Session(records.Principal{}, nil)
		for id, version := range map[string]string{"q1": `,"version":"1"`, "q12": `,"version":"1.2"`, "q": ""} {
			put(t, s, "Questionnaire/"+id, `{"resourceType":"Questionnaire","id":%q,"status":"active","url":"http://example.org/q"%s}`, id, version)
		}
		put(t, s, "Questionnaire/other", `{"resourceType":"Questionnaire","id":"other","status":"active","url":"http://example.org/q/other"}`)
		put(t, s, "Questionnaire/nameless", `{"resourceType":"Questionnaire","id":"nameless","status":"active"}`)
		for _, response := range []string{"r1 http://example.org/q|1", "r12 http://example.org/q|1.2", "r http://example.org/q", "away http://example.org/elsewhere"} {
			id, canonical, _ := strings.Cut(response, " ")
			put(t, s, "QuestionnaireResponse/"+id, `{"resourceType":"QuestionnaireResponse","id":%q,"status":"completed","questionnaire":%q}`, id, canonical)
		}
		for query, want := range map[string]string{
			"_id=q1&_revinclude=QuestionnaireResponse:questionnaire":                  "Questionnaire/q1 +QuestionnaireResponse/r1 +QuestionnaireResponse/r",
			"_id=q12&_revinclude=QuestionnaireResponse:*":                             "Questionnaire/q12 +QuestionnaireResponse/r12 +QuestionnaireResponse/r",
			"_id=q&_revinclude=QuestionnaireResponse:questionnaire":                   "Questionnaire/q +QuestionnaireResponse/r",
			"_id=q1,q&_revinclude=QuestionnaireResponse:questionnaire:Questionnaire":  "Questionnaire/q1 Questionnaire/q +QuestionnaireResponse/r1 +QuestionnaireResponse/r",
			"_id=q1&_revinclude=QuestionnaireResponse:questionnaire:Measure":          "Questionnaire/q1",
			"_id=q1&_revinclude=QuestionnaireResponse:subject":                        "Questionnaire/q1",
			"_id=other,nameless&_revinclude=QuestionnaireResponse:questionnaire":      "Questionnaire/other Questionnaire/nameless",
			"_id=q&_revinclude:iterate=QuestionnaireResponse:questionnaire&_sort=url": "Questionnaire/q +QuestionnaireResponse/r",
		} {
			if got := found(t, s, "Questionnaire", query); !sameMembers(got, want) {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		narrow := door.Session(records.Principal{}, only{search.Not{X: search.IDs{"r"}}})
		if got := found(t, narrow, "Questionnaire", "_id=q1&_revinclude=QuestionnaireResponse:questionnaire"); got != "Questionnaire/q1 +QuestionnaireResponse/r1" {
			t.Errorf("who cannot see r is given %s", got)
		}
	})
}

func TestCanonicalsAreIncludedByTheirURL(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for id, version := range map[string]string{"q1": "1", "q2": "2"} {
			put(t, s, "Questionnaire/"+id, `{"resourceType":"Questionnaire","id":%q,"status":"active","url":"http://example.org/q","version":%q}`, id, version)
		}
		put(t, s, "Questionnaire/other", `{"resourceType":"Questionnaire","id":"other","status":"active","url":"http://example.org/other"}`)
		for id, canonical := range map[string]string{"r1": "http://example.org/q|1", "r3": "http://example.org/q|3", "r": "http://example.org/other"} {
			put(t, s, "QuestionnaireResponse/"+id, `{"resourceType":"QuestionnaireResponse","id":%q,"status":"completed","questionnaire":%q}`, id, canonical)
		}
		for query, want := range map[string]string{
			"_id=r1&_include=QuestionnaireResponse:questionnaire": "QuestionnaireResponse/r1 +Questionnaire/q1",
			"_id=r3&_include=QuestionnaireResponse:questionnaire": "QuestionnaireResponse/r3",
			"_id=r&_include=*": "QuestionnaireResponse/r +Questionnaire/other",
			"_id=r&_include=QuestionnaireResponse:questionnaire:Questionnaire": "QuestionnaireResponse/r +Questionnaire/other",
			"_id=r1&_include=QuestionnaireResponse:questionnaire:Measure":      "QuestionnaireResponse/r1",
			"_id=r1&_include=QuestionnaireResponse:subject":                    "QuestionnaireResponse/r1",
		} {
			if got := found(t, s, "QuestionnaireResponse", query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	})
}

// sameMembers says whether two lists have the same words, in whatever order.
func sameMembers(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
