package records_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// pairsOf are the parameters of a query.
func pairsOf(t *testing.T, query string) (pairs []search.Pair) {
	t.Helper()
	for one := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(one, "=")
		value, err := url.QueryUnescape(value)
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, search.Pair{Name: name, Value: value})
	}
	return pairs
}

func TestWhatASearchCostsIsKnownBeforeItRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for i := range 30 {
			gender := "male"
			if i%10 == 0 {
				gender = "female"
			}
			put(t, s, fmt.Sprintf("Patient/p%d", i), `{"resourceType":"Patient","id":"p%d","gender":%q,"name":[{"family":"Ng"}]}`, i, gender)
		}
		refused := errors.New("it costs too much")
		var cost records.Cost
		told := 0
		metered := s.Metered(func(_ context.Context, c records.Cost) error {
			cost = c
			told++
			return refused
		})
		for query, want := range map[string]int64{
			"_count=10":                                 10, // the beginning of the table
			"gender=female&_count=10":                   10, // the beginning of an index
			"_id=p1&_count=10":                          10,
			"gender=female&family=ng&_count=10":         13, // all three, of whom the names are asked
			"gender=male&family=ng&_count=10":           37,
			"gender=male&_sort=family&_count=10":        37,
			"gender=male&_total=accurate&_count=10":     37,
			"gender=male&_summary=count":                27,
			"gender:not=male&_sort=family&_count=10":    40, // nothing narrows it
			"_sort=-_lastUpdated&_count=10":             10,
			"_count=10&_include=Patient:organization":   20,
			"_count=10&_revinclude=Observation:subject": 110,
			"_count=10&_include=*":                      110,
			"_count=10&_include:iterate=Patient:link":   40,
			"_count=0": 30,
		} {
			told = 0
			_, err := metered.Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: pairsOf(t, query)})
			if !errors.Is(err, refused) || told != 1 {
				t.Errorf("%s: %v, told %d times", query, err, told)
			}
			if cost.Resources != want || cost.String() == "" {
				t.Errorf("%s costs %d, not %d: %s", query, cost.Resources, want, cost)
			}
		}
		result, err := s.Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: pairsOf(t, "gender=male&_sort=family")})
		if err != nil || len(result.Entries) != 20 {
			t.Errorf("%v", err)
		}
	})
}

func TestAnExportHasWhatThereMayBeOnADay(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.session(t, records.Policy{}).Door()
		for _, text := range []string{"app exported-resources 1000/day", "app exported-bytes 5000/day"} {
			r, err := limits.ParseRule(text)
			if err == nil {
				_, err = door.Limits().Put(t.Context(), r, "test")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		export := func(app string, resources, bytes int64) error {
			t.Helper()
			s := door.Session(records.Principal{Client: app, ID: app}, nil)
			wait, err := s.MayExport()
			if (err != nil) != (wait > 0) || err != nil && (fault.KindOf(err) != fault.Throttled || wait > 48*time.Hour) {
				t.Errorf("wait %s, %v", wait, err)
			}
			if err == nil {
				s.CountExport(resources, bytes)
			}
			return err
		}
		if err := errors.Join(export("warehouse", 500, 1000), export("warehouse", 900, 1000)); err != nil {
			t.Error("one that began is written to its end:", err)
		}
		if export("warehouse", 1, 1) == nil {
			t.Error("more resources than there may be")
		}
		if err := export("another", 100, 9000); err != nil {
			t.Error(err)
		}
		if export("another", 1, 1) == nil {
			t.Error("more bytes than there may be")
		}
	})
}

func TestAHistoryAndARecordArePaidForByThePage(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for i := range 300 {
			put(t, s, fmt.Sprintf("Patient/p%d", i), `{"resourceType":"Patient","id":"p%d"}`, i)
			put(t, s, fmt.Sprintf("Observation/o%d", i), `{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p%d"}}`, i, i%10)
		}
		var spent, told int64
		refusing := error(nil)
		metered := s.Metered(func(_ context.Context, c records.Cost) error {
			spent += c.Resources
			told++
			return refusing
		})
		cost := func(name string, ask func() error) int64 {
			t.Helper()
			spent, told, refusing = 0, 0, nil
			if err := ask(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			paid := spent
			refusing = errors.New("it costs too much")
			if err := ask(); !errors.Is(err, refusing) {
				t.Errorf("%s that costs too much: %v", name, err)
			}
			return paid
		}
		history := func(r records.HistoryRequest) func() error {
			return func() error { _, err := metered.History(t.Context(), r); return err }
		}
		if n := cost("a history", history(records.HistoryRequest{Count: 20})); n != 20 {
			t.Errorf("a page of the history of all costs %d", n)
		}
		if n := cost("a history of one", history(records.HistoryRequest{Type: "Patient", ID: "p1", Count: 7})); n != 7 {
			t.Errorf("a page of the history of one costs %d", n)
		}
		everything := func(r records.EverythingRequest) func() error {
			return func() error { _, err := metered.Everything(t.Context(), r); return err }
		}
		if n := cost("a record", everything(records.EverythingRequest{Type: "Patient", ID: "p1"})); n < 30 || n > 2500 {
			t.Errorf("a record of 31 costs %d", n)
		}
		if n := cost("all records", everything(records.EverythingRequest{Type: "Patient", Pairs: pairsOf(t, "_count=50")})); n < 50 || n > 2500 {
			t.Errorf("a page of all records costs %d", n)
		}
	})
}
