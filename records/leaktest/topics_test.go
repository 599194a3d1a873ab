package leaktest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
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
	if r.world.Current("DiagnosticReport/told") == nil || r.chance(30) {
		r.tell()
	}
	r.sync()
	l := &life{r: r, topic: t, content: pick(r, []string{"empty", "id-only", "full-resource"})}
	var filters []string
	if l.filters = r.observed(); l.filters != nil {
		filters = []string{"Observation?" + (&question{criteria: l.filters}).query()}
	}
	l.live(url, filters...)
	r.delete("Basic/" + id)
	r.sync()
}

// topic is one about Observations.
func (r *rig) topic() *leaktest.Topic {
	t := &leaktest.Topic{Type: "Observation", Triggers: []leaktest.Trigger{r.trigger()}}
	for len(t.Triggers) < 3 && r.chance(30) {
		t.Triggers = append(t.Triggers, r.trigger())
	}
	for _, reverse := range []bool{false, true} {
		if i, ok := r.inclusion("Observation", reverse, false); ok && r.chance(60) {
			t.Shape = append(t.Shape, i)
		}
	}
	if r.chance(50) {
		t.Shape = append(t.Shape, r.along("Observation", pick(r, []string{"encounter", "subject"}), false))
	}
	if r.chance(50) {
		t.Shape = append(t.Shape, pick(r, []leaktest.Include{r.along("DiagnosticReport", "result", true), r.along("Provenance", "target", true)}))
	}
	return t
}

// trigger is one of a topic about Observations.
func (r *rig) trigger() (t leaktest.Trigger) {
	some := func(all ...string) string {
		return strings.Join(slices.DeleteFunc(all, func(string) bool { return r.chance(20) }), ",")
	}
	t = leaktest.Trigger{On: cmp.Or(some("create", "update", "delete"), "update"), CreatePasses: r.chance(50), DeletePasses: r.chance(50), Both: r.chance(40)}
	if t.AsksPrevious = r.chance(70); t.AsksPrevious {
		t.Previous = r.observed()
	}
	if t.AsksCurrent = r.chance(50); t.AsksCurrent {
		t.Current = r.observed()
	}
	return t
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

// tell has something refer to what subscribers are told of.
func (r *rig) tell() {
	r.Helper()
	patient := pick(r, []string{"Patient/p", "Patient/q", "Patient/r"})
	var all []string
	for i := range observations {
		all = append(all, fmt.Sprintf(`{"reference":"Observation/told%d"}`, i))
	}
	r.put("DiagnosticReport/told", fmt.Sprintf(`{"status":"final","code":{"text":"%d"},"subject":{"reference":%q},"result":[%s]}`, r.random.Int(), patient, strings.Join(all, ",")))
	r.put("Provenance/told", fmt.Sprintf(`{"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[%s]}`, pick(r, all)))
}

// asked are criteria of a topic, which every Observation meets if there are none.
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
		all = append(all, triggerOf(t.Type, &t.Triggers[i]))
	}
	for _, code := range []string{"code", "status", "subject"} {
		all = append(all, extension{URL: crossVersion + "canFilterBy", Parts: []extension{{URL: "resource", URI: t.Type}, {URL: "filterParameter", Text: code}}})
	}
	shape := extension{URL: crossVersion + "notificationShape", Parts: []extension{{URL: "resource", URI: t.Type}}}
	for _, i := range t.Shape {
		name := map[bool]string{false: "include", true: "revInclude"}[i.Reverse]
		_, value, _ := strings.Cut((&question{includes: []leaktest.Include{i}}).query(), "=")
		shape.Parts = append(shape.Parts, extension{URL: name, Text: value})
	}
	text, err := json.Marshal(map[string]any{"code": map[string]any{"coding": []any{map[string]any{"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}}}, "extension": append(all, shape)})
	if err != nil {
		panic(err) // it is made of texts
	}
	return string(text)
}

func triggerOf(typeName string, t *leaktest.Trigger) extension {
	trigger := extension{URL: crossVersion + "resourceTrigger", Parts: []extension{{URL: "resource", URI: typeName}}}
	for i := range strings.SplitSeq(t.On, ",") {
		trigger.Parts = append(trigger.Parts, extension{URL: "supportedInteraction", Code: i})
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
