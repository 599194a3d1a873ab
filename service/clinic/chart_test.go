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
	w.Put(
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
		w.Put(fmt.Sprintf(`{"resourceType":"Observation","id":"ldl-%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2089-1"}],"text":"LDL"},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"202%d-02-03T10:00:00+02:00","valueQuantity":{"value":%d,"unit":"mg/dL"},"referenceRange":[{"high":{"value":130,"unit":"mg/dL"}}]}`, i, i+2, 110+20*i))
		w.Put(fmt.Sprintf(`{"resourceType":"Observation","id":"bp-%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}],"text":"Blood pressure"},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"202%d-02-03","component":[{"code":{"text":"Systolic"},"valueQuantity":{"value":%d,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"text":"Diastolic"},"valueQuantity":{"value":80,"unit":"mmHg"}}]}`, i, i+2, 120+10*i))
	}
	w.Put(`{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"Lipids"},"subject":{"reference":"Patient/ann"},"effectiveDateTime":"2025-02-03","conclusion":"Fine","result":[{"reference":"Observation/ldl-1"}]}`)
}

func TestAChartReadsAtAGlance(t *testing.T)           { readsAtAGlance(t) }
func TestAChartReadsAtAGlancePostgreSQL(t *testing.T) { readsAtAGlance(t) }

func readsAtAGlance(t *testing.T) {
	w := newWard(t)
	w.sick()
	b := w.as("noor")
	page := b.Get("/clinic/patient/ann").Want(200).Has("Ann Archer", "76 years", "female", "born 3 February 1950", "HS-1", "Risk of falls",
		"Penicillin", "Hives (severe)", "high risk", "Asthma", "Salbutamol inhaler", "Two puffs", "LDL", "150 mg/dL", "up to 130 mg/dL", "high", "140/80 mmHg", "adults: 90 to 130", "Health Plan").
		Lacks("Measles", "Old flag")
	for _, first := range []string{">Allergies<", ">Problems<", ">Medications<"} {
		if at, vital := strings.Index(page.Body, first), strings.Index(page.Body, ">Vital signs<"); at < 0 || at > vital {
			t.Errorf("%s does not come first", first)
		}
	}
	if !strings.Contains(page.Body, `<option value="visit" selected>`) {
		t.Error("the encounter that goes on is not in context")
	}
	b.Get("/clinic/patient/ann/list/problems").Want(200).Has("Asthma", "Measles", "Resolved and inactive")
	b.Get("/clinic/patient/ann/list/claims").Want(200).Has("Health Plan", "Professional", "120.50 USD")
	b.Get("/clinic/patient/ann/timeline").Want(200).Has("Check-up", "Lipids", "Penicillin")
	b.Get("/clinic/patient/ann/results").Want(200).Has("LDL", "Blood pressure", "Lipids")
	b.Get("/clinic/patient/ann/report/r").Want(200).Has("Fine", "LDL", "130 mg/dL")
	b.Get("/clinic/patient/ann/trend?code="+url.QueryEscape("http://loinc.org|2089-1")).Want(200).Has(`class="chart"`, "3 values from 3 February 2022 to 3 February 2024", "3 February 2024, 10:00 +02:00", "Reference range: up to 130 mg/dL")
	b.Get("/clinic/patient/ann/trend?code=x%7Cy").Want(200).Has("There is nothing of this kind")
	b.Get("/clinic/patient/ann/list/nothing").Want(404)
	b.Get("/clinic/patient/bob/report/r").Want(404)
}

