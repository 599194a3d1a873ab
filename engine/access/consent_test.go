package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// clinic is the data of two patients that consents are about.
var clinic = []string{
	resource("Patient", "p", ""), resource("Patient", "q", ""), resource("Practitioner", "dr", ""),
	resource("Encounter", "e", to("subject", "Patient/p")+`,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}]}`),
	resource("Observation", "lab", to("subject", "Patient/p")+`,"code":{"coding":[{"system":"http://loinc.org","code":"1-1"}]},"effectiveDateTime":"2020-01-01"`),
	resource("Observation", "psy", to("subject", "Patient/p")+","+to("encounter", "Encounter/e")),
	resource("Observation", "hiv", to("subject", "Patient/p")+`,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}`),
	resource("Observation", "other", to("subject", "Patient/q")),
	resource("Condition", "sud", to("subject", "Patient/p")+`,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]}`),
	resource("Condition", "c", to("subject", "Patient/p")+","+to("recorder", "Practitioner/dr")),
	resource("Provenance", "of-lab", `"target":[{"reference":"Observation/lab"}]`), resource("Provenance", "of-other", `"target":[{"reference":"Observation/other"}]`),
}

const (
	allOfP = "Patient/p Encounter/e Observation/lab Observation/psy Observation/hiv Condition/c Provenance/of-lab"
	allOfQ = "Patient/q Practitioner/dr Observation/other Provenance/of-other"
)

// consent is a Consent of a patient of the day's hour n, with further elements.
func consent(patient string, n int, rest string) string {
	return fmt.Sprintf(`{"resourceType":"Consent","id":"c%d","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},
		"category":[{"text":"privacy"}],"patient":{"reference":"Patient/%s"},"dateTime":"2024-05-01T%02d:00:00Z",%s}`, n, patient, n, rest)
}

func code(system, code string) string { return fmt.Sprintf(`{"system":%q,"code":%q}`, system, code) }

func label(c string) string {
	return `"securityLabel":[` + code("http://terminology.hl7.org/CodeSystem/v3-ActCode", c) + `]`
}

func actor(ref string) string {
	return `"actor":[{"role":{"coding":[{"code":"IRCP"}]},` + to("reference", ref) + `}]`
}

func purpose(c string) string {
	return `"purpose":[` + code("http://terminology.hl7.org/CodeSystem/v3-ActReason", c) + `]`
}

// under are the rules of a Practitioner dr, with a purpose, under consents.
func (w *world) under(purpose string, consents ...string) *access.Rules {
	w.t.Helper()
	g := grant("user/*.cruds")
	g.Asker = access.Asker{Actors: []string{"Practitioner/dr", "Organization/clinic"}, Purpose: purpose}
	return w.o.RulesUnder(w.book(consents...), g)
}

// book has the policies of consents.
func (w *world) book(consents ...string) *access.Book {
	return w.bookOf(access.Shipped(), consents...)
}

func (w *world) bookOf(defaults access.Defaults, consents ...string) *access.Book {
	w.t.Helper()
	book := access.NewBook(defaults)
	of := map[fhir.ID][]access.Consent{}
	for _, text := range consents {
		tree, err := fhir.ParseJSON(w.catalog.Definitions(), []byte(text), fhir.Limits{})
		if err != nil {
			w.t.Fatal(err)
		}
		c := access.ReadConsent(tree.Root(), "")
		of[c.Patient] = append(of[c.Patient], c)
	}
	w.consents = of
	n := int64(0)
	for patient, list := range of {
		var spans []search.PolicySpan
		for _, s := range access.Policies(list) {
			n++
			book.Add(n, s.Policy)
			spans = append(spans, search.PolicySpan{Policy: n, Lo: s.Lo, Until: s.Until})
		}
		w.memory.Govern(patient, spans...)
	}
	return book
}

