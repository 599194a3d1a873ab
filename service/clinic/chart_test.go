package clinic_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// sick gives Ann a record.
func (w *ward) sick() {
	w.put(
		`{"resourceType":"AllergyIntolerance","id":"a","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"code":{"text":"Penicillin"},"criticality":"high","patient":{"reference":"Patient/ann"},"reaction":[{"manifestation":[{"text":"Hives"}],"severity":"severe"}]}`,
		`{"resourceType":"Condition","id":"c","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"text":"Asthma"},"subject":{"reference":"Patient/ann"},"recordedDate":"2024-01-02"}`,
		`{"resourceType":"Condition","id":"old","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"resolved"}]},"code":{"text":"Measles"},"subject":{"reference":"Patient/ann"},"recordedDate":"1960-01-02"}`,
		`{"resourceType":"Medication","id":"m","code":{"text":"Salbutamol inhaler"}}`,
		`{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","medicationReference":{"reference":"Medication/m"},"subject":{"reference":"Patient/ann"},"authoredOn":"2025-01-02","dosageInstruction":[{"text":"Two puffs"}]}`,
		`{"resourceType":"Flag","id":"f","status":"active","code":{"text":"Risk of falls"},"subject":{"reference":"Patient/ann"}}`,
		`{"resourceType":"Flag","id":"gone","status":"inactive","code":{"text":"Old flag"},"subject":{"reference":"Patient/ann"}}`,
		`{"resourceType":"Encounter","id":"visit","status":"in-progress","class":{"code":"AMB","display":"ambulatory"},"type":[{"text":"Check-up"}],"subject":{"reference":"Patient/ann"},"period":{"start":"2026-03-01T08:00:00Z"}}`,
		`{"resourceType":"Coverage","id":"i","status":"active","beneficiary":{"reference":"Patient/ann"},"payor":[{"display":"Health Plan"}]}`,
		`{"resourceType":"Claim","id":"cl","status":"active","use":"claim","type":{"text":"Professional"},"patient":{"reference":"Patient/ann"},"created":"2025-02-03","provider":{"display":"Clinic"},"priority":{"text":"normal"},"insurance":[{"sequence":1,"focal":true,"coverage":{"reference":"Coverage/i"}}],"total":{"value":120.50,"currency":"USD"}}`,
		`{"resourceType":"DocumentReference","id":"d","status":"current","type":{"text":"Progress note"},"subject":{"reference":"Patient/ann"},"date":"2025-02-03T10:00:00Z","content":[{"attachment":{"contentType":"text/html","data":"PHA+V2hlZXplcyA8c2NyaXB0PmFsZXJ0KDEpPC9zY3JpcHQ+bGVzczwvcD4="}},{"attachment":{"contentType":"application/pdf","data":"JVBERg=="}}]}`,
	)
	for i := range 3 {
		w.put(fmt.Sprintf(`{"resourceType":"Observation","id":"ldl-%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2089-1"}],"text":"LDL"},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"202%d-02-03T10:00:00+02:00","valueQuantity":{"value":%d,"unit":"mg/dL"},"referenceRange":[{"high":{"value":130,"unit":"mg/dL"}}]}`, i, i+2, 110+20*i))
		w.put(fmt.Sprintf(`{"resourceType":"Observation","id":"bp-%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}],"text":"Blood pressure"},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"202%d-02-03","component":[{"code":{"text":"Systolic"},"valueQuantity":{"value":%d,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"text":"Diastolic"},"valueQuantity":{"value":80,"unit":"mmHg"}}]}`, i, i+2, 120+10*i))
	}
	w.put(`{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"Lipids"},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"2025-02-03","conclusion":"Fine","result":[{"reference":"Observation/ldl-1"}]}`)
}

func TestAChartReadsAtAGlance(t *testing.T)           { readsAtAGlance(t) }
func TestAChartReadsAtAGlancePostgreSQL(t *testing.T) { readsAtAGlance(t) }

