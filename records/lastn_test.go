package records_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// measured stores a vital sign of Patient/p. codings are codes with commas
// between; without, text is the code.
func measured(t testing.TB, s *records.Session, id, effective, codings, text string) {
	t.Helper()
	var code []string
	for c := range strings.SplitSeq(codings, ",") {
		if c != "" {
			code = append(code, fmt.Sprintf(`{"system":"urn:x","code":%q}`, c))
		}
	}
	concept := `"text":"` + text + `"`
	if code != nil {
		concept = `"coding":[` + strings.Join(code, ",") + `]`
	}
	when := ""
	if effective != "" {
		when = `,"effectiveDateTime":"` + effective + `"`
	}
	put(t, s, "Observation/"+id, `{"resourceType":"Observation","id":%q,"status":"final","category":[{"coding":[{"code":"vital-signs"}]}],"code":{%s},"subject":{"reference":"Patient/p"}%s}`, id, concept, when)
}

func lastN(t testing.TB, s *records.Session, query string) string {
	t.Helper()
	page, err := s.LastN(t.Context(), records.LastNRequest{Pairs: pairs(t, query)})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if page.Next != "" {
		t.Errorf("%s: there is a next page", query)
	}
	return names(page)
}

// names are the ids of a page's entries, in order.
func names(page *records.SearchResult) string {
	var ids []string
	for _, e := range page.Entries {
		ids = append(ids, string(e.Key.ID))
	}
	return strings.Join(ids, " ")
}

func TestLastNGivesTheNewestOfEachCode(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		for i, day := range []string{"2020-01-01", "2020-01-03", "2020-01-02"} {
			measured(t, s, fmt.Sprint("hr", i), day, "8867-4", "")
			measured(t, s, fmt.Sprint("wt", i), day+"T08:00:00Z", "29463-7", "")
		}
		measured(t, s, "tie", "2020-01-02", "8867-4", "")
		measured(t, s, "undated", "", "29463-7", "")
		measured(t, s, "late", "2020-02-01", "", "mood")
		for query, want := range map[string]string{
			"patient=p&category=vital-signs":                               "late wt1 hr1",
			"subject=Patient/p&category=vital-signs&max=1":                 "late wt1 hr1",
			"patient=p&code=urn:x|8867-4&max=2":                            "hr1 hr2 tie",
			"patient=p&code=8867-4&max=3":                                  "hr1 hr2 tie",
			"patient=p&code=8867-4&max=100":                                "hr1 hr2 tie hr0",
			"patient=p&code=29463-7&max=9":                                 "wt1 wt2 wt0 undated",
			"patient=p&category=vital-signs&date=lt2020-01-03":             "wt2 hr2 tie",
			"patient=other&category=vital-signs":                           "",
			"patient=p&category=vital-signs&code:not=8867-4&_summary=data": "late wt1",
		} {
			if got := lastN(t, s, query); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
		page := must(s.LastN(t.Context(), records.LastNRequest{Pairs: pairs(t, "patient=p&code=8867-4&_include=Observation:patient")}))(t)
		if names(page) != "hr1 p" || page.Entries[1].Mode != records.ModeInclude || page.Total != 1 {
			t.Errorf("with _include: %s, total %d", names(page), page.Total)
		}
		hide(t, s, "Observation/hr1")
		if got := lastN(t, hiding(s), "patient=p&code=8867-4"); got != "hr2 tie" {
			t.Errorf("of what is not hidden: %s", got)
		}
	})
}

// TestCodesThatAreEqualByOthersAreOneGroup has the examples of the definition.
func TestCodesThatAreEqualByOthersAreOneGroup(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		for _, c := range []struct{ codes, want string }{
			{"a b c", "3 2 1"},
			{"a b a,c", "3 2"},
			{"a b a,b", "3"},
			{"a b c,d a,c b,d", "5"},
			{"=textM =Text =t·e·x·t =Text", "4 3 1"},
		} {
			s := newDatabase(t, db.name).session(t, records.Policy{})
			patient(t, s, "p")
			for i, code := range strings.Fields(c.codes) {
				text, isText := strings.CutPrefix(code, "=")
				if isText {
					code = ""
				}
				measured(t, s, fmt.Sprint(i+1), fmt.Sprintf("2020-01-%02d", i+1), code, strings.ReplaceAll(text, "·", " "))
			}
			if got := lastN(t, s, "patient=p&category=vital-signs"); got != c.want {
				t.Errorf("%s: got %s, want %s", c.codes, got, c.want)
			}
		}
	})
}

