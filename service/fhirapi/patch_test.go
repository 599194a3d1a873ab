package fhirapi_test

import (
	"strings"
	"testing"
)

func TestEachKindOfPatchIsApplied(t *testing.T) {
	s := newServer(t)
	for name, c := range map[string]struct{ contentType, body string }{
		"JSON Patch": {"application/json-patch+json", `[{"op":"test","path":"/active","value":true},{"op":"replace","path":"/birthDate","value":"1990-01-01"}]`},
		"FHIRPath Patch": {"application/fhir+json", `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[
			{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.birthDate"},{"name":"value","valueDate":"1990-01-01"}]}]}`},
		"FHIRPath Patch in XML": {"application/fhir+xml", `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
			<part><name value="type"/><valueCode value="replace"/></part><part><name value="path"/><valueString value="Patient.birthDate"/></part>
			<part><name value="value"/><valueDate value="1990-01-01"/></part></parameter></Parameters>`},
		"XML Patch": {"application/xml-patch+xml", `<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:birthDate/@value">1990-01-01</replace></diff>`},
	} {
		t.Run(name, func(t *testing.T) {
			s.put("/Patient/alice", alice)
			s.do("PATCH", "/Patient/alice", c.body, "Content-Type", c.contentType).want(200).has(`"birthDate":"1990-01-01"`, "Archer")
		})
	}
}

func TestAPatchThatCannotBeAppliedChangesNothing(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	const kind = "application/json-patch+json"
	s.do("PATCH", "/Patient/alice", `[{"op":"test","path":"/active","value":false},{"op":"remove","path":"/name"}]`, "Content-Type", kind).want(422)
	s.do("PATCH", "/Patient/alice", `[{"op":"add","path":"/nonsense","value":1}]`, "Content-Type", kind).want(422)
	s.do("PATCH", "/Patient/alice", `{`, "Content-Type", kind).want(400)
	s.do("PATCH", "/Patient/alice", `[]`, "Content-Type", "application/json").want(415).has("json-patch")
	s.do("PATCH", "/Patient/alice", `[]`, "Content-Type", kind, "If-Match", `W/"9"`).want(412)
	s.do("PATCH", "/Patient/none", `[{"op":"remove","path":"/name"}]`, "Content-Type", kind).want(404)
	s.get("/Patient/alice").want(200).header("ETag", `W/"1"`).has("Archer")
}

// What is wrong after a patch stands in a text that the client never sent, so that only
// its path helps.
func TestAnErrorOfWhatAPatchMakesHasItsPathAndNoLine(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	for contentType, body := range map[string]string{
		"application/json-patch+json": `[{"op":"add","path":"/gender","value":"woman"}]`,
		"application/xml-patch+xml":   `<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:gender/@value">woman</replace></diff>`,
		"application/fhir+json": `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[
			{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.gender"},{"name":"value","valueCode":"woman"}]}]}`,
	} {
		s.do("PATCH", "/Patient/alice", body, "Content-Type", contentType).want(422).has(`"Patient.gender"`, "woman").hasNot(`"location"`)
	}
	dangling := `[{"op":"add","path":"/managingOrganization","value":{"reference":"Organization/none"}}]`
	s.do("PATCH", "/Patient/alice", dangling, "Content-Type", "application/json-patch+json").want(422).has("managingOrganization.reference").hasNot(`"location"`)
	s.do("PUT", "/Patient/alice", strings.Replace(alice, "female", "woman", 1)).want(422).has(`"location"`)
}

func TestAConditionalPatchActsOnItsOnlyMatch(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	const kind, body = "application/json-patch+json", `[{"op":"replace","path":"/active","value":false}]`
	s.do("PATCH", "/Patient?identifier=urn:mrn|1", body, "Content-Type", kind).want(200).has(`"active":false`)
	s.do("PATCH", "/Patient?identifier=urn:mrn|2", body, "Content-Type", kind).want(404)
	s.do("PATCH", "/Patient", body, "Content-Type", kind).want(400)
	s.do("POST", "/Patient", alice).want(201)
	s.do("PATCH", "/Patient?identifier=urn:mrn|1", body, "Content-Type", kind).want(412)
}

// TestMembersOfAGroupAreAddedAndRemovedByPatch names the member, and not its place.
func TestMembersOfAGroupAreAddedAndRemovedByPatch(t *testing.T) {
	s := newServer(t)
	for _, id := range []string{"a", "b", "c"} {
		s.put("/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`"}`)
	}
	s.put("/Group/g", `{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/a"}},{"entity":{"reference":"Patient/b"}}]}`)
	s.do("PATCH", "/Group/g", `[{"op":"add","path":"/member/-","value":{"entity":{"reference":"Patient/c"}}}]`, "Content-Type", "application/json-patch+json", "If-Match", `W/"1"`).want(200)
	remove := `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Group.member.where(entity.reference = 'Patient/a')"}]}]}`
	s.do("PATCH", "/Group/g", remove, "Content-Type", "application/fhir+json").want(200).has(`"member":[{"entity":{"reference":"Patient/b"}},{"entity":{"reference":"Patient/c"}}]`)
	s.get("/Group?member=Patient/c").want(200).has(`"total":1`)
	s.get("/Group?member=Patient/a").want(200).has(`"total":0`)
	s.do("POST", "/Group/g/$member-add", `{"resourceType":"Parameters"}`).want(404)
}
