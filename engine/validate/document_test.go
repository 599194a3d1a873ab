package validate

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// documentOf is a document of a Composition with an author and one entry of a section,
// and further entries.
func documentOf(fullURL, author, entry string, more ...string) string {
	id := fullURL[strings.LastIndexAny(fullURL, "/:")+1:]
	return fmt.Sprintf(`{"resourceType":"Bundle","type":"document","timestamp":"2026-01-01T00:00:00Z","identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},"entry":[
		{"fullUrl":%q,"resource":{"resourceType":"Composition","id":%q,"status":"final","type":{"text":"x"},"date":"2026","title":"x",
		"author":[{"reference":%q}],"section":[{"title":"a","entry":[{"reference":%q}]}]}}%s]}`, fullURL, id, author, entry, strings.Join(append([]string{""}, more...), ","))
}

func entryOf(fullURL, resource string) string {
	return fmt.Sprintf(`{"fullUrl":%q,"resource":%s}`, fullURL, resource)
}

func TestWhatACompositionRefersToIsInTheDocumentOnce(t *testing.T) {
	const (
		at       = "http://ehr.example/fhir/"
		uuid     = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
		one      = "urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
		two      = "urn:uuid:2c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
		anybody  = `{"resourceType":"Practitioner","id":"p","active":true}`
		list     = `{"resourceType":"List","id":"l","status":"current","mode":"working"}`
		versions = `{"resourceType":"List","id":"l","meta":{"versionId":"%d"},"status":"current","mode":"working"}`
	)
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	for _, k := range []struct{ name, document, path, text string }{
		{"by the address of a server", documentOf(at+"Composition/c", "Practitioner/p", at+"List/l", entryOf(at+"Practitioner/p", anybody), entryOf(at+"List/l", list)), "", ""},
		{"by UUID", documentOf(uuid, one, two, entryOf(one, anybody), entryOf(two, list)), "", ""},
		{"by an id that is the UUID", documentOf(uuid, "Practitioner/"+one[9:], two, entryOf(one, anybody), entryOf(two, list)), "", ""},
		{"one of two versions", documentOf(at+"Composition/c", "Practitioner/p", "List/l/_history/2", entryOf(at+"Practitioner/p", anybody),
			entryOf(at+"List/l", fmt.Sprintf(versions, 1)), entryOf(at+"List/l", fmt.Sprintf(versions, 2))), "", ""},
		{"not at all", documentOf(uuid, one, two, entryOf(one, anybody)), "Bundle.entry[0].resource.section[0].entry[0]", "is no entry of the document"},
		{"on another server", documentOf("http://other.example/Composition/c", "Practitioner/p", at+"List/l", entryOf(at+"Practitioner/p", anybody), entryOf(at+"List/l", list)), "Bundle.entry[0].resource.author[0]", "is no entry"},
		{"in two versions", documentOf(at+"Composition/c", "Practitioner/p", "List/l", entryOf(at+"Practitioner/p", anybody),
			entryOf(at+"List/l", fmt.Sprintf(versions, 1)), entryOf(at+"List/l", fmt.Sprintf(versions, 2))), "Bundle.entry[0].resource.section[0].entry[0]", "which 2 entries of the document are"},
		{"in no such version", documentOf(at+"Composition/c", "Practitioner/p", "List/l/_history/3", entryOf(at+"Practitioner/p", anybody), entryOf(at+"List/l", list)), "Bundle.entry[0].resource.section[0].entry[0]", "is no entry"},
		{"an entry without a bond", documentOf(uuid, one, one, entryOf(one, anybody), entryOf(two, list)), "Bundle.entry[2]", "has nothing to do with the Composition"},
		{"an address without an id", documentOf(at+"Composition/c", "Practitioner/p", "Practitioner/p", entryOf(at+"Practitioner/p", strings.Replace(anybody, `"id":"p",`, "", 1))), "Bundle.entry[1].fullUrl", "has no id"},
		{"of another type", documentOf(uuid, one, "Observation/"+two[9:], entryOf(one, anybody), entryOf(two, list)), "Bundle.entry[0].resource.section[0].entry[0]", "says that it refers to Observation"},
	} {
		t.Run(k.name, func(t *testing.T) {
			issues := v.Validate(context.Background(), parse(t, d, k.document), nil)
			if k.path == "" {
				if e := errorsOf(issues); len(e) > 0 {
					t.Error(e)
				}
				return
			}
			wants(t, issues, fault.ErrorLevel, k.path, k.text)
		})
	}
}

func TestOnlyAProvenanceRefersToADocumentFromOutside(t *testing.T) {
	const (
		uuid = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
		one  = "urn:uuid:1c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
		two  = "urn:uuid:2c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
		from = "urn:uuid:3c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
	)
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	document := documentOf(uuid, one, one, entryOf(one, `{"resourceType":"Practitioner","active":true}`),
		entryOf(two, fmt.Sprintf(`{"resourceType":"Provenance","target":[{"reference":%q}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"reference":%q}}]}`, uuid, one)),
		entryOf(from, fmt.Sprintf(`{"resourceType":"PractitionerRole","practitioner":{"reference":%q}}`, one)))
	issues := v.Validate(context.Background(), parse(t, d, document), nil)
	if e := errorsOf(issues); len(e) > 0 {
		t.Error(e)
	}
	wants(t, issues, fault.Warning, "Bundle.entry[3]", "only a Provenance")
	for _, i := range issues {
		if i.Path == "Bundle.entry[2]" {
			t.Error(i)
		}
	}
}