// visible are the resources that may be read at a time.
func (w *world) visible(r *access.Rules, at string) string {
	w.t.Helper()
	t, ok := search.ParseTime(at)
	if !ok {
		w.t.Fatalf("%q is no time", at)
	}
	var names []string
	for _, d := range w.docs {
		one := w.find(atTime(r.Filter([]string{string(d.Key.Type)}, smart.Read), t.Lo), d)
		if all := w.find(atTime(r.Filter(nil, smart.Read), t.Lo), d); all != one {
			w.t.Errorf("%s is visible over all types: %v, by its type: %v", d.Key, all, one)
		}
		if one {
			names = append(names, d.Key.String())
		}
	}
	return strings.Join(names, " ")
}

func atTime(x search.Expr, at int64) search.Expr {
	if x == nil {
		return nil
	}
	return search.At(x, at)
}

// without takes names out of a list.
func without(list string, names ...string) string {
	var left []string
	for _, one := range strings.Fields(list) {
		keep := true
		for _, n := range names {
			keep = keep && one != n
		}
		if keep {
			left = append(left, one)
		}
	}
	return strings.Join(left, " ")
}

func TestConsentsDecideWhatIsSeen(t *testing.T) {
	w := newWorld(t, clinic...)
	all := w.visible(w.under("TREAT"), "2024-06-01")
	ofQ := without(all, strings.Fields(allOfP)...)
	if len(strings.Fields(all)) != len(strings.Fields(allOfP+" "+allOfQ)) || strings.Contains(all, "Condition/sud") {
		t.Fatalf("without consents: %s", all)
	}
	deny, permit := `"provision":{"type":"deny"`, `"provision":{"type":"permit"`
	for _, c := range []struct {
		name     string
		purpose  string
		at       string
		consents []string
		want     string
	}{
		{"a denial hides all of one patient", "TREAT", "", []string{consent("p", 1, deny+`}`)}, ofQ},
		{"an opt-out by policyRule", "TREAT", "", []string{consent("p", 1, `"policyRule":{"coding":[{"code":"OPTOUT"}]}`)}, ofQ},
		{"an opt-out with an exception", "TREAT", "", []string{consent("p", 1, `"policyRule":{"coding":[{"code":"OPTOUTE"}]},"provision":{"provision":[{"type":"permit",`+actor("Practitioner/dr")+`}]}`)}, all},
		{"what is not active decides nothing", "TREAT", "", []string{strings.Replace(consent("p", 1, deny+`}`), `"active"`, `"inactive"`, 1)}, all},
		{"an advance directive decides nothing", "TREAT", "", []string{strings.Replace(consent("p", 1, deny+`}`), `patient-privacy`, `adr`, 1)}, all},
		{"a denial of somebody else", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+actor("Practitioner/x")+`}]}`)}, all},
		{"a denial of the asker", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+actor("Practitioner/dr")+`}]}`)}, ofQ},
		{"a denial of the asker's organization", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+actor("Organization/clinic")+`}]}`)}, ofQ},
		{"a denial of the purpose", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+purpose("TREAT")+`}]}`)}, ofQ},
		{"a denial of a broader purpose", "COC", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+purpose("TREAT")+`}]}`)}, ofQ},
		{"a denial of another purpose", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+purpose("HPAYMT")+`}]}`)}, all},
		{"breaking the glass is no treatment", "BTG", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+purpose("TREAT")+`}]}`)}, all},
		{"a denial of a label", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+label("HIV")+`}]}`)}, without(all, "Observation/hiv")},
		{"a label of an Encounter is that of what belongs to it", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+label("PSY")+`}]}`)}, without(all, "Encounter/e", "Observation/psy")},
		{"a denial of a type", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny","class":[`+code("http://hl7.org/fhir/resource-types", "Condition")+`]}]}`)}, without(all, "Condition/c")},
		{"a denial of a code hides what tells of it", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny","code":[{"coding":[`+code("http://loinc.org", "1-1")+`]}]}]}`)}, without(all, "Observation/lab", "Provenance/of-lab")},
		{"a denial of one resource", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny","data":[{"meaning":"instance",`+to("reference", "Observation/hiv")+`}]}]}`)}, without(all, "Observation/hiv")},
		{"a denial of what depends on one", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny","data":[{"meaning":"dependents",`+to("reference", "Encounter/e")+`}]}]}`)}, without(all, "Encounter/e", "Observation/psy")},
		{"a denial of what somebody wrote", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny","data":[{"meaning":"authoredby",`+to("reference", "Practitioner/dr")+`}]}]}`)}, without(all, "Condition/c")},
		{"a denial of data of a time takes in what has no date", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny","class":[`+code("http://hl7.org/fhir/resource-types", "Observation")+`],"dataPeriod":{"start":"2021","end":"2022"}}]}`)}, without(all, "Observation/psy", "Observation/hiv")},
		{"a permission of data of a time is of what has a date", "TREAT", "", []string{consent("p", 1, deny+`,"provision":[{"type":"permit","dataPeriod":{"start":"2019","end":"2021"}}]}`)}, "Practitioner/dr Observation/lab Observation/other Patient/q Provenance/of-lab Provenance/of-other"},
		{"an exception of an exception", "TREAT", "", []string{consent("p", 1, deny+`,"provision":[{"type":"permit",`+actor("Practitioner/dr")+`,"provision":[{"type":"deny",`+label("HIV")+`}]}]}`)}, without(all, "Observation/hiv")},
		{"a permission by label unseals", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"permit",`+label("ETH")+`}]}`)}, all + " Condition/sud"},
		{"a permission of normal data unseals nothing", "TREAT", "", []string{consent("p", 1, permit+`,"securityLabel":[`+code("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N")+`]}`)}, all},
		{"a permission without a label unseals nothing", "TREAT", "", []string{consent("p", 1, permit+`}`)}, all},
		{"a purpose that the default does not permit", "HRESCH", "", nil, "Practitioner/dr"},
		{"a patient who permits research", "HRESCH", "", []string{consent("p", 1, permit+`,`+purpose("HRESCH")+`}`)}, "Practitioner/dr " + allOfP},
		{"the newer consent prevails, a permission", "TREAT", "", []string{consent("p", 1, deny+`}`), consent("p", 2, permit+`}`)}, all},
		{"the newer consent prevails, a denial", "TREAT", "", []string{consent("p", 2, deny+`}`), consent("p", 1, permit+`}`)}, ofQ},
		{"the newer consent leaves open what it does not speak of", "TREAT", "", []string{consent("p", 1, deny+`}`), consent("p", 2, permit+`,"class":[`+code("http://hl7.org/fhir/resource-types", "Condition")+`]}`)}, ofQ + " Condition/c"},
		{"of the same time a denial prevails", "TREAT", "", []string{consent("p", 1, deny+`}`), consent("p", 1, permit+`}`)}, ofQ},
		{"before its period", "TREAT", "2024-05-31", []string{consent("p", 1, deny+`,"period":{"start":"2024-06-01","end":"2024-06-30"}}`)}, all},
		{"in its period", "TREAT", "2024-06-30T23:59:59Z", []string{consent("p", 1, deny+`,"period":{"start":"2024-06-01","end":"2024-06-30"}}`)}, ofQ},
		{"in its period, in the time zone that is last", "TREAT", "2024-07-01T11:59:59Z", []string{consent("p", 1, deny+`,"period":{"start":"2024-06-01","end":"2024-06-30"}}`)}, ofQ},
		{"before its period", "TREAT", "2024-05-31T09:59:59Z", []string{consent("p", 1, deny+`,"period":{"start":"2024-06-01","end":"2024-06-30"}}`)}, all},
		{"in its period, in the time zone that is first", "TREAT", "2024-05-31T10:00:00Z", []string{consent("p", 1, deny+`,"period":{"start":"2024-06","end":"2024-06"}}`)}, ofQ},
		{"after its moments", "TREAT", "2024-06-30T21:00:00Z", []string{consent("p", 1, deny+`,"period":{"start":"2024-06-01T00:00:00Z","end":"2024-06-30T20:00:00Z"}}`)}, all},
		{"after its period", "TREAT", "2024-07-01T12:00:00Z", []string{consent("p", 1, deny+`,"period":{"start":"2024-06-01","end":"2024-06-30"}}`)}, all},
		{"without a root rule the denials hold", "TREAT", "", []string{consent("p", 1, `"provision":{"provision":[{"type":"deny",`+label("HIV")+`},{"type":"permit",`+label("ETH")+`}]}`)}, without(all, "Observation/hiv")},
		{"a permission that cannot be computed is void", "HRESCH", "", []string{consent("p", 1, permit+`,`+purpose("HRESCH")+`,"code":[{"text":"everything nice"}]}`)}, "Practitioner/dr"},
		{"a denial that cannot be computed is void", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny","code":[{"text":"that matter"}]}]}`)}, all},
		{"an opt-out that cannot be computed denies", "TREAT", "", []string{consent("p", 1, deny+`,"code":[{"text":"that matter"}]}`)}, ofQ},
		{"a denial of something sensitive that cannot be computed denies", "TREAT", "", []string{consent("p", 1, permit+`,"provision":[{"type":"deny",`+label("HIV")+`,"code":[{"text":"that matter"}]}]}`)}, without(all, "Observation/hiv")},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, clinic...)
			at := c.at
			if at == "" {
				at = "2024-06-01"
			}
			r := w.under(c.purpose, c.consents...)
			got := w.visible(r, at)
			if order(got) != order(c.want) {
				t.Errorf("%s\nwant %s", order(got), order(c.want))
			}
			w.explains(r, at, got)
		})
	}
}

