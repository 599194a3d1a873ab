package leaktest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
	"github.com/inglehealth/ingle/spec/fhir"
)

// ofMasks has a request ask only whom masks hide something from.
func ofMasks(ask func(*rig)) func(*rig) {
	return func(r *rig) {
		if len(r.sight.Masks()) == 0 {
			askSearch(r)
			return
		}
		ask(r)
	}
}

// probe is a query and what it tells: elements, or types of which references tell a name.
type probe struct {
	path     string
	elements string
	part     string // display or identifier
	types    string
}

var probes = []probe{
	{"Patient?name=e", "Patient.name", "", ""}, {"Patient?given:missing=true", "Patient.name.given", "", ""}, {"Patient?address-city=h", "Patient.address.city", "", ""},
	{"Patient?phone=5550100", "Patient.telecom", "", ""}, {"Patient?_sort=-given", "Patient.name.given", "", ""}, {"Patient?_filter=given+co+%22e%22", "Patient.name.given", "", ""},
	{"Observation?value-quantity=gt1", "Observation.value", "", ""}, {"Observation?combo-code=urn:c|a", "Observation.code Observation.component.code", "", ""},
	{"Observation?_sort=value-quantity", "Observation.value", "", ""}, {"Observation?code-value-quantity=urn:c|a$gt1", "Observation.code Observation.value", "", ""},
	{"Observation?subject:Patient.address-city=h", "Patient.address.city", "", ""}, {"Patient?_has:Observation:subject:value-quantity=gt1", "Observation.value", "", ""},
	{"Observation?encounter.service-provider.name=w", "Observation.encounter Encounter.serviceProvider Organization.name", "", ""},
	{"Patient?_has:Encounter:subject:participant:Practitioner.name=d", "Encounter.participant.individual Practitioner.name", "", ""},
	{"Observation?subject:text=m", "", "display", "Patient Group Device Location"}, {"Observation?subject:identifier=urn:i|m", "", "identifier", "Patient Group Device Location"},
	{"Observation?performer:text=d", "", "display", "Practitioner PractitionerRole Organization CareTeam Patient RelatedPerson"},
	{"Encounter?service-provider:text=w", "Encounter.serviceProvider", "display", "Organization"}, {"DiagnosticReport?result:text=a", "DiagnosticReport.result", "display", "Observation"},
	{"Patient?_has:Observation:subject:performer:text=d", "", "display", "Practitioner PractitionerRole Organization CareTeam Patient RelatedPerson"},
	{"Patient?general-practitioner:identifier=urn:i|d", "Patient.generalPractitioner", "identifier", "Practitioner PractitionerRole Organization"},
}

// askProbe asks for what may be masked, and must then be refused.
func askProbe(r *rig) {
	one := pick(r, probes)
	typeName, query, _ := strings.Cut(one.path, "?")
	expected := one.part != "" && r.sight.HidesNames(one.part, strings.Fields(one.types)...)
	for element := range strings.FieldsSeq(one.elements) {
		of, path, _ := strings.Cut(element, ".")
		expected = expected || r.sight.Hides(of, path)
	}
	way := pick(r, []string{"search", "search", "batch", "conditional patch", "conditional reference", "$graphql"})
	plain := !strings.ContainsAny(query, ":.") && query[0] != '_'
	if way == "conditional reference" && typeName != "Patient" || way == "$graphql" && !plain {
		way = "search"
	}
	r.asked("%s %s", way, one.path)
	err := r.probed(way, fhir.Type(typeName), query)
	if may := r.sight.May(typeName, "s"); way == "search" && r.refused(err, !may) || !may || r.veiled(err, expected) {
		return
	}
	if way == "search" && err != nil {
		r.wrong("%v", err)
	}
}

