package synth

import (
	"strings"
	"time"
)

// write puts what was said and done into a note.
func (v *visit) write() {
	typ, title := "progress-note", "Progress note"
	if class := classes[v.kind()]; class != nil {
		typ, title = "discharge-summary", "Discharge summary"
	}
	at := v.end
	lines := append([]string{v.name() + ", " + date(v.day), v.t.displays[v.kind()] + "."}, v.said...)
	v.add("DocumentReference", at, "us-core-documentreference", v.document(typ, title, strings.Join(lines, "\n"), at))
}

// document is a text as a DocumentReference.
func (v *visit) document(typ, title, text string, at time.Time) object {
	return object{
		"identifier", list{object{"system", home + "/document", "value", v.next("DocumentReference")[len("DocumentReference/"):]}},
		"status", "current", "type", v.t.concept(typ),
		"category", list{concept("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note")},
		"subject", v.subject, "date", instant(at), "author", list{v.doctor()}, "custodian", hearthside,
		"content", list{object{"attachment", attachment(title, text, instant(at)),
			"format", coding("http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "urn:ihe:iti:xds:2017:mimeTypeSufficient", "mimeType Sufficient")}},
		"context", object{"encounter", references(v.ref), "period", object{"start", instant(v.at), "end", instant(v.end)}},
	}
}

// prove says who wrote what the visit made.
func (v *visit) prove() {
	targets := make(list, 0, len(v.out)-v.from)
	for _, r := range v.out[v.from:] {
		targets = append(targets, reference(r.String(), ""))
	}
	v.add("Provenance", v.end, "us-core-provenance", object{
		"target", targets, "recorded", instant(v.end), "activity", hl7("v3-DataOperation", "CREATE", "create"),
		"agent", list{
			object{"type", hl7("provenance-participant-type", "author", "Author"), "who", v.doctor(), "onBehalfOf", hearthside},
			object{"type", concept("http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type", "transmitter", "Transmitter"), "who", hearthside},
		},
	})
}