func TestALabelOfAnEncounterIsThatOfWhatNamesItWithoutAParameter(t *testing.T) {
	w := newWorld(t, append(clinic, resource("Immunization", "i", to("patient", "Patient/p")+","+to("encounter", "Encounter/e")))...)
	denial := consent("p", 1, `"provision":{"type":"permit","provision":[{"type":"deny",`+label("PSY")+`}]}`)
	if got := w.visible(w.under("TREAT", denial), "2024-06-01"); strings.Contains(got, "Immunization/i") || strings.Contains(got, "Observation/psy") {
		t.Errorf("%s", got)
	}
}

func TestWhatMerelyRefersToAnEncounterHasNoneOfItsLabels(t *testing.T) {
	w := newWorld(t, append(clinic,
		resource("Consent", "x", to("patient", "Patient/p")+`,"provision":{"provision":[{"data":[{"meaning":"instance",`+to("reference", "Encounter/e")+`}]}]}`),
		resource("RelatedPerson", "x", to("patient", "Patient/p")+`,"extension":[{"url":"urn:e","valueReference":{"reference":"Encounter/e"}}]`))...)
	denial := consent("p", 1, `"provision":{"type":"permit","provision":[{"type":"deny",`+label("PSY")+`}]}`)
	if got := w.visible(w.under("TREAT", denial), "2024-06-01"); !strings.Contains(got, "Consent/x") || !strings.Contains(got, "RelatedPerson/x") {
		t.Errorf("%s", got)
	}
}

