package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// oldServer is a FHIR server that knows few searches: one Patient with 25
// Observations, in pages of as many as asked for. It refuses chains.
func oldServer(t *testing.T) string {
	t.Helper()
	observation := `{"resource":{"resourceType":"Observation","id":"o","code":{"coding":[{"system":"http://loinc.org","code":"8302-2"}]}}}`
	bundle := func(total int, entry string, n int, next string) string {
		entries := strings.TrimSuffix(strings.Repeat(entry+",", n), ",")
		return fmt.Sprintf(`{"resourceType":"Bundle","total":%d,"link":[%s],"entry":[%s]}`, total, next, entries)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case r.URL.Path == "/fhir/Patient" && q.Get("_sort") == "":
			fmt.Fprint(w, bundle(1, `{"resource":{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:mrn","value":"a|b"}]}}`, 1, ""))
		case r.URL.Path == "/fhir/Condition":
			fmt.Fprint(w, bundle(0, "", 0, ""))
		case r.URL.Path == "/fhir/Observation" && q.Get("_summary") == "count":
			fmt.Fprint(w, bundle(25, "", 0, ""))
		case r.URL.Path == "/fhir/Observation" && q.Get("patient.identifier") == "":
			n, next := 20, ""
			if q.Get("page") == "" {
				next = `{"relation":"next","url":"http://` + r.Host + `/fhir/Observation?page=2"}`
			} else if q.Get("page") == "2" {
				next = `{"relation":"next","url":"http://` + r.Host + `/fhir/Observation?page=3"}`
			} else {
				n = 5
			}
			fmt.Fprint(w, bundle(45, observation, n, next))
		default:
			w.WriteHeader(http.StatusNotImplemented)
			fmt.Fprint(w, `{"resourceType":"OperationOutcome","issue":[{"diagnostics":"No such search here."}]}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/fhir"
}

func TestSearchesThatAServerRefusesAreReportedAndTheOthersMeasured(t *testing.T) {
	results, err := Run(t.Context(), Options{BaseURL: oldServer(t), Workloads: []string{"search", "counts"},
		Concurrency: 2, Warmup: time.Millisecond, Duration: 20 * time.Millisecond})
	if err != nil || len(results) != len(searches)+1 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	want := map[string]string{ // beginning of why not; "" for answered
		"search/token": "", "search/two": "", "search/date": "no value was found", "search/chain": "GET /Observation?patient.identifier=urn%3Amrn%7Ca%5C%7Cb&_count=20&_total=none: 501: No such search here.",
		"search/has": "no value was found", "search/include": "", "search/revinclude": "no value was found",
		"search/text": "no value was found", "search/quantity": "no value was found", "search/count": "", "search/everything": "GET /Patient/p/$everything",
		"search/page1000": "", "counts": "",
	}
	for _, r := range results {
		why, known := want[r.Workload]
		switch {
		case !known || r.Failed > 0 || !strings.HasPrefix(r.NotAnswered, why) || why == "" && (r.NotAnswered != "" || r.Requests == 0):
			t.Errorf("%+v, not %q", r, why)
		case r.Workload == "search/page1000" && (r.Note != "page 2" || r.Size != fullPage):
			t.Errorf("the last full page is the second: %+v", r)
		case r.Workload == "counts" && (r.HitsPerSecond < 25 || !strings.Contains(r.String(), "hits/s")):
			t.Errorf("%+v", r)
		case why != "" && !strings.Contains(r.String(), "not answered: "+why):
			t.Error(r.String())
		}
	}
}

func TestAServerThatIsGoneEndsTheRun(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if results, err := Run(t.Context(), Options{BaseURL: server.URL, Workloads: []string{"search/token"}}); err == nil {
		t.Errorf("%+v", results)
	}
}

func TestAWorkloadIsChosenByItsNameOrItsGroup(t *testing.T) {
	for name, want := range map[string]int{"search": len(searches), "search/chain": 1, "counts": 1, "read": 1} {
		if chosen, err := choose([]string{name}); err != nil || len(chosen) != want {
			t.Errorf("%s: %d, %v", name, len(chosen), err)
		}
	}
	if _, err := choose([]string{"search/none"}); err == nil || !strings.Contains(err.Error(), "search/page1000") {
		t.Errorf("%v", err)
	}
}
