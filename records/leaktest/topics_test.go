package leaktest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/records/leaktest"
)

// crossVersion begins the URLs of the extensions by which a Basic of R4 is a topic.
const crossVersion = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."

// askTopics goes through the life of a Subscription to a topic that is made for it, and
// asks for its events as somebody who sees less.
func askTopics(r *rig) {
	t := r.topic()
	r.made++
	id, url := fmt.Sprint("topic", r.made), fmt.Sprint("http://topics.example/", r.made)
	r.put("Basic/"+id, topicJSON(t, url))
	if r.world.Current(report) == nil || r.chance(30) {
		r.tell()
	}
	r.sync()
	l := &life{r: r, topic: t, content: pick(r, []string{"empty", "id-only", "full-resource"})}
	l.filters = map[string][]leaktest.Criterion{}
	var filters []string
	for _, typeName := range slices.Sorted(maps.Keys(t.Shape)) {
		if c := r.watched(typeName); c != nil {
			l.filters[typeName] = c
			filters = append(filters, typeName+"?"+(&question{criteria: c}).query())
		}
	}
	l.live(url, filters...)
	r.delete("Basic/" + id)
	r.sync()
}

// topic is one about resources of one type or several.
func (r *rig) topic() *leaktest.Topic {
	t := &leaktest.Topic{Triggers: []leaktest.Trigger{r.trigger()}, Shape: map[string][]leaktest.Include{}}
	for len(t.Triggers) < 3 && r.chance(30) {
		t.Triggers = append(t.Triggers, r.trigger())
	}
	for _, one := range t.Triggers {
		if t.Shape[one.Type] == nil {
			t.Shape[one.Type] = r.shape(one.Type)
		}
	}
	return t
}

// shape is what goes along with events about a type.
func (r *rig) shape(typeName string) []leaktest.Include {
	all := []leaktest.Include{}
	for _, reverse := range []bool{false, true} {
		if i, ok := r.inclusion(typeName, reverse, false); ok && r.chance(60) {
			all = append(all, i)
		}
	}
	if r.chance(50) {
		all = append(all, r.along(typeName, pick(r, []string{"encounter", "subject"}), false))
	}
	if r.chance(50) {
		leading := map[string][]leaktest.Include{
			"Observation":      {r.along("DiagnosticReport", "result", true), r.along("Provenance", "target", true)},
			"DiagnosticReport": {r.along("DiagnosticReport", "result", false)},
		}
		all = append(all, pick(r, leading[typeName]))
	}
	return all
}

// trigger is one of a topic.
func (r *rig) trigger() (t leaktest.Trigger) {
	some := func(all ...string) string {
		return strings.Join(slices.DeleteFunc(all, func(string) bool { return r.chance(20) }), ",")
	}
	t = leaktest.Trigger{Type: pick(r, watchable), On: cmp.Or(some("create", "update", "delete"), "update"), CreatePasses: r.chance(50), DeletePasses: r.chance(50), Both: r.chance(40)}
	if t.AsksPrevious = r.chance(70); t.AsksPrevious {
		t.Previous = r.watched(t.Type)
	}
	if t.AsksCurrent = r.chance(50); t.AsksCurrent {
		t.Current = r.watched(t.Type)
	}
	if r.chance(30) {
		t.Path = &leaktest.Path{}
		if r.chance(60) {
			t.Path.Previous = r.status(t.Type)
		}
		if t.Path.Previous == nil || r.chance(50) {
			t.Path.Current = r.status(t.Type)
		}
	}
	return t
}

// statuses are those that what subscribers are told of has.
var statuses = []string{"final", "amended"}

// status asks for one of them.
func (r *rig) status(typeName string) []leaktest.Criterion {
	return []leaktest.Criterion{&leaktest.Own{Param: r.along(typeName, "status", false).Param, Values: []string{pick(r, statuses)}}}
}

// along is an _include or _revinclude by a parameter of the oracle.
func (r *rig) along(typeName, code string, reverse bool) leaktest.Include {
	r.Helper()
	i := slices.IndexFunc(r.params[typeName], func(p leaktest.Param) bool { return p.Code == code })
	if i < 0 {
		r.Fatalf("%s has no parameter %s", typeName, code)
	}
	return leaktest.Include{Param: r.params[typeName][i], Reverse: reverse}
}

// report refers to Observations that subscribers are told of, and they are told of it, too.
const report = "DiagnosticReport/told"

// tell has something refer to what subscribers are told of.
func (r *rig) tell() {
	r.Helper()
	target := pick(r, r.report())
	r.put("Provenance/told", fmt.Sprintf(`{"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[%s]}`, target))
}