func TestWhoInterpretedEnteredOrCollectedIsAnAuthor(t *testing.T) {
	w := newWorld(t, append(clinic, resource("DiagnosticReport", "x", to("subject", "Patient/p")+`,"resultsInterpreter":[{"reference":"Practitioner/dr"}]`),
		resource("ImagingStudy", "x", to("subject", "Patient/p")+`,"interpreter":[{"reference":"Practitioner/dr"}]`),
		resource("ClinicalImpression", "x", to("subject", "Patient/p")+","+to("assessor", "Practitioner/dr")),
		resource("Claim", "x", to("patient", "Patient/p")+","+to("enterer", "Practitioner/dr")),
		resource("Media", "x", to("subject", "Patient/p")+","+to("operator", "Practitioner/dr")),
		resource("Specimen", "x", to("subject", "Patient/p")+`,"collection":{"collector":{"reference":"Practitioner/dr"}}`))...)
	denial := consent("p", 1, `"provision":{"type":"permit","provision":[{"type":"deny","data":[{"meaning":"authoredby",`+to("reference", "Practitioner/dr")+`}]}]}`)
	if got := w.visible(w.under("TREAT", denial), "2024-06-01"); order(got) != order(without(allOfP+" "+allOfQ, "Condition/c")) {
		t.Errorf("%s", order(got))
	}
}