// TestLastNOfRandomCodesIsWhatAllObservationsSay compares with groups that are
// computed over all observations at once.
func TestLastNOfRandomCodesIsWhatAllObservationsSay(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s, small := db.session(t, records.Policy{}), db.session(t, records.Policy{MaxCount: 7})
		patient(t, s, "p")
		random := rand.New(rand.NewPCG(3, 4))
		type one struct {
			id    string
			day   int
			codes []string
		}
		var all []one
		for i := range 60 {
			o := one{fmt.Sprintf("o%02d", i), 1 + random.IntN(28), nil}
			for range 1 + random.IntN(2) {
				o.codes = append(o.codes, fmt.Sprint("c", random.IntN(40)))
			}
			slices.Sort(o.codes)
			o.codes = slices.Compact(o.codes)
			all = append(all, o)
			measured(t, s, o.id, fmt.Sprintf("2020-02-%02d", o.day), strings.Join(o.codes, ","), "")
		}
		group := make([]int, len(all))
		for i := range group {
			group[i] = i
		}
		for range all { // until nothing changes, at the latest
			for i := range all {
				for j := range all {
					if slices.ContainsFunc(all[i].codes, func(c string) bool { return slices.Contains(all[j].codes, c) }) {
						group[i] = min(group[i], group[j])
					}
				}
			}
		}
		for n := 1; n <= 3; n++ {
			var want []string
			for i, o := range all {
				newer := 0
				for j := range all {
					if group[j] == group[i] && all[j].day > o.day {
						newer++
					}
				}
				if newer < n {
					want = append(want, o.id)
				}
			}
			if len(want) > 7 {
				_, err := small.LastN(t.Context(), records.LastNRequest{Pairs: pairs(t, fmt.Sprint("patient=p&category=vital-signs&max=", n))})
				refused(t, err, fault.Unprocessable, "more than 7")
			}
			got := strings.Fields(lastN(t, s, fmt.Sprint("patient=p&category=vital-signs&max=", n)))
			days := map[string]int{}
			for _, o := range all {
				days[o.id] = o.day
			}
			if !slices.IsSortedFunc(got, func(a, b string) int { return cmp.Compare(days[b], days[a]) }) {
				t.Errorf("max %d: not newest first: %v", n, got)
			}
			if sorted(got) != sorted(want) {
				t.Errorf("max %d: got %s\nwant %s", n, sorted(got), sorted(want))
			}
		}
	})
}

func TestLastNReadsAnyNumberOfObservationsInPages(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{MaxCount: 5})
		patient(t, s, "p")
		for i := range 60 {
			measured(t, s, fmt.Sprintf("o%02d", i), fmt.Sprintf("2020-01-01T00:00:%02dZ", i), fmt.Sprint("c", i%3), "")
		}
		if got := lastN(t, s, "patient=p&category=vital-signs"); got != "o59 o58 o57" {
			t.Errorf("got %s", got)
		}
	})
}

func TestLastNOfTooManyCodesSaysSo(t *testing.T) {
	s := newDatabase(t, "sqlite").session(t, records.Policy{})
	patient(t, s, "p")
	codes := func(n int) string {
		return strings.TrimSuffix(strings.Repeat("%d,", n), ",")
	}
	for i, n := range []int{60_000, 40_000, 1} {
		numbers := make([]any, n)
		for j := range numbers {
			numbers[j] = i*1_000_000 + j
		}
		measured(t, s, fmt.Sprint("o", i), "2020-01-01", fmt.Sprintf(codes(n), numbers...), "")
		page, err := s.LastN(t.Context(), records.LastNRequest{Pairs: pairs(t, "patient=p&category=vital-signs")})
		if i < 2 && (err != nil || len(page.Entries) != i+1) {
			t.Errorf("after %d: %v", i, err)
		}
		if i == 2 {
			refused(t, err, fault.Unprocessable, "more than 100,000 different codes")
		}
	}
}

func TestLastNRefusesWhatIsNoQuestionOfIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for query, part := range map[string]string{
			"category=vital-signs": "patient or subject", "patient=p": "category or a code", "patient=p&code=x&max=0": "max",
			"patient=p&code=x&max=two": "max", "patient=p&code=x&max=1&max=2": "max", "patient=p,q&code=x": "one patient", "patient=p&subject=q&code=x": "one patient",
			"patient:missing=true&code=x": "one patient", "patient.name=x&code=x": "patient or subject",
			"patient=p&code=x&_sort=date": "_sort", "patient=p&code=x&_count=3": "_count", "patient=p&code=x&nonsense=1": "nonsense", "patient=p&code=x&date=never": "date",
		} {
			_, err := s.LastN(t.Context(), records.LastNRequest{Pairs: pairs(t, query)})
			refused(t, err, fault.Invalid, part)
		}
		page := must(s.LastN(t.Context(), records.LastNRequest{Pairs: pairs(t, "patient=p&code=x&nonsense=1"), Handling: records.HandlingLenient}))(t)
		if len(page.Ignored) != 1 || len(page.Issues) != 1 {
			t.Errorf("lenient: %+v", page)
		}
	})
}
