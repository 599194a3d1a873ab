package subscribe

import (
	"encoding/json"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// crossVersion begins the URLs of the extensions that carry a SubscriptionTopic in a
// Basic of R4.
const crossVersion = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."

// Read reads a topic that is in force: a SubscriptionTopic, or a Basic that stands for
// one. ok is false for what is neither, and for one whose status is retired. What
// cannot be matched is an error that says so.
func Read(resource []byte) (t Topic, ok bool, err error) {
	var root any
	if err := json.Unmarshal(resource, &root); err != nil {
		return t, false, err
	}
	top := nodeOf("", root)
	if top.text("resourceType") == "Basic" {
		top = basic(top)
	} else if top.text("resourceType") != "SubscriptionTopic" {
		return t, false, nil
	}
	if len(top.kids) == 0 || top.text("status") == "retired" {
		return t, false, nil
	}
	t = Topic{URL: top.text("url"), Version: top.text("version"), Title: top.text("title"), Description: top.text("description")}
	if t.URL == "" {
		return t, false, refuse("url", "a topic needs a URL, by which subscriptions name it")
	}
	for _, name := range []string{"eventTrigger", "trigger"} {
		if len(top.all(name)) > 0 {
			return t, false, refuse(name, "this server has no events but changes of resources: use resourceTrigger")
		}
	}
	for _, n := range top.all("resourceTrigger") {
		one, err := readTrigger(n)
		if err != nil {
			return t, false, err
		}
		t.Triggers = append(t.Triggers, one)
	}
	if len(t.Triggers) == 0 {
		return t, false, refuse("resourceTrigger", "without a trigger nothing would ever happen: say what changes of which resources are events")
	}
	for _, n := range top.all("canFilterBy") {
		f := Filter{Description: n.text("description"), Resource: typeOf(n.text("resource")), Parameter: n.text("filterParameter")}
		for _, name := range []string{"modifier", "comparator"} {
			for _, m := range n.all(name) {
				f.Modifiers = append(f.Modifiers, m.value)
			}
		}
		if f.Parameter == "" {
			return t, false, refuse("canFilterBy.filterParameter", "a filter needs the name of a search parameter")
		}
		t.Filters = append(t.Filters, f)
	}
	for _, n := range top.all("notificationShape") {
		s := Shape{Resource: typeOf(n.text("resource"))}
		for _, i := range n.all("include") {
			s.Include = append(s.Include, i.value)
		}
		for _, i := range n.all("revInclude") {
			s.RevInclude = append(s.RevInclude, i.value)
		}
		t.Shapes = append(t.Shapes, s)
	}
	return t, true, nil
}

func readTrigger(n node) (Trigger, error) {
	t := Trigger{Description: n.text("description"), Resource: typeOf(n.text("resource")), FHIRPath: n.text("fhirPathCriteria")}
	for _, i := range n.all("supportedInteraction") {
		one := interactionCodes[i.value]
		if one == 0 {
			return t, refuse("resourceTrigger.supportedInteraction", "%q is none of create, update and delete", fault.Shorten(i.value))
		}
		t.On |= one
	}
	if t.On == 0 {
		t.On = All
	}
	for _, q := range n.all("queryCriteria") {
		t.Query = &Query{
			Previous: q.text("previous"), Current: q.text("current"), Both: q.text("requireBoth") == "true",
			CreatePasses: q.text("resultForCreate") == "test-passes", DeletePasses: q.text("resultForDelete") == "test-passes",
		}
		if t.Query.Previous == "" && t.Query.Current == "" {
			t.Query = nil
		}
	}
	return t, nil
}

// typeOf is the resource type that a trigger's resource names, as a code or as the URL
// of its definition; "" for every type.
func typeOf(resource string) string {
	name := strings.TrimPrefix(resource, "http://hl7.org/fhir/StructureDefinition/")
	if name == "Resource" || name == "DomainResource" || name == "*" {
		return ""
	}
	return name
}

func refuse(element, format string, args ...any) error {
	return fault.New(fault.Unprocessable, fault.CodeNotSupported, "SubscriptionTopic."+element, format, args...)
}

// node is an element with its name, as it stands in JSON or in an extension.
type node struct {
	name, value string
	kids        []node
}

func (n node) all(name string) (some []node) {
	for _, k := range n.kids {
		if k.name == name {
			some = append(some, k)
		}
	}
	return some
}

func (n node) text(name string) string {
	for _, k := range n.all(name) {
		return k.value
	}
	return ""
}

func nodeOf(name string, v any) node {
	n := node{name: name}
	switch v := v.(type) {
	case map[string]any:
		for property, value := range v {
			if list, ok := value.([]any); ok {
				for _, one := range list {
					n.kids = append(n.kids, nodeOf(property, one))
				}
				continue
			}
			n.kids = append(n.kids, nodeOf(property, value))
		}
	case string:
		n.value = v
	case bool:
		if n.value = "false"; v {
			n.value = "true"
		}
	}
	return n
}

// basic is the topic that the extensions of a Basic make, without kids when they make
// none.
func basic(n node) node {
	var topic node
	for _, e := range n.all("extension") {
		if name, ok := strings.CutPrefix(e.text("url"), crossVersion); ok {
			topic.kids = append(topic.kids, extended(name, e))
		}
	}
	return topic
}

// extended is the element that an extension stands for. Extensions within it are named
// as their elements are, alone or with the path of the element.
func extended(name string, e node) node {
	n := node{name: name[strings.LastIndexByte(name, '.')+1:]}
	for _, k := range e.kids {
		switch {
		case k.name == "extension":
			n.kids = append(n.kids, extended(strings.TrimPrefix(k.text("url"), crossVersion), k))
		case strings.HasPrefix(k.name, "value"):
			n.value = k.value
		}
	}
	return n
}
