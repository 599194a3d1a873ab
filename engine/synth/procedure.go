package synth

import (
	"html"
	"strings"
	"time"
)

// perform does a procedure.
func (v *visit) perform(key string) {
	at := v.at.Add(16 * time.Minute)
	v.say("Done: %s.", v.t.displays[key])
	v.add("Procedure", at, "us-core-procedure", object{
		"status", "completed", "code", v.t.concept(key), "subject", v.subject, "encounter", reference(v.ref, ""),
		"performedPeriod", object{"start", instant(at), "end", instant(at.Add(14 * time.Minute))},
		"performer", list{object{"actor", v.doctor()}}, "location", mainBuilding, "reasonReference", v.because,
	})
}

// sections are the categories of reports that are no laboratory's.
var sections = map[string]object{
	"cardiology": concept("http://loinc.org", "LP29708-2", "Cardiology"), "pathology": concept("http://loinc.org", "LP7839-6", "Pathology"),
	"radiology": concept("http://loinc.org", "LP29684-5", "Radiology"),
}

// examine reports an examination in words.
func (v *visit) examine(a planned) {
	section, text, _ := strings.Cut(a.detail, " ")
	at := v.at.Add(28 * time.Minute)
	v.say("%s: %s", v.t.displays[a.what], text)
	title := v.t.displays[a.what]
	v.add("DiagnosticReport", at, "us-core-diagnosticreport-note", object{
		"text", narrative(html.EscapeString(text)),
		"status", "final", "category", list{sections[section]}, "code", v.t.concept(a.what), "subject", v.subject, "encounter", reference(v.ref, ""),
		"effectiveDateTime", instant(at), "issued", instant(at), "performer", list{v.doctor(), hearthside}, "conclusion", text,
		"presentedForm", list{attachment(title, text, instant(at))},
	})
	v.add("DocumentReference", at, "us-core-documentreference", v.document(a.what, title, text, at))
}

// equip gives a device.
func (v *visit) equip(key string) {
	at := v.at.Add(27 * time.Minute)
	serial := strings.ToUpper(v.id) + "-" + strings.ToUpper(key)
	const di = "09504000059118"
	profile := ""
	if key == "pacemaker" {
		profile = "us-core-implantable-device"
	}
	v.add("Device", at, profile, object{
		"udiCarrier", list{object{
			"deviceIdentifier", di, "issuer", "http://hl7.org/fhir/NamingSystem/gs1-di", "jurisdiction", "http://hl7.org/fhir/NamingSystem/fda-udi",
			"carrierHRF", "(01)" + di + "(21)" + serial, "entryType", "barcode",
		}},
		"status", "active", "manufactureDate", date(v.day.AddDate(0, -6, 0)), "expirationDate", date(v.day.AddDate(10, 0, 0)), "lotNumber", "B-" + v.day.Format("0601"),
		"serialNumber", serial, "deviceName", list{object{"name", v.t.displays[key], "type", "user-friendly-name"}},
		"type", v.t.concept(key), "patient", v.subject,
	})
}