func TestAPatientIsFoundByNameBirthDateAndNumber(t *testing.T) {
	w := newWard(t)
	w.Put(`{"resourceType":"Patient","id":"li","identifier":[{"value":"77"}],"name":[{"text":"李 小龍","family":"李","given":["小龍"]}],"birthDate":"1999-12-31"}`,
		`{"resourceType":"Patient","id":"ola","name":[{"family":"عُلا","given":["Ola"]}],"birthDate":"1999-12-30"}`)
	b := w.as("noor")
	for q, want := range map[string]string{
		"archer": "/clinic/patient/ann", "arch ann": "/clinic/patient/ann", "HS-1": "/clinic/patient/ann", "1950-02-03": "/clinic/patient/ann", "ann 2/3/1950": "/clinic/patient/ann", "3.2.1950 archer": "/clinic/patient/ann",
		"李": "/clinic/patient/li", "小龍": "/clinic/patient/li", "77": "/clinic/patient/li", "عُلا": "/clinic/patient/ola",
	} {
		found := b.Do("GET", "/clinic/find?q="+url.QueryEscape(q), nil, "Accept", "application/json").Want(200)
		if !strings.Contains(found.Body, `"address":"`+want+`"`) || strings.Count(found.Body, `"address"`) != 1 {
			t.Errorf("%s finds %s", q, found.Body)
		}
		b.Get("/clinic?q=" + url.QueryEscape(q)).Want(200).Has(`href="` + want + `"`)
	}
	b.Get("/clinic?q=nobody").Want(200).Has("Nobody is found", "break the glass")
	b.Get("/clinic?q=" + url.QueryEscape(`"><script>alert(1)</script>,$|\`)).Want(200).Has("Nobody is found")
	b.Get("/clinic").Want(200).Lacks("/clinic/patient/ann")
	b.Get("/clinic/patient/ann").Want(200)
	b.Get("/clinic").Want(200).Has("Looked at before", "Ann Archer")
	b.Get("/clinic?all=1").Want(200).Has("Ann Archer", "Patient without a name", "Ola عُلا")
}

func TestFromANameToWhatMattersInTwoRequests(t *testing.T) {
	w := newWard(t)
	w.sick()
	b := w.as("noor")
	found := b.Do("GET", "/clinic/find?q=arch", nil, "Accept", "application/json").Want(200)
	var all []struct{ Name, Detail, Address string }
	if err := json.Unmarshal([]byte(found.Body), &all); err != nil || len(all) != 1 || all[0].Detail != "76 years, female, HS-1, born 3 February 1950" {
		t.Fatal(found.Body, err)
	}
	b.Get(all[0].Address).Want(200).Has("Penicillin", "Asthma", "Salbutamol inhaler")
}

func TestAPatientWithoutDataHasAChart(t *testing.T) {
	b := newWard(t).as("noor")
	for _, path := range []string{"", "/timeline", "/results", "/list/problems", "/list/medications", "/list/encounters", "/list/documents", "/list/orders", "/list/claims", "/list/immunizations", "/list/procedures", "/list/allergies", "/list/reports", "/list/observations", "/apps", "/add/vital"} {
		b.Get("/clinic/patient/bob" + path).Want(200).Has("Patient without a name")
	}
	b.Get("/clinic/patient/bob").Has("No allergies are recorded.", "No active problems are recorded.", "No active medications are recorded.")
}

func TestEveryChartIsForThoseWhoWorkHere(t *testing.T) {
	w := newWard(t)
	w.sick()
	for _, who := range []string{"ann", "vera"} {
		w.as(who).Get("/clinic/patient/ann").Want(403).Lacks("Penicillin")
		w.as(who).Do("GET", "/clinic/find?q=archer", nil, "Accept", "application/json").Want(403).Lacks("Archer")
	}
	out := w.browser()
	if to := out.Get("/clinic/patient/ann").Want(303).Header.Get("Location"); !strings.Contains(to, "/account/sign-in?next=%2Fclinic%2Fpatient%2Fann") {
		t.Error(to)
	}
	out.Do("GET", "/clinic/patient/ann/live", nil, "Accept", "text/event-stream").Want(401)
	w.as("ines").Get("/clinic/patient/ann").Want(200).Has("Penicillin")
	desk := w.as("desk")
	desk.Get("/clinic/patient/ann").Want(200).Has("Ann Archer", "Your role does not show", "Health Plan").Lacks("Penicillin", "Asthma", "Salbutamol", "LDL", "break the glass", "/add/vital")
	desk.Get("/clinic/patient/ann/list/problems").Want(200).Has("Your role does not show this").Lacks("Asthma")
	desk.Get("/clinic/patient/ann/results").Want(200).Lacks("LDL")
	desk.Get("/clinic/patient/ann/trend?code=" + url.QueryEscape("http://loinc.org|2089-1")).Want(200).Lacks("LDL")
	desk.Get("/clinic/patient/ann/document/d").Lacks("Wheezes")
}

func TestScriptInARecordDoesNoHarm(t *testing.T) {
	w := newWard(t)
	w.sick()
	const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>`
	w.Put(`{"resourceType":"Patient","id":"eve","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"name":[{"family":"` + evil + `"}],"identifier":[{"value":"` + evil + `","type":{"text":"` + evil + `"}}],"telecom":[{"system":"url","value":"javascript:alert(3)"}]}`)
	for _, r := range []string{
		`"AllergyIntolerance","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"code":{"text":"EVIL"},"patient":{"reference":"Patient/eve"},"reaction":[{"manifestation":[{"text":"EVIL"}]}]`,
		`"Condition","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"text":"EVIL"},"subject":{"reference":"Patient/eve"}`,
		`"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"urn:x","code":"<b>"}],"text":"EVIL"},"subject":{"reference":"Patient/eve"},"effectiveDateTime":"2024-01-01","valueQuantity":{"value":1,"unit":"EVIL"},"note":[{"text":"EVIL"}]`,
		`"Flag","status":"active","code":{"text":"EVIL"},"subject":{"reference":"Patient/eve"}`,
		`"DocumentReference","status":"current","description":"EVIL","subject":{"reference":"Patient/eve"},"content":[{"attachment":{"contentType":"text/plain","title":"EVIL","data":"PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="}},{"attachment":{"contentType":"application/x","url":"javascript:alert(4)"}}]`,
	} {
		w.Put(`{"resourceType":` + strings.Replace(strings.ReplaceAll(r, "EVIL", evil), `",`, `","id":"e",`, 1) + `}`)
	}
	b := w.as("noor")
	for _, path := range []string{"?q=x&all=1", "/patient/eve", "/patient/eve/timeline", "/patient/eve/results", "/patient/eve/list/problems", "/patient/eve/list/documents", "/patient/eve/document/e", "/patient/eve/trend?code=" + url.QueryEscape(`urn:x|<b>`), "/patient/eve?encounter=" + url.QueryEscape(evil), "/patient/eve/add/note?text=" + url.QueryEscape(evil)} {
		page := b.Get("/clinic" + path).Want(200)
		for _, bad := range []string{"<script>", "<img", `href="javascript`, "onerror=alert(2)>"} {
			if strings.Contains(page.Body, bad) {
				t.Errorf("%s holds %s:\n%s", path, bad, page.Body)
			}
		}
		if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Error(policy)
		}
	}
	b.Get("/clinic/patient/ann/document/d").Want(200).Has("Wheezes less", "application/pdf").Lacks("alert(1)")
}
