package subscribe_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

var catalogs = func() []*search.Catalog {
	c, err := search.NewCatalog(definitions.MustBuiltIn(definitions.R4), "https://ehr.example/fhir")
	if err != nil {
		panic(err)
	}
	return []*search.Catalog{c}
}()

func tree(t testing.TB, json string) *fhir.Tree {
	t.Helper()
	r, err := fhir.ParseJSON(catalogs[0].Definitions(), []byte(json), fhir.Limits{MaxBytes: 1 << 20, MaxNodes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func document(t testing.TB, r *fhir.Tree) *search.Document {
	t.Helper()
	entries, err := catalogs[0].Extract(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return &search.Document{Key: r.Key(), Entries: entries, Updated: time.Unix(1e9, 0)}
}

// change is one from a resource to another, "" being none.
func change(t testing.TB, before, after string) *subscribe.Change {
	t.Helper()
	c := &subscribe.Change{Interaction: subscribe.Update}
	if before != "" {
		r := tree(t, before)
		c.Before, c.BeforeTree = document(t, r), func() (*fhir.Tree, error) { return r, nil }
	} else {
		c.Interaction = subscribe.Create
	}
	if after != "" {
		r := tree(t, after)
		c.After, c.AfterTree = document(t, r), func() (*fhir.Tree, error) { return r, nil }
	} else {
		c.Interaction = subscribe.Delete
	}
	return c
}

func fires(t testing.TB, c *subscribe.Criteria, ch *subscribe.Change) bool {
	t.Helper()
	s := subscribe.NewSet()
	s.Put("one", c)
	hits := s.Match(t.Context(), ch, func(id string, err error) { t.Errorf("%s: %v", id, err) })
	return len(hits) == 1 && hits[0].ID == "one"
}

func encounter(status, class, patient string) string {
	return fmt.Sprintf(`{"resourceType":"Encounter","id":"e","status":%q,"class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":%q},"subject":{"reference":"Patient/%s"}}`, status, class, patient)
}

func builtIn(t testing.TB, name string) *subscribe.Topic {
	t.Helper()
	for _, topic := range subscribe.BuiltIn() {
		if strings.HasSuffix(topic.URL, "/"+name) {
			return &topic
		}
	}
	t.Fatalf("no topic %s", name)
	return nil
}

func TestEveryBuiltInTopicCanBeMatched(t *testing.T) {
	for _, topic := range subscribe.BuiltIn() {
		if _, err := topic.Compile(nil, catalogs); err != nil {
			t.Errorf("%s: %v", topic.URL, err)
		}
		for _, f := range topic.Filters {
			value := map[string]string{"value-quantity": "gt5", "_id": "x"}[f.Parameter]
			if value == "" {
				value = "Patient/x"
			}
			if _, err := topic.Compile([]string{f.Resource + "?" + f.Parameter + "=" + value}, catalogs); err != nil {
				t.Errorf("%s filtered by %s of %s: %v", topic.URL, f.Parameter, f.Resource, err)
			}
		}
	}
}

func TestATopicComparesBeforeAndAfter(t *testing.T) {
	planned, running, finished := encounter("planned", "IMP", "maria"), encounter("in-progress", "IMP", "maria"), encounter("finished", "IMP", "maria")
	walkIn := encounter("in-progress", "AMB", "maria")
	for _, test := range []struct {
		topic, before, after string
		want                 bool
	}{
		{"encounter-start", "", running, true},
		{"encounter-start", planned, running, true},
		{"encounter-start", running, running, false},
		{"encounter-start", running, finished, false},
		{"encounter-start", running, "", false},
		{"encounter-end", running, finished, true},
		{"encounter-end", finished, finished, false},
		{"admission", planned, running, true},
		{"admission", planned, walkIn, false},
		{"discharge", running, finished, true},
		{"record-change", running, "", true},
		{"record-change", "", walkIn, true},
		{"patient", "", walkIn, false},
	} {
		c, err := builtIn(t, test.topic).Compile(nil, catalogs)
		if err != nil {
			t.Fatal(err)
		}
		if got := fires(t, c, change(t, test.before, test.after)); got != test.want {
			t.Errorf("%s from %q to %q: %v", test.topic, test.before, test.after, got)
		}
	}
}

func TestATopicAsksHowAResourceWasWhereNoOtherTriggerHolds(t *testing.T) {
	const was, is, path = `"queryCriteria":{"previous":"status=planned"}`, `"queryCriteria":{"current":"status=finished"}`, `"fhirPathCriteria":"%previous.exists()"`
	change := change(t, encounter("planned", "IMP", "maria"), encounter("finished", "IMP", "maria"))
	for _, test := range []struct {
		triggers []string
		former   bool
	}{
		{[]string{was}, true}, {[]string{path}, true}, {[]string{was, path}, true},
		{[]string{is}, false}, {[]string{was, is}, false}, {[]string{is, was}, false}, {[]string{path, was, is}, false},
	} {
		var all []string
		for _, one := range test.triggers {
			all = append(all, `{"resource":"Encounter",`+one+`}`)
		}
		topic, ok, err := subscribe.Read([]byte(`{"resourceType":"SubscriptionTopic","url":"http://x.example/t","status":"active","resourceTrigger":[` + strings.Join(all, ",") + `]}`))
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		c, err := topic.Compile(nil, catalogs)
		if err != nil {
			t.Fatal(err)
		}
		s := subscribe.NewSet()
		s.Put("one", c)
		hits := s.Match(t.Context(), change, func(id string, err error) { t.Errorf("%s: %v", id, err) })
		if want := []subscribe.Hit{{ID: "one", Former: test.former}}; !slices.Equal(hits, want) {
			t.Errorf("%v: %v, want %v", test.triggers, hits, want)
		}
	}
}

func TestASubscribersFiltersNarrowATopic(t *testing.T) {
	for _, test := range []struct {
		topic, filter, before, after string
		want                         bool
	}{
		{"encounter-start", "Encounter?patient=Patient/maria", "", encounter("in-progress", "IMP", "maria"), true},
		{"encounter-start", "Encounter?patient=Patient/maria", "", encounter("in-progress", "IMP", "emma"), false},
		{"record-change", "?patient=Patient/maria", encounter("planned", "IMP", "maria"), "", true},
		{"record-change", "?patient=Patient/maria", encounter("planned", "IMP", "emma"), "", false},
		{"record-change", "?patient=Patient/maria", "", `{"resourceType":"Patient","id":"maria"}`, true},
		{"record-change", "?patient=Patient/maria", "", `{"resourceType":"Patient","id":"emma"}`, false},
		{"record-change", "?patient=Patient/maria", "", `{"resourceType":"Organization","id":"maria"}`, false},
		{"results", "Observation?code=85354-9", "", `{"resourceType":"DiagnosticReport","id":"d","status":"final","code":{"text":"x"}}`, true},
		{"results", "Observation?code=85354-9", "", `{"resourceType":"Observation","id":"d","status":"final","code":{"coding":[{"code":"1"}]}}`, false},
	} {
		c, err := builtIn(t, test.topic).Compile([]string{test.filter}, catalogs)
		if err != nil {
			t.Fatal(err)
		}
		if got := fires(t, c, change(t, test.before, test.after)); got != test.want {
			t.Errorf("%s by %s from %q to %q: %v", test.topic, test.filter, test.before, test.after, got)
		}
	}
}

func TestTheResultsWhereThereIsNoStateAreTheTopics(t *testing.T) {
	topic := func(create, remove, both string) *subscribe.Topic {
		r, ok, err := subscribe.Read(fmt.Appendf(nil, `{"resourceType":"SubscriptionTopic","url":"http://x.example/t","status":"active","resourceTrigger":[{"resource":"Encounter",
			"queryCriteria":{"previous":"status=planned","resultForCreate":%q,"current":"status=finished","resultForDelete":%q,"requireBoth":%s}}]}`, create, remove, both))
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return &r
	}
	const passes, fails = "test-passes", "test-fails"
	planned, finished := encounter("planned", "IMP", "m"), encounter("finished", "IMP", "m")
	for _, test := range []struct {
		create, remove, both, before, after string
		want                                bool
	}{
		{passes, fails, "true", "", finished, true}, {fails, fails, "true", "", finished, false},
		{fails, passes, "true", planned, "", true}, {fails, fails, "true", planned, "", false},
		{fails, fails, "false", planned, planned, true}, {fails, fails, "false", finished, finished, true},
		{fails, fails, "true", planned, finished, true}, {fails, fails, "true", finished, finished, false},
	} {
		c, err := topic(test.create, test.remove, test.both).Compile(nil, catalogs)
		if err != nil {
			t.Fatal(err)
		}
		if got := fires(t, c, change(t, test.before, test.after)); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestATopicIsReadInBothForms reads the guide's example, as R4B has it and as the
// extensions of a Basic.
func TestATopicIsReadInBothForms(t *testing.T) {
	native := `{"resourceType":"SubscriptionTopic","url":"http://x.example/complete","version":"1","status":"draft","resourceTrigger":[{"resource":"Encounter",
		"supportedInteraction":["create","update"],"fhirPathCriteria":"(%previous.id.empty() or (%previous.status != 'finished')) and (%current.status = 'finished')"}],
		"canFilterBy":[{"resource":"Encounter","filterParameter":"subject"},{"resource":"Encounter","filterParameter":"length","modifier":["gt","lt"]}],
		"notificationShape":[{"resource":"Encounter","include":["Encounter:patient"]}]}`
	const x = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
	basic := `{"resourceType":"Basic","id":"t","code":{"coding":[{"system":"http://hl7.org/fhir/fhir-types","code":"SubscriptionTopic"}]},"extension":[
		{"url":"` + x + `url","valueUri":"http://x.example/complete"},{"url":"` + x + `version","valueString":"1"},{"url":"` + x + `status","valueCode":"draft"},
		{"url":"` + x + `resourceTrigger","extension":[{"url":"resource","valueUri":"http://hl7.org/fhir/StructureDefinition/Encounter"},
			{"url":"supportedInteraction","valueCode":"create"},{"url":"` + x + `resourceTrigger.supportedInteraction","valueCode":"update"},
			{"url":"fhirPathCriteria","valueString":"(%previous.id.empty() or (%previous.status != 'finished')) and (%current.status = 'finished')"}]},
		{"url":"` + x + `canFilterBy","extension":[{"url":"resource","valueUri":"Encounter"},{"url":"filterParameter","valueString":"subject"}]},
		{"url":"` + x + `canFilterBy","extension":[{"url":"resource","valueUri":"Encounter"},{"url":"filterParameter","valueString":"length"},{"url":"modifier","valueCode":"gt"},{"url":"modifier","valueCode":"lt"}]},
		{"url":"` + x + `notificationShape","extension":[{"url":"resource","valueUri":"Encounter"},{"url":"include","valueString":"Encounter:patient"}]}]}`
	a, ok, err := subscribe.Read([]byte(native))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	b, ok, err := subscribe.Read([]byte(basic))
	if err != nil || !ok || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Fatalf("%v %v\n%+v\n%+v", ok, err, a, b)
	}
	c, err := b.Compile(nil, catalogs)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		before, after string
		want          bool
	}{{"", encounter("finished", "IMP", "m"), true}, {encounter("planned", "IMP", "m"), encounter("finished", "IMP", "m"), true}, {encounter("finished", "IMP", "m"), encounter("finished", "AMB", "m"), false}} {
		if got := fires(t, c, change(t, step.before, step.after)); got != step.want {
			t.Errorf("%+v: %v", step, got)
		}
	}
	if _, ok, err := subscribe.Read([]byte(`{"resourceType":"Basic","id":"b","code":{"text":"other"}}`)); ok || err != nil {
		t.Error("another Basic is a topic", err)
	}
	if !a.Is("http://x.example/complete") || !a.Is("http://x.example/complete|1") || a.Is("http://x.example/complete|2") {
		t.Error("the canonical is not told apart")
	}
}

func TestWhatCannotBeMatchedIsRefusedWithTheReason(t *testing.T) {
	for criteria, reason := range map[string]string{
		"Observation?patient.name=x":               "other resources",
		"Observation?subject:Patient.name=x":       "other resources",
		"Patient?_has:Observation:patient:code=1":  "other resources",
		"Patient?_list=12":                         "lists",
		"Observation?code:in=http://x.example/vs":  "value set",
		"Location?partof:below=Location/1":         "other resources",
		"Observation?date=ap2020-01-01":            "ap",
		"Observation?_sort=date":                   "shown",
		"Observation?_include=Observation:patient": "shown",
		"Observation?cod=1":                        "code",
		"Observation?date=yesterday":               "yesterday",
		"Observatio?code=1":                        "resource type",
		"?code=1":                                  "resource type",
		"Subscription?status=active":               "$status",
	} {
		_, err := subscribe.Plain(criteria, catalogs)
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", criteria, err)
		}
	}
	topic := builtIn(t, "encounter-start")
	for filter, reason := range map[string]string{
		"Encounter?status=planned": "cannot be filtered by status", "Observation?code=1": "no events of Observation", "Encounter": "looks like",
		"Encounter?patient.name=x": "cannot be filtered",
	} {
		if _, err := topic.Compile([]string{filter}, catalogs); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", filter, err)
		}
	}
	for topic, reason := range map[string]string{
		`{"resourceType":"SubscriptionTopic","status":"active"}`:                                                                 "URL",
		`{"resourceType":"SubscriptionTopic","status":"active","url":"http://x.example"}`:                                        "trigger",
		`{"resourceType":"SubscriptionTopic","status":"active","url":"http://x.example","eventTrigger":[{}]}`:                    "no events but",
		`{"resourceType":"SubscriptionTopic","status":"active","url":"u","resourceTrigger":[{"supportedInteraction":["read"]}]}`: "read",
	} {
		if _, _, err := subscribe.Read([]byte(topic)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", topic, err)
		}
	}
}

// some draws one of the given.
func some(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

func observation(r *rand.Rand, id int) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":%q,"code":{"coding":[{"system":"http://loinc.org","code":"%d"}]},
		"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":%q}]}],
		"subject":{"reference":"Patient/%d"},"effectiveDateTime":"2024-01-%02d","valueQuantity":{"value":%d,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`,
		id, some(r, "final", "preliminary", "amended"), r.IntN(20), some(r, "vital-signs", "laboratory"), r.IntN(20), 1+r.IntN(28), r.IntN(100))
}

// criterion draws criteria of all forms.
func criterion(r *rand.Rand) string {
	parts := []string{
		fmt.Sprintf("code=%d", r.IntN(20)), fmt.Sprintf("code=http://loinc.org|%d", r.IntN(20)), "code=http://loinc.org|",
		fmt.Sprintf("patient=Patient/%d", r.IntN(20)), fmt.Sprintf("subject=%d", r.IntN(20)), fmt.Sprintf("subject=Patient/%d,Patient/%d", r.IntN(20), r.IntN(20)),
		"status=final", "status:not=final", "category=laboratory", fmt.Sprintf("value-quantity=gt%d", r.IntN(100)), fmt.Sprintf("date=ge2024-01-%02d", 1+r.IntN(28)),
		fmt.Sprintf("_id=o%d", r.IntN(300)), fmt.Sprintf("combo-code=%d", r.IntN(20)), "encounter:missing=true", fmt.Sprintf("code:not=%d", r.IntN(20)),
	}
	text := "Observation?" + parts[r.IntN(len(parts))]
	for range r.IntN(3) {
		text += "&" + parts[r.IntN(len(parts))]
	}
	return text
}

// TestTheIndexFindsWhatTheSearchFinds compares the index with asking all criteria.
func TestTheIndexFindsWhatTheSearchFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	set, alone, texts := subscribe.NewSet(), map[string]*subscribe.Set{}, map[string]string{}
	for i := range 400 {
		id, text := fmt.Sprint(i), criterion(r)
		c, err := subscribe.Plain(text, catalogs)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		set.Put(id, c)
		texts[id] = text
		alone[id] = subscribe.NewSet()
		alone[id].Put(id, c)
	}
	for i := range 400 {
		if i%3 == 0 {
			set.Remove(fmt.Sprint(i))
			delete(texts, fmt.Sprint(i))
		}
	}
	total := 0
	for i := range 300 {
		ch := change(t, "", observation(r, i))
		found := map[string]bool{}
		for _, h := range set.Match(t.Context(), ch, func(id string, err error) { t.Error(id, err) }) {
			found[h.ID] = true
		}
		for id, text := range texts {
			pairs := strings.Split(strings.TrimPrefix(text, "Observation?"), "&")
			want := true
			for _, p := range pairs {
				name, value, _ := strings.Cut(p, "=")
				q, err := catalogs[0].Parse("Observation", []search.Pair{{Name: name, Value: value}}, search.ParseOptions{})
				if err != nil {
					t.Fatal(err)
				}
				ok, err := search.Match(t.Context(), q.Filter, ch.After, nil)
				if err != nil {
					t.Fatal(err)
				}
				want = want && ok
			}
			if found[id] != want {
				t.Fatalf("%s of %+v: %v, and the search says %v", text, ch.After.Key, found[id], want)
			}
			if want {
				total++
			}
		}
	}
	if total < 1000 {
		t.Errorf("only %d matches were compared", total)
	}
}

func TestASetKnowsWhatItWatches(t *testing.T) {
	s := subscribe.NewSet()
	c, err := subscribe.Plain("Observation?code=1", catalogs)
	if err != nil {
		t.Fatal(err)
	}
	s.Put("a", c)
	start, err := builtIn(t, "encounter-start").Compile(nil, catalogs)
	if err != nil {
		t.Fatal(err)
	}
	s.Put("b", start)
	if !s.Watches("Observation") || !s.Watches("Encounter") || s.Watches("Patient") || s.Former("Observation") || !s.Former("Encounter") {
		t.Error("it does not know")
	}
	all, err := builtIn(t, "record-change").Compile([]string{"?patient=Patient/1"}, catalogs)
	if err != nil {
		t.Fatal(err)
	}
	s.Put("c", all)
	if !s.Watches("Condition") || s.Watches("Organization") || s.Watches("Subscription") {
		t.Error("it does not know whom a filter by patient concerns")
	}
	s.Remove("a")
	s.Remove("b")
	s.Remove("c")
	if s.Watches("Observation") || s.Former("Encounter") || s.Len() != 0 {
		t.Error("it watches what is gone")
	}
}

func TestAFaultyExpressionIsAnErrorOfItsSubscriptionAlone(t *testing.T) {
	topic, _, err := subscribe.Read([]byte(`{"resourceType":"SubscriptionTopic","url":"u","status":"active","resourceTrigger":[{"resource":"Encounter","fhirPathCriteria":"%nothing.id = '1'"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	faulty, err := topic.Compile(nil, catalogs)
	if err != nil {
		t.Fatal(err)
	}
	sound, err := subscribe.Plain("Encounter?status=planned", catalogs)
	if err != nil {
		t.Fatal(err)
	}
	s := subscribe.NewSet()
	s.Put("faulty", faulty)
	s.Put("sound", sound)
	var failed []string
	hits := s.Match(t.Context(), change(t, "", encounter("planned", "IMP", "m")), func(id string, err error) { failed = append(failed, id+": "+err.Error()) })
	if len(hits) != 1 || hits[0].ID != "sound" || len(failed) != 1 || !strings.HasPrefix(failed[0], "faulty: ") {
		t.Errorf("%v, %v", hits, failed)
	}
}

// BenchmarkMatch matches changes with 1,000 subscriptions, of which some ask for a
// patient, some for a code and some for what no index finds; extracting is part of it
// in one, as it is when changes are read from the feed.
func BenchmarkMatch(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	s := subscribe.NewSet()
	put := func(id string, c *subscribe.Criteria, err error) {
		if err != nil {
			b.Fatal(err)
		}
		s.Put(id, c)
	}
	record := builtIn(b, "record-change")
	for i := range 1000 {
		id := fmt.Sprint(i)
		switch {
		case i%10 < 4:
			c, err := subscribe.Plain(fmt.Sprintf("Observation?code=http://loinc.org|%d&patient=Patient/%d", i%20, i), catalogs)
			put(id, c, err)
		case i%10 < 8:
			c, err := record.Compile([]string{fmt.Sprintf("?patient=Patient/%d", i)}, catalogs)
			put(id, c, err)
		case i%100 == 99:
			c, err := subscribe.Plain("Observation?value-quantity=gt98", catalogs)
			put(id, c, err)
		default:
			c, err := subscribe.Plain(fmt.Sprintf("Observation?code=%d", i), catalogs)
			put(id, c, err)
		}
	}
	var trees []*fhir.Tree
	var changes []*subscribe.Change
	for i := range 500 {
		trees = append(trees, tree(b, observation(r, i)))
		changes = append(changes, &subscribe.Change{Interaction: subscribe.Create, After: document(b, trees[i])})
	}
	none := func(string, error) {}
	b.Run("matched", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s.Match(b.Context(), changes[i%len(changes)], none)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
	})
	b.Run("read, extracted and matched", func(b *testing.B) {
		bodies := make([][]byte, len(trees))
		for i, tr := range trees {
			bodies[i] = tr.Root().AppendJSON(nil)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			tr, err := fhir.ParseJSON(catalogs[0].Definitions(), bodies[i%len(bodies)], fhir.Limits{MaxBytes: 1 << 20, MaxNodes: 1 << 20})
			if err != nil {
				b.Fatal(err)
			}
			s.Match(b.Context(), &subscribe.Change{Interaction: subscribe.Create, After: document(b, tr)}, none)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
	})
}