func TestWhatMerelyNamesSomebodyIsNotTheirWork(t *testing.T) {
	w := newWorld(t, append(clinic,
		resource("Consent", "x", to("patient", "Patient/p")+`,"provision":{"provision":[{"data":[{"meaning":"authoredby",`+to("reference", "Practitioner/dr")+`}]}]}`),
		resource("Observation", "x", to("subject", "Patient/p")+`,"extension":[{"url":"urn:e","valueReference":{"reference":"Practitioner/dr"}}]`),
		resource("CarePlan", "x", to("subject", "Patient/p")+","+to("author", "Practitioner/dr")))...)
	denial := consent("p", 1, `"provision":{"type":"permit","provision":[{"type":"deny","data":[{"meaning":"authoredby",`+to("reference", "Practitioner/dr")+`}]}]}`)
	if got := w.visible(w.under("TREAT", denial), "2024-06-01"); order(got) != order(without(allOfP+" "+allOfQ+" Consent/x Observation/x", "Condition/c")) {
		t.Errorf("%s", order(got))
	}
}

func TestTypesThatSayWhoSomebodyIsAreNotLabelled(t *testing.T) {
	for name, want := range map[string]bool{"Observation": true, "Coverage": true, "Medication": true, "Patient": false, "RelatedPerson": false, "Consent": false, "Binary": false, "Practitioner": false} {
		if got := access.MayBeSensitive(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestEachPatientOfAResourceHasToUnsealIt(t *testing.T) {
	const sealed = `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"},{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}`
	all := append(clinic, resource("Appointment", "both", `"participant":[{"actor":{"reference":"Patient/p"}},{"actor":{"reference":"Practitioner/dr"}},{"actor":{"reference":"Patient/q"}}],`+sealed),
		resource("Appointment", "p", `"participant":[{"actor":{"reference":"Patient/p"}}],`+sealed), resource("Appointment", "nobodys", `"participant":[{"actor":{"reference":"Practitioner/dr"}}],`+sealed))
	opens := func(patient string, n int, label string) string {
		return consent(patient, n, `"provision":{"type":"permit","provision":[{"type":"permit",`+label+`}]}`)
	}
	restricted := `"securityLabel":[` + code("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R") + `]`
	for _, c := range []struct {
		consents []string
		want     string
	}{
		{nil, ""},
		{[]string{opens("p", 1, label("ETH"))}, "Appointment/p"},
		{[]string{opens("q", 1, label("ETH"))}, ""},
		{[]string{opens("p", 1, label("ETH")), opens("q", 2, label("ETH"))}, "Appointment/both Appointment/p"},
		{[]string{opens("p", 1, label("ETH")), opens("q", 2, restricted)}, "Appointment/both Appointment/p"},
		{[]string{opens("p", 1, label("ETH")), opens("q", 2, label("HIV"))}, "Appointment/p"},
	} {
		w := newWorld(t, all...)
		r := w.under("TREAT", c.consents...)
		got := w.visible(r, "2024-06-01")
		var some []string
		for name := range strings.FieldsSeq(got) {
			if strings.HasPrefix(name, "Appointment/") {
				some = append(some, name)
			}
		}
		if strings.Join(some, " ") != c.want {
			t.Errorf("%v: %v, want %s", c.consents, some, c.want)
		}
		w.explains(r, "2024-06-01", got)
	}
}

func TestALabelOfAMedicationIsThatOfWhoTakesIt(t *testing.T) {
	w := newWorld(t, append(clinic, resource("Medication", "m", `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]}`),
		resource("MedicationRequest", "m", to("subject", "Patient/p")+","+to("medicationReference", "Medication/m")),
		resource("MedicationAdministration", "m", to("subject", "Patient/p")+","+to("medicationReference", "Medication/m")),
		resource("MedicationDispense", "m", to("subject", "Patient/p")+","+to("medicationReference", "Medication/m")),
		resource("MedicationStatement", "m", to("subject", "Patient/p")+","+to("medicationReference", "Medication/m")),
		resource("MedicationRequest", "other", to("subject", "Patient/p")+","+to("medicationReference", "Medication/other")))...)
	r := w.under("TREAT")
	got := w.visible(r, "2024-06-01")
	if want := allOfP + " " + allOfQ + " Medication/m MedicationRequest/other"; order(got) != order(want) {
		t.Errorf("%s\nwant %s", order(got), order(want))
	}
	w.explains(r, "2024-06-01", got)
	if got := w.visible(w.under("TREAT", consent("p", 1, `"provision":{"type":"permit",`+label("ETH")+`}`)), "2024-06-01"); !strings.Contains(got, "MedicationStatement/m") {
		t.Errorf("with the patient's permission: %s", got)
	}
}

func TestABinaryIsHiddenWithTheMessageOrAnswerThatAttachesIt(t *testing.T) {
	all := append(clinic, resource("Binary", "sent", ""), resource("Binary", "answered", ""), resource("Binary", "free", ""),
		resource("Communication", "m", to("subject", "Patient/p")+`,"payload":[{"contentAttachment":{"url":"Binary/sent"}}]`),
		resource("QuestionnaireResponse", "a", to("subject", "Patient/p")+`,"item":[{"linkId":"1","answer":[{"valueAttachment":{"url":"Binary/answered"}}]}]`),
		resource("Communication", "free", to("subject", "Patient/q")+`,"payload":[{"contentAttachment":{"url":"Binary/free"}}]`))
	w := newWorld(t, all...)
	r := w.under("TREAT", consent("p", 1, `"provision":{"type":"deny"}`))
	got := w.visible(r, "2024-06-01")
	if want := allOfQ + " Communication/free Binary/free"; order(got) != order(want) {
		t.Errorf("%s\nwant %s", order(got), order(want))
	}
	w.explains(r, "2024-06-01", got)
}

func TestABinaryIsHiddenWithTheDocumentThatAttachesIt(t *testing.T) {
	all := append(clinic, resource("Binary", "sealed", ""), resource("Binary", "own", to("securityContext", "Patient/p")), resource("Binary", "free", ""),
		resource("DocumentReference", "sealed", to("subject", "Patient/p")+`,"content":[{"attachment":{"url":"Binary/sealed"}},{"attachment":{"url":"Binary/own"}}],"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]}`),
		resource("DocumentReference", "free", to("subject", "Patient/p")+`,"content":[{"attachment":{"url":"Binary/free"}}]`))
	for _, c := range []struct {
		consents []string
		want     string
	}{
		{nil, allOfP + " " + allOfQ + " DocumentReference/free Binary/free"},
		{[]string{consent("p", 1, `"provision":{"type":"permit","provision":[{"type":"permit",`+label("ETH")+`}]}`)},
			allOfP + " " + allOfQ + " Condition/sud DocumentReference/free Binary/free DocumentReference/sealed Binary/sealed Binary/own"},
		{[]string{consent("p", 1, `"provision":{"type":"permit","provision":[{"type":"deny","class":[`+code("http://hl7.org/fhir/resource-types", "DocumentReference")+`]}]}`)}, allOfP + " " + allOfQ},
	} {
		w := newWorld(t, all...)
		r := w.under("TREAT", c.consents...)
		got := w.visible(r, "2024-06-01")
		if order(got) != order(c.want) {
			t.Errorf("%s\nwant %s", order(got), order(c.want))
		}
		w.explains(r, "2024-06-01", got)
	}
}

func TestWhatTellsOfNoPatientIsSeenForAnyPurpose(t *testing.T) {
	w := newWorld(t, append(clinic, resource("Provenance", "of-dr", `"target":[{"reference":"Practitioner/dr"}]`))...)
	if got := w.visible(w.under("HRESCH"), "2024-06-01"); got != "Practitioner/dr Provenance/of-dr" {
		t.Errorf("%s", got)
	}
}

func TestAFilterOverAllTypesAsksOnceWhatTypesAreAskedAlike(t *testing.T) {
	w := newWorld(t)
	own := access.Role{Name: "x", Purposes: []string{"TREAT"}, Rules: []access.RoleRule{{Types: []string{"*"}, Interactions: "cruds", Reach: access.ReachOwn}}}
	g := grant("patient/*.rs user/Patient.rs")
	g.Asker = access.Asker{Purpose: "TREAT", Roles: []access.Role{own}}
	r := w.o.RulesUnder(access.NewBook(access.Shipped()), g)
	text := fmt.Sprintf("%#v", r.Filter(nil, smart.Read|smart.Search))
	if n := strings.Count(text, "search.Token{") + strings.Count(text, "search.Reference{"); n > 1000 {
		t.Errorf("it asks for %d values", n)
	}
}

func order(list string) string {
	names := strings.Fields(list)
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestAPolicyOfLaterHidesWhereAnotherHidesSomething(t *testing.T) {
	w := newWorld(t, clinic...)
	r := w.under("TREAT", consent("q", 1, `"provision":{"type":"permit","provision":[{"type":"deny",`+label("HIV")+`}]}`))
	w.memory.Govern("p", search.PolicySpan{Policy: 1000, Lo: search.MinTime, Until: search.MaxTime})
	if got := w.visible(r, "2024-06-01"); strings.Contains(got, "Observation/hiv") {
		t.Errorf("%s", got)
	}
}

func TestWhomNoConsentConcernsSeesAll(t *testing.T) {
	w := newWorld(t, clinic...)
	w.under("TREAT", consent("p", 1, `"provision":{"type":"deny"}`))
	book := access.NewBook(access.Shipped())
	book.Add(1, `[[{"deny":true}]]`)
	g := grant("patient/*.rs")
	for _, asker := range []access.Asker{{Exempt: true}, {Self: true, Actors: []string{"app"}}} {
		g.Asker = asker
		if got := w.visible(w.o.RulesUnder(book, g), "2024-06-01"); !strings.Contains(got, "Condition/sud") {
			t.Errorf("%+v: %s", asker, got)
		}
	}
}

func TestAPatientsAppSeesWhatNoConsentThatNamesItHides(t *testing.T) {
	w := newWorld(t, clinic...)
	app := `"actor":[{"role":{"text":"app"},"reference":{"identifier":{"system":"https://ehr.example/auth/clients","value":"app"}}}]`
	w.under("TREAT", consent("p", 1, `"provision":{"type":"deny","provision":[{"type":"deny",`+app+`,`+label("HIV")+`}]}`))
	book := access.NewBook(access.Shipped())
	tree, err := fhir.ParseJSON(w.catalog.Definitions(), []byte(consent("p", 1, `"provision":{"type":"deny","provision":[{"type":"deny",`+app+`,`+label("HIV")+`}]}`)), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	book.Add(1, access.Policies([]access.Consent{access.ReadConsent(tree.Root(), "")})[0].Policy)
	g := grant("patient/*.rs")
	g.Asker = access.Asker{Self: true, Actors: []string{"https://ehr.example/auth/clients|app"}}
	if got := w.visible(w.o.RulesUnder(book, g), "2024-06-01"); strings.Contains(got, "Observation/hiv") || !strings.Contains(got, "Observation/lab") || !strings.Contains(got, "Condition/sud") {
		t.Errorf("%s", got)
	}
}

func TestPoliciesThatMeanTheSameAreTheSame(t *testing.T) {
	w := newWorld(t)
	read := func(text string) string {
		tree, err := fhir.ParseJSON(w.catalog.Definitions(), []byte(text), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(access.Policies([]access.Consent{access.ReadConsent(tree.Root(), "")}))
	}
	a := read(consent("p", 1, `"provision":{"type":"permit","provision":[{"type":"deny",`+actor("Practitioner/a")+`,`+label("HIV")+`}]}`))
	b := read(consent("q", 2, `"provision":{"type":"permit","provision":[{"type":"deny",`+label("HIV")+`,`+actor("Practitioner/a")+`}]}`))
	if a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestWhatCannotBeComputedIsSaid(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ rest, want string }{
		{`"provision":{"type":"deny","code":[{"text":"x"}]}`, "Consent.provision.code[0]: a text alone cannot be computed"},
		{`"provision":{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"x"},"reference":{"display":"nobody"}}]}]}`, "Consent.provision.provision[0].actor[0]: it names nobody"},
		{`"provision":{"type":"deny","data":[{"meaning":"instance","reference":{"reference":"http://elsewhere/Observation/1"}}]}`, "Consent.provision.data[0]: it takes a reference to a resource of this server"},
		{`"provision":{"type":"permit","data":[{"meaning":"instance","reference":{"reference":"Observation/1/_history/2"}}]}`, "Consent.provision.data[0]: it takes a resource, not one of its versions"},
		{`"provision":{"type":"deny",` + actor("https://elsewhere.example/Practitioner/x") + `}`, `Consent.provision.actor[0]: "https://elsewhere.example/Practitioner/x" is no resource of this server`},
		{`"provision":{"type":"permit","provision":[{"type":"permit",` + actor("https://elsewhere.example/Practitioner/x") + `}]}`, "Consent.provision.provision[0].actor[0]: "},
		{`"policyRule":{"text":"be kind"}`, "Consent: there is neither a type"},
		{`"provision":{"type":"deny",` + actor("Device/pump") + `}`, "Consent.provision.actor[0]: nobody asks as a Device here"},
	} {
		tree, err := fhir.ParseJSON(w.catalog.Definitions(), []byte(consent("p", 1, c.rest)), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := access.ReadConsent(tree.Root(), "").Problems; len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s: %q", c.rest, got)
		}
	}
}

func TestAnActorAtAnotherServerPermitsNothingAndFreesNobody(t *testing.T) {
	w := newWorld(t, clinic...)
	const stranger = "https://elsewhere.example/Practitioner/dr"
	both := `"actor":[{"role":{"text":"x"},"reference":{"reference":"` + stranger + `"}},{"role":{"text":"x"},"reference":{"reference":"Practitioner/dr"}}]`
	for _, c := range []struct{ purpose, rest, want string }{
		{"TREAT", `"provision":{"type":"deny",` + actor(stranger) + `}`, allOfQ},
		{"TREAT", `"provision":{"type":"permit","provision":[{"type":"deny",` + both + `}]}`, allOfQ},
		{"TREAT", `"provision":{"type":"permit","provision":[{"type":"deny",` + actor(stranger) + `}]}`, allOfP + " " + allOfQ},
		{"HRESCH", `"provision":{"type":"permit",` + actor(stranger) + `}`, "Practitioner/dr"},
		{"HRESCH", `"provision":{"type":"permit",` + both + `}`, "Practitioner/dr"},
	} {
		if got := w.visible(w.under(c.purpose, consent("p", 1, c.rest)), "2024-06-01"); order(got) != order(c.want) {
			t.Errorf("%s: %s\nwant %s", c.rest, order(got), order(c.want))
		}
	}
}

func TestAnActorAsWhichNobodyAsksChangesNothingOfTheRest(t *testing.T) {
	w := newWorld(t, clinic...)
	both := `"actor":[{"role":{"text":"x"},"reference":{"reference":"Device/pump"}},{"role":{"text":"x"},"reference":{"reference":"Practitioner/dr"}}]`
	for _, c := range []struct{ purpose, rest, want string }{
		{"TREAT", `"provision":{"type":"deny",` + both + `}`, allOfQ},
		{"TREAT", `"provision":{"type":"deny",` + actor("Device/pump") + `}`, allOfP + " " + allOfQ},
		{"HRESCH", `"provision":{"type":"permit",` + both + `}`, allOfP + " Practitioner/dr"},
		{"HRESCH", `"provision":{"type":"permit",` + actor("Device/pump") + `}`, "Practitioner/dr"},
	} {
		if got := w.visible(w.under(c.purpose, consent("p", 1, c.rest)), "2024-06-01"); order(got) != order(c.want) {
			t.Errorf("%s: %s\nwant %s", c.rest, order(got), order(c.want))
		}
	}
}