func readsAtAGlance(t *testing.T) {
	w := newWard(t)
	w.sick()
	b := w.as("noor")
	page := b.get("/clinic/patient/ann").want(200).has("Ann Archer", "76 years", "female", "born 3 February 1950", "HS-1", "Risk of falls",
		"Penicillin", "Hives (severe)", "high risk", "Asthma", "Salbutamol inhaler", "Two puffs", "LDL", "150 mg/dL", "up to 130 mg/dL", "high", "140/80 mmHg", "adults: 90 to 130", "Health Plan").
		hasNot("Measles", "Old flag")
	for _, first := range []string{">Allergies<", ">Problems<", ">Medications<"} {
		if at, vital := strings.Index(page.body, first), strings.Index(page.body, ">Vital signs<"); at < 0 || at > vital {
			t.Errorf("%s does not come first", first)
		}
	}
	if !strings.Contains(page.body, `<option value="visit" selected>`) {
		t.Error("the encounter that goes on is not in context")
	}
	b.get("/clinic/patient/ann/list/problems").want(200).has("Asthma", "Measles", "Resolved and inactive")
	b.get("/clinic/patient/ann/list/claims").want(200).has("Health Plan", "Professional", "120.50 USD")
	b.get("/clinic/patient/ann/timeline").want(200).has("Check-up", "Lipids", "Penicillin")
	b.get("/clinic/patient/ann/results").want(200).has("LDL", "Blood pressure", "Lipids")
	b.get("/clinic/patient/ann/report/r").want(200).has("Fine", "LDL", "130 mg/dL")
	b.get("/clinic/patient/ann/trend?code="+url.QueryEscape("http://loinc.org|2089-1")).want(200).has(`class="chart"`, "3 values from 3 February 2022 to 3 February 2024", "3 February 2024, 10:00 +02:00", "Reference range: up to 130 mg/dL")
	b.get("/clinic/patient/ann/trend?code=x%7Cy").want(200).has("There is nothing of this kind")
	b.get("/clinic/patient/ann/list/nothing").want(404)
	b.get("/clinic/patient/bob/report/r").want(404)
}

