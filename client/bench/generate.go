package bench

import (
	"fmt"
	"strconv"
	"time"
)

var (
	families = []string{"Abara", "Brandt", "Castellano", "Dlamini", "Eriksen", "Fujimoto", "Gallagher", "Haddad", "Ibarra", "Jokinen",
		"Kowalska", "Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Quispe", "Rasmussen", "Sandoval", "Tanaka"}
	givens = []string{"Ada", "Bilal", "Chloe", "Dario", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Luis", "Mina", "Noor",
		"Otto", "Priya", "Rosa", "Samir", "Tove", "Yusuf"}
	vitals = []struct {
		code, display, unit string
		low, high           float64
	}{
		{"8302-2", "Body height", "cm", 150, 195}, {"29463-7", "Body weight", "kg", 48, 120}, {"8867-4", "Heart rate", "/min", 52, 110},
		{"9279-1", "Respiratory rate", "/min", 10, 24}, {"8310-5", "Body temperature", "Cel", 36, 39}, {"2708-6", "Oxygen saturation", "%", 90, 100},
		{"39156-5", "Body mass index", "kg/m2", 18, 38}, {"4548-4", "Hemoglobin A1c", "%", 4, 9},
	}
	problems = [][2]string{{"38341003", "Hypertensive disorder"}, {"44054006", "Diabetes mellitus type 2"}, {"195967001", "Asthma"},
		{"55822004", "Hyperlipidemia"}, {"40930008", "Hypothyroidism"}}
	firstDay = time.Date(2015, 1, 1, 8, 0, 0, 0, time.UTC)
)

func pick[T any](w *worker, from []T) T { return from[w.rand.IntN(len(from))] }

func (w *worker) day() string {
	return firstDay.Add(time.Duration(w.rand.IntN(11*365*24*60)) * time.Minute).Format(time.RFC3339)
}

func idProperty(id string) string {
	if id == "" {
		return ""
	}
	return `"id":"` + id + `",`
}

// patientJSON makes a Patient; without id, for create.
func (w *worker) patientJSON(id string) []byte {
	born := 1930 + w.rand.IntN(95)
	return fmt.Appendf(nil, `{"resourceType":"Patient",%s"identifier":[{"system":"http://example.org/bench/mrn","value":"%016x"}],"active":true,`+
		`"name":[{"use":"official","family":%q,"given":[%q,%q]}],"telecom":[{"system":"phone","value":"555-%04d","use":"home"}],"gender":%q,`+
		`"birthDate":"%d-%02d-%02d","address":[{"line":["%d Hearth Street"],"city":"Springfield","state":"MA","postalCode":"%05d","country":"US"}]}`,
		idProperty(id), w.rand.Uint64(), pick(w, families), pick(w, givens), pick(w, givens), w.rand.IntN(10000),
		pick(w, []string{"female", "male"}), born, 1+w.rand.IntN(12), 1+w.rand.IntN(28), 1+w.rand.IntN(999), w.rand.IntN(99999))
}

// observationJSON makes a vital sign; subject and encounter are references or "".
func (w *worker) observationJSON(id, subject, encounter string) []byte {
	v := pick(w, vitals)
	links := ""
	if subject != "" {
		links = fmt.Sprintf(`"subject":{"reference":%q},"encounter":{"reference":%q},`, subject, encounter)
	}
	at := w.day()
	return fmt.Appendf(nil, `{"resourceType":"Observation",%s"status":"final","category":[{"coding":[{"system":`+
		`"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],"code":{"coding":[{"system":`+
		`"http://loinc.org","code":%q,"display":%q}],"text":%q},%s"effectiveDateTime":%q,"issued":%q,"valueQuantity":{"value":%s,"unit":%q,`+
		`"system":"http://unitsofmeasure.org","code":%q}}`, idProperty(id), v.code, v.display, v.display, links, at, at,
		strconv.FormatFloat(v.low+w.rand.Float64()*(v.high-v.low), 'f', 1, 64), v.unit, v.unit)
}

func (w *worker) encounterJSON(subject string) []byte {
	at := w.day()
	return fmt.Appendf(nil, `{"resourceType":"Encounter","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode",`+
		`"code":"AMB"},"type":[{"coding":[{"system":"http://snomed.info/sct","code":"185349003","display":"Encounter for check up"}]}],`+
		`"subject":{"reference":%q},"period":{"start":%q}}`, subject, at)
}

func (w *worker) conditionJSON(subject, encounter string) []byte {
	p := pick(w, problems)
	return fmt.Appendf(nil, `{"resourceType":"Condition","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical",`+
		`"code":"active"}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]},`+
		`"code":{"coding":[{"system":"http://snomed.info/sct","code":%q,"display":%q}],"text":%q},"subject":{"reference":%q},`+
		`"encounter":{"reference":%q},"onsetDateTime":%q}`, p[0], p[1], p[1], subject, encounter, w.day())
}

// bundle makes a transaction of one patient with what belongs to them.
func (w *worker) bundle(encounters, observations, conditions int) []byte {
	b := []byte(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	first := true
	add := func(kind string, resource []byte, urn string) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = fmt.Appendf(b, `{"fullUrl":%q,"resource":%s,"request":{"method":"POST","url":%q}}`, urn, resource, kind)
	}
	subject := w.urn()
	add("Patient", w.patientJSON(""), subject)
	visits := make([]string, encounters)
	for i := range visits {
		visits[i] = w.urn()
		add("Encounter", w.encounterJSON(subject), visits[i])
	}
	for range observations {
		add("Observation", w.observationJSON("", subject, pick(w, visits)), w.urn())
	}
	for range conditions {
		add("Condition", w.conditionJSON(subject, pick(w, visits)), w.urn())
	}
	return append(b, `]}`...)
}

func (w *worker) urn() string {
	a, b := w.rand.Uint64(), w.rand.Uint64()
	return fmt.Sprintf("urn:uuid:%08x-%04x-4%03x-8%03x-%012x", uint32(a), uint16(a>>32), uint16(a>>48)&0xfff, uint16(b)&0xfff, (b>>16)&0xffffffffffff)
}