// probed asks a query in some way.
func (r *rig) probed(way string, typeName fhir.Type, query string) error {
	r.Helper()
	path := string(typeName) + "?" + query
	switch way {
	case "batch":
		return r.bundled("batch", fmt.Sprintf(`{"request":{"method":"GET","url":%q}}`, path))
	case "conditional reference":
		return r.bundled("transaction", fmt.Sprintf(`{"request":{"method":"POST","url":"Observation"},"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":%q}}}`, path))
	case "conditional patch": // which nothing passes
		never := records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"test","path":"/id","value":"never"}]`)}
		_, err := r.session.PatchWhere(r.Context(), typeName, r.pairsOf(query), never, records.UpdateOptions{})
		return err
	case "$graphql":
		code, value, _ := strings.Cut(query, "=")
		question := fmt.Sprintf(`{ all: %sList(%s: %q) { id } }`, typeName, strings.ReplaceAll(code, "-", "_"), value)
		text, err := r.session.GraphQL(r.Context(), records.GraphQLRequest{Request: graphql.Request{Query: question}})
		if told := errors.New(string(text)); err == nil && isVeil(told) {
			return told
		}
		return err
	}
	page, err := r.session.Search(r.Context(), records.SearchRequest{Type: typeName, Pairs: r.pairsOf(query)})
	if err == nil {
		r.resources(page)
	}
	return err
}

// bundled is what comes of the only entry of a Bundle.
func (r *rig) bundled(kind, entry string) error {
	r.Helper()
	text := fmt.Appendf(nil, `{"resourceType":"Bundle","type":%q,"entry":[%s]}`, kind, entry)
	res, err := r.session.Bundle(r.Context(), records.Content{JSON: text}, records.BundleOptions{})
	if r.written(); err != nil {
		return err
	}
	return res.Entries[0].Err
}

// askParts asks for parts of resources.
func askParts(r *rig) {
	typeName := r.fruitful()
	all := slices.Collect(r.world.All(typeName))
	if len(all) == 0 {
		return
	}
	query := "_count=1000&_summary=" + pick(r, []string{"true", "text", "data"})
	if names := slices.Sorted(maps.Keys(pick(r, all).Body)); r.chance(60) {
		names = slices.DeleteFunc(names, func(name string) bool { return name == "resourceType" || name[0] == '_' || r.chance(40) })
		for i, name := range names { // a choice is asked for by the name of the element
			for _, choice := range leaktest.Choices {
				if strings.HasPrefix(name, choice) {
					names[i] = choice
				}
			}
		}
		query = "_count=1000&_elements=" + strings.Join(append(names, "id"), ",")
	}
	r.asked("search %s?%s", typeName, query)
	page, err := r.session.Search(r.Context(), records.SearchRequest{Type: fhir.Type(typeName), Pairs: r.pairsOf(query)})
	if r.refused(err, !r.sight.May(typeName, "s")) {
		return
	}
	if err != nil {
		r.wrong("%v", err)
		return
	}
	matches, _ := split(page)
	r.same("matches", matches, r.sight.Found(typeName, nil))
	for _, e := range page.Entries {
		r.shows(e.Resource, true)
	}
}

// fields are what is graphed of types.
var fields = map[string]string{
	"Patient":           `name { family given } gender birthDate identifier { system value } address { city } telecom { value } text { div } generalPractitioner { reference display } managingOrganization { reference display }`,
	"Observation":       `status code { text coding { system code display } } effectiveDateTime valueQuantity { value unit } text { div } identifier { system value } subject { reference display identifier { value } } performer { reference display } component { code { text } } contained { resourceType ... on Patient { name { family } } }`,
	"Encounter":         `status class { code display } type { text } period { start end } subject { display } participant { individual { reference display } } serviceProvider { display }`,
	"Condition":         `code { coding { code } text } onsetDateTime clinicalStatus { coding { code } } encounter { reference }`,
	"MedicationRequest": `status medicationCodeableConcept { text } medicationReference { reference display } requester { display } contained { ... on Medication { code { coding { code } } } }`,
}

// askGraphedParts has elements graphed, those of what a resource refers to as well.
func askGraphedParts(r *rig) {
	typeName := pick(r, slices.Sorted(maps.Keys(fields)))
	follow := ""
	if typeName != "Patient" {
		follow = fmt.Sprintf(` followed: subject { resource(optional: true) { resourceType ... on Patient { id %s } } }`, fields["Patient"])
	}
	query := fmt.Sprintf(`{ all: %sList(_count: 1000) { resourceType id %s%s } }`, typeName, fields[typeName], follow)
	r.asked("$graphql %s", query)
	text, err := r.session.GraphQL(r.Context(), records.GraphQLRequest{Request: graphql.Request{Query: query}})
	if err != nil {
		if r.sight.May(typeName, "s") {
			r.wrong("%v", err)
		}
		return
	}
	var answer struct {
		Data struct{ All []map[string]any }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		r.Fatal(err)
	}
	for _, one := range answer.Data.All {
		if to, ok := one["followed"].(map[string]any); ok {
			if patient, ok := to["resource"].(map[string]any); ok && patient["resourceType"] == "Patient" {
				r.graphed(patient)
			}
		}
		delete(one, "followed")
		r.graphed(one)
	}
}

// graphed checks what is graphed of a resource.
func (r *rig) graphed(parts map[string]any) {
	r.Helper()
	v := r.world.Current(fmt.Sprint(parts["resourceType"], "/", parts["id"]))
	text, err := json.Marshal(parts)
	if err != nil {
		r.Fatal(err)
	}
	if v == nil {
		r.wrong("it is not known: %s", text)
		return
	}
	r.shows(records.Resource{Key: keyOf(v.Reference()), Version: v.Number, JSON: text}, true)
}

// value is a text in some version, and a FHIRPath expression for what has it.
func (r *rig) value(v *leaktest.Version) (value, having string) {
	some := slices.DeleteFunc(v.Values(), func(value string) bool {
		return value == "" || strings.ContainsAny(value, `'\<`) || value[0] >= '0' && value[0] <= '9' || value[0] == '-' || value == "true" || value == "false"
	})
	value = pick(r, some)
	return value, fmt.Sprintf("descendants().where(toString() = '%s')", value)
}