func TestAPatientIsFoundByNameBirthDateAndNumber(t *testing.T) {
	w := newWard(t)
	w.put(`{"resourceType":"Patient","id":"li","identifier":[{"value":"77"}],"name":[{"text":"李 小龍","family":"李","given":["小龍"]}],"birthDate":"1999-12-31"}`,
		`{"resourceType":"Patient","id":"ola","name":[{"family":"عُلا","given":["Ola"]}],"birthDate":"1999-12-30"}`)
	b := w.as("noor")
	for q, want := range map[string]string{
		"archer": "/clinic/patient/ann", "arch ann": "/clinic/patient/ann", "HS-1": "/clinic/patient/ann", "1950-02-03": "/clinic/patient/ann", "ann 2/3/1950": "/clinic/patient/ann", "3.2.1950 archer": "/clinic/patient/ann",
		"李": "/clinic/patient/li", "小龍": "/clinic/patient/li", "77": "/clinic/patient/li", "عُلا": "/clinic/patient/ola",
	} {
		found := b.do("GET", "/clinic/find?q="+url.QueryEscape(q), nil, "Accept", "application/json").want(200)
		if !strings.Contains(found.body, `"address":"`+want+`"`) || strings.Count(found.body, `"address"`) != 1 {
			t.Errorf("%s finds %s", q, found.body)
		}
		b.get("/clinic?q=" + url.QueryEscape(q)).want(200).has(`href="` + want + `"`)
	}
	b.get("/clinic?q=nobody").want(200).has("Nobody is found", "break the glass")
	b.get("/clinic?q=" + url.QueryEscape(`"><script>alert(1)</script>,$|\`)).want(200).has("Nobody is found")
	b.get("/clinic").want(200).hasNot("/clinic/patient/ann")
	b.get("/clinic/patient/ann").want(200)
	b.get("/clinic").want(200).has("Looked at before", "Ann Archer")
	b.get("/clinic?all=1").want(200).has("Ann Archer", "Patient without a name", "Ola عُلا")
}

func TestFromANameToWhatMattersInTwoRequests(t *testing.T) {
	w := newWard(t)
	w.sick()
	b := w.as("noor")
	found := b.do("GET", "/clinic/find?q=arch", nil, "Accept", "application/json").want(200)
	var all []struct{ Name, Detail, Address string }
	if err := json.Unmarshal([]byte(found.body), &all); err != nil || len(all) != 1 || all[0].Detail != "76 years, female, HS-1, born 3 February 1950" {
		t.Fatal(found.body, err)
	}
	b.get(all[0].Address).want(200).has("Penicillin", "Asthma", "Salbutamol inhaler")
}

func TestAPatientWithoutDataHasAChart(t *testing.T) {
	b := newWard(t).as("noor")
	for _, path := range []string{"", "/timeline", "/results", "/list/problems", "/list/medications", "/list/encounters", "/list/documents", "/list/orders", "/list/claims", "/list/immunizations", "/list/procedures", "/list/allergies", "/list/reports", "/list/observations", "/apps", "/add/vital"} {
		b.get("/clinic/patient/bob" + path).want(200).has("Patient without a name")
	}
	b.get("/clinic/patient/bob").has("No allergies are recorded.", "No active problems are recorded.", "No active medications are recorded.")
}

func TestEveryChartIsForThoseWhoWorkHere(t *testing.T) {
	w := newWard(t)
	w.sick()
	for _, who := range []string{"ann", "vera"} {
		w.as(who).get("/clinic/patient/ann").want(403).hasNot("Penicillin")
		w.as(who).do("GET", "/clinic/find?q=archer", nil, "Accept", "application/json").want(403).hasNot("Archer")
	}
	out := w.browser()
	if to := out.get("/clinic/patient/ann").want(303).header.Get("Location"); !strings.Contains(to, "/account/sign-in?next=%2Fclinic%2Fpatient%2Fann") {
		t.Error(to)
	}
	out.do("GET", "/clinic/patient/ann/live", nil, "Accept", "text/event-stream").want(401)
	w.as("ines").get("/clinic/patient/ann").want(200).has("Penicillin")
	desk := w.as("desk")
	desk.get("/clinic/patient/ann").want(200).has("Ann Archer", "Your role does not show", "Health Plan").hasNot("Penicillin", "Asthma", "Salbutamol", "LDL", "break the glass", "/add/vital")
	desk.get("/clinic/patient/ann/list/problems").want(200).has("Your role does not show this").hasNot("Asthma")
	desk.get("/clinic/patient/ann/results").want(200).hasNot("LDL")
	desk.get("/clinic/patient/ann/trend?code=" + url.QueryEscape("http://loinc.org|2089-1")).want(200).hasNot("LDL")
	desk.get("/clinic/patient/ann/document/d").hasNot("Wheezes")
}

func TestScriptInARecordDoesNoHarm(t *testing.T) {
	w := newWard(t)
	w.sick()
	const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>`
	w.put(`{"resourceType":"Patient","id":"eve","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"name":[{"family":"` + evil + `"}],"identifier":[{"value":"` + evil + `","type":{"text":"` + evil + `"}}],"telecom":[{"system":"url","value":"javascript:alert(3)"}]}`)
	for _, r := range []string{
		`"AllergyIntolerance","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"code":{"text":"EVIL"},"patient":{"reference":"Patient/eve"},"reaction":[{"manifestation":[{"text":"EVIL"}]}]`,
		`"Condition","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"text":"EVIL"},"subject":{"reference":"Patient/eve"}`,
		`"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"urn:x","code":"<b>"}],"text":"EVIL"},"subject":{"reference":"Patient/eve"},"effectiveDateTime":"2024-01-01","valueQuantity":{"value":1,"unit":"EVIL"},"note":[{"text":"EVIL"}]`,
		`"Flag","status":"active","code":{"text":"EVIL"},"subject":{"reference":"Patient/eve"}`,
		`"DocumentReference","status":"current","description":"EVIL","subject":{"reference":"Patient/eve"},"content":[{"attachment":{"contentType":"text/plain","title":"EVIL","data":"PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="}},{"attachment":{"contentType":"application/x","url":"javascript:alert(4)"}}]`,
	} {
		w.put(`{"resourceType":` + strings.Replace(strings.ReplaceAll(r, "EVIL", evil), `",`, `","id":"e",`, 1) + `}`)
	}
	b := w.as("noor")
	for _, path := range []string{"?q=x&all=1", "/patient/eve", "/patient/eve/timeline", "/patient/eve/results", "/patient/eve/list/problems", "/patient/eve/list/documents", "/patient/eve/document/e", "/patient/eve/trend?code=" + url.QueryEscape(`urn:x|<b>`), "/patient/eve?encounter=" + url.QueryEscape(evil), "/patient/eve/add/note?text=" + url.QueryEscape(evil)} {
		page := b.get("/clinic" + path).want(200)
		for _, bad := range []string{"<script>", "<img", `href="javascript`, "onerror=alert(2)>"} {
			if strings.Contains(page.body, bad) {
				t.Errorf("%s holds %s:\n%s", path, bad, page.body)
			}
		}
		if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Error(policy)
		}
	}
	b.get("/clinic/patient/ann/document/d").want(200).has("Wheezes less", "application/pdf").hasNot("alert(1)")
}