// report writes the report and returns what it refers to.
func (r *rig) report() (results []string) {
	r.Helper()
	for i := range observations {
		results = append(results, fmt.Sprintf(`{"reference":"Observation/told%d"}`, i))
	}
	security := ""
	if r.chance(30) {
		text, err := json.Marshal(coding(pick(r, labels)))
		if err != nil {
			r.Fatal(err)
		}
		security = fmt.Sprintf(`"meta":{"security":[%s]},`, text)
	}
	r.put(report, fmt.Sprintf(`{%s"status":%q,"code":{"coding":[{"system":"urn:c","code":%q}],"text":"%d"},"subject":{"reference":%q},"result":[%s]}`,
		security, pick(r, statuses), pick(r, []string{"a", "b"}), r.random.Int(), pick(r, []string{"Patient/p", "Patient/q", "Patient/r"}), strings.Join(results, ",")))
	return results
}

// asked are criteria of a topic, which every resource meets if there are none.
func asked(criteria []leaktest.Criterion) string {
	if criteria == nil {
		return "status:missing=false"
	}
	return (&question{criteria: criteria}).query()
}

// extension is one that stands for an element of a topic.
type extension struct {
	URL   string      `json:"url"`
	URI   string      `json:"valueUri,omitempty"`
	Code  string      `json:"valueCode,omitempty"`
	Text  string      `json:"valueString,omitempty"`
	Truth *bool       `json:"valueBoolean,omitempty"`
	Parts []extension `json:"extension,omitempty"`
}

// topicJSON is a topic as R4 has it.
func topicJSON(t *leaktest.Topic, url string) string {
	all := []extension{{URL: crossVersion + "url", URI: url}, {URL: crossVersion + "status", Code: "active"}}
	for i := range t.Triggers {
		all = append(all, triggerOf(&t.Triggers[i]))
	}
	for typeName, shape := range t.Shape {
		for _, code := range []string{"code", "status", "subject"} {
			all = append(all, extension{URL: crossVersion + "canFilterBy", Parts: []extension{{URL: "resource", URI: typeName}, {URL: "filterParameter", Text: code}}})
		}
		along := extension{URL: crossVersion + "notificationShape", Parts: []extension{{URL: "resource", URI: typeName}}}
		for _, i := range shape {
			name := map[bool]string{false: "include", true: "revInclude"}[i.Reverse]
			_, value, _ := strings.Cut((&question{includes: []leaktest.Include{i}}).query(), "=")
			along.Parts = append(along.Parts, extension{URL: name, Text: value})
		}
		all = append(all, along)
	}
	text, err := json.Marshal(map[string]any{"code": map[string]any{"coding": []any{map[string]any{"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}}}, "extension": all})
	if err != nil {
		panic(err) // it is made of texts
	}
	return string(text)
}

func triggerOf(t *leaktest.Trigger) extension {
	trigger := extension{URL: crossVersion + "resourceTrigger", Parts: []extension{{URL: "resource", URI: t.Type}}}
	for i := range strings.SplitSeq(t.On, ",") {
		trigger.Parts = append(trigger.Parts, extension{URL: "supportedInteraction", Code: i})
	}
	if t.Path != nil {
		trigger.Parts = append(trigger.Parts, extension{URL: "fhirPathCriteria", Text: pathOf(t.Path)})
	}
	if !t.AsksPrevious && !t.AsksCurrent {
		return trigger
	}
	passes := map[bool]string{true: "test-passes", false: "test-fails"}
	query := extension{URL: "queryCriteria", Parts: []extension{
		{URL: "resultForCreate", Code: passes[t.CreatePasses]}, {URL: "resultForDelete", Code: passes[t.DeletePasses]}, {URL: "requireBoth", Truth: &t.Both},
	}}
	if t.AsksPrevious {
		query.Parts = append(query.Parts, extension{URL: "previous", Text: asked(t.Previous)})
	}
	if t.AsksCurrent {
		query.Parts = append(query.Parts, extension{URL: "current", Text: asked(t.Current)})
	}
	trigger.Parts = append(trigger.Parts, query)
	return trigger
}

// pathOf is what a criterion is in FHIRPath.
func pathOf(p *leaktest.Path) string {
	var all []string
	for name, criteria := range map[string][]leaktest.Criterion{"previous": p.Previous, "current": p.Current} {
		for _, c := range criteria {
			all = append(all, fmt.Sprintf("%%%s.status = '%s'", name, c.(*leaktest.Own).Values[0]))
		}
	}
	return strings.Join(all, " and ")
}