// askWords asks by FHIRPath whether a resource, or one that it reaches, has a text.
func askWords(r *rig) {
	from := r.anything()
	of := from
	if r.chance(40) {
		of = r.anything()
	}
	v := r.world.Current(of)
	if v == nil || r.world.Current(from) == nil {
		return
	}
	value, expression := r.value(v)
	if of != from {
		expression = fmt.Sprintf("'%s'.resolve().", of) + expression
	}
	r.asked("$fhirpath %s over %s", expression, from)
	got, err := r.session.gives(r.Context(), keyOf(from), expression)
	if err != nil {
		return
	}
	if want := (of == from || r.sight.Knows(of)) && r.sight.Shows(v, value); got != want && v.Type != "Binary" {
		r.wrong("%s has %q: %v\nmasked are %q", of, value, got, r.sight.Masks())
	}
}

// askRows has a view find what has a text.
func askRows(r *rig) {
	typeName := pick(r, []string{"Observation", "Patient", "Encounter", "Condition"})
	value, having := r.value(pick(r, slices.Collect(r.world.All(typeName))))
	view := fmt.Sprintf(`{"resourceType":"ViewDefinition","status":"active","resource":%q,"select":[{"column":[{"name":"id","path":"id"}]}],"where":[{"path":%q}]}`, typeName, having+".exists()")
	r.asked("view of %s where %s", typeName, having)
	got, err := r.session.rows(r.Context(), view, nil)
	if r.refused(err, !r.sight.May(typeName, "s")) {
		return
	}
	if err != nil {
		r.wrong("%v", err)
		return
	}
	want := map[string]bool{}
	for v := range r.world.All(typeName) {
		if r.sight.Finds(v.Reference()) && r.sight.Shows(v, value) {
			want[v.ID] = true
		}
	}
	r.same("rows", got, want)
}

// askPutBack writes back what is shown in part, in some way.
func askPutBack(r *rig) {
	var some []*leaktest.Version
	for v := range r.world.All("") {
		if r.sight.Sees(v, "r") && r.sight.Sees(v, "u") && r.sight.Partly(v) && v.Type != "Binary" {
			some = append(some, v)
		}
	}
	if some == nil {
		askWrite(r)
		return
	}
	v := pick(r, some)
	way := pick(r, []string{"update", "update where", "patch", "patch where", "batch", "transaction"})
	r.asked("%s of %s", way, v.Reference())
	r.heads = false
	read, err := r.session.Read(r.Context(), keyOf(v.Reference()), records.ReadOptions{})
	if err != nil {
		r.wrong("%v", err)
		return
	}
	r.shows(read, false)
	content, where := records.Content{JSON: slices.Clone(read.JSON)}, r.pairsOf("_id="+v.ID)
	patch := records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"add","path":"/language","value":"de"}]`)}
	switch way {
	case "update":
		_, err = r.session.Update(r.Context(), read.Key, content, records.UpdateOptions{})
	case "update where":
		_, err = r.session.UpdateWhere(r.Context(), read.Key.Type, where, content, records.UpdateOptions{})
	case "patch":
		_, err = r.session.Patch(r.Context(), read.Key, patch, records.UpdateOptions{})
	case "patch where":
		_, err = r.session.PatchWhere(r.Context(), read.Key.Type, where, patch, records.UpdateOptions{})
	default:
		err = r.bundled(way, fmt.Sprintf(`{"request":{"method":"PUT","url":%q},"resource":%s}`, v.Reference(), read.JSON))
	}
	if err == nil {
		r.wrong("it is written by who is shown but a part of it\nmasked are %q", r.sight.Masks())
	}
	r.written()
}
