package records_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestAPageOfLargeResourcesEndsEarlyAndTheNextGoesOn(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxPage: 10_000})
		for i := range 5 {
			put(t, s, fmt.Sprintf("Patient/p%d", i), `{"resourceType":"Patient","id":"p%d","birthDate":"200%d","name":[{"family":"%s"}]}`, i, i, strings.Repeat("x", 6000))
		}
		for _, query := range []string{"_count=100", "_count=100&_sort=birthdate", "_count=100&_sort=-_lastUpdated", "_count=100&_id=p0,p1,p2,p3,p4", "_count=100&_sort=-gender,birthdate"} {
			seen, pages := map[string]bool{}, 0
			for after, more := "", true; more; pages++ {
				res := must(s.Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: pairs(t, query), After: after}))(t)
				if len(res.Entries) > 2 {
					t.Errorf("%s: a page of %d", query, len(res.Entries))
				}
				for _, e := range res.Entries {
					seen[e.Key.String()] = true
				}
				after, more = res.Next, res.Next != ""
			}
			if len(seen) != 5 || pages != 3 {
				t.Errorf("%s: %d resources on %d pages", query, len(seen), pages)
			}
		}
		versions := 0
		for after, more := "", true; more; {
			h := must(s.History(t.Context(), records.HistoryRequest{Count: 100, After: after}))(t)
			if len(h.Entries) > 2 {
				t.Errorf("a page of %d versions", len(h.Entries))
			}
			versions, after, more = versions+len(h.Entries), h.Next, h.Next != ""
		}
		if versions != 5 {
			t.Errorf("%d versions", versions)
		}
	})
}

// A Binary's content is not in its row, but it is in the answer.
func TestTheContentOfBinariesCountsForThePage(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxPage: 10_000})
		for i := range 3 {
			put(t, s, fmt.Sprintf("Binary/b%d", i), `{"resourceType":"Binary","id":"b%d","contentType":"text/plain","data":"%s"}`, i, strings.Repeat("AAAA", 2000))
		}
		if h := must(s.History(t.Context(), records.HistoryRequest{Type: "Binary"}))(t); len(h.Entries) != 2 || h.Next == "" {
			t.Errorf("a page of %d, next %q", len(h.Entries), h.Next)
		}
	})
}

func TestLargeIncludesAreCutOffWithANote(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxPage: 10_000})
		large := strings.Repeat("x", 6000)
		for i := range 4 {
			put(t, s, fmt.Sprintf("Organization/o%d", i), `{"resourceType":"Organization","id":"o%d","name":"%s","partOf":{"reference":"Organization/o%d"}}`, i, large, max(i-1, 0))
		}
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","generalPractitioner":[{"reference":"Organization/o0"},{"reference":"Organization/o1"},{"reference":"Organization/o2"},{"reference":"Organization/o3"}]}`)
		for typ, query := range map[string]string{
			"Patient":      "_include=Patient:general-practitioner",
			"Organization": "_id=o3&_include:iterate=Organization:partof",
		} {
			res := must(s.Search(t.Context(), records.SearchRequest{Type: key(typ + "/x").Type, Pairs: pairs(t, query)}))(t)
			if len(res.Entries) != 3 || len(res.Issues) != 1 || !strings.Contains(res.Issues[0].Message, "cut off at 9.8 KiB") {
				t.Errorf("%s?%s: %d entries, %v", typ, query, len(res.Entries), res.Issues)
			}
		}
	})
}

func TestTheAnswersOfABundleAreBoundedTogether(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxAnswers: 20_000})
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"%s"}]}`, strings.Repeat("x", 6000))
		gets := []string{
			entry("GET", "Patient/p", "", "", ""), entry("GET", "Patient?_id=p", "", "", ""), entry("GET", "Patient/p/_history", "", "", ""),
			entry("GET", "Patient/p", "", "", ""), entry("GET", "Patient/p", "", "", ""),
		}
		res := must(s.Bundle(t.Context(), bundle("batch", gets...), records.BundleOptions{}))(t)
		refusals := 0
		for _, e := range res.Entries {
			if e.Err != nil {
				refusals++
				refused(t, e.Err, fault.Unprocessable, "several Bundles")
			}
		}
		if refusals != 2 {
			t.Errorf("%d entries are refused", refusals)
		}
		_, err := s.Bundle(t.Context(), bundle("transaction",
			entry("GET", "Patient/p", "", "", ""), entry("GET", "Patient?_id=p&_format=json", "", "", ""), entry("GET", "Patient?name=x", "", "", ""),
			entry("GET", "Patient?_count=5", "", "", ""), entry("PUT", "Patient/q", "", `{"resourceType":"Patient","id":"q"}`, ""),
		), records.BundleOptions{})
		refused(t, err, fault.Unprocessable, "several Bundles")
		if _, err := s.Read(t.Context(), key("Patient/q"), records.ReadOptions{}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("something stayed: %v", err)
		}
	})
}
