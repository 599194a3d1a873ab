package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/apps/kit/kittest"
	"github.com/inglehealth/ingle/apps/risk/app"
	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

// observation is one with a quantity.
func observation(code, name, value, unit, day string) string {
	return `{"resource":{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}],"text":"` + name +
		`"},"effectiveDateTime":"` + day + `","valueQuantity":{"value":` + value + `,"unit":"` + unit + `","code":"` + unit + `"}}}`
}

// complete has all that the model asks for.
func complete(t *testing.T) *smarttest.Server {
	s := smarttest.New(t)
	s.Patient = "p"
	s.Records = map[string]string{
		"Patient/p": `{"resourceType":"Patient","name":[{"family":"Probe"}],"birthDate":"1975-01-01","gender":"female"}`,
		"Observation": strings.Join([]string{
			observation("2093-3", "Cholesterol", "5.172", "mmol/L", "2026-01-02"), // 200 mg/dL
			observation("2093-3", "Cholesterol", "300", "mg/dL", "2020-01-02"),
			observation("2085-9", "HDL", "45", "mg/dL", "2026-01-02"),
			observation("2160-0", "Creatinine", "1.0", "mg/dL", "2026-01-03"),
			observation("29463-7", "Weight", "89.6", "kg", "2026-01-04"),
			observation("8302-2", "Height", "160", "cm", "2019-01-04"),
			`{"resource":{"status":"final","code":{"coding":[{"code":"85354-9"}],"text":"Blood pressure"},"effectiveDateTime":"2026-01-05T10:00:00Z",
				"component":[{"code":{"coding":[{"code":"8480-6"}]},"valueQuantity":{"value":160,"code":"mm[Hg]"}}]}}`,
			`{"resource":{"status":"final","code":{"coding":[{"code":"72166-2"}],"text":"Smoking"},"effectiveDateTime":"2026-01-06","valueCodeableConcept":{"coding":[{"code":"266919005"}],"text":"Never smoked <i>tobacco</i>"}}}`,
		}, ","),
		"Condition":         `{"resource":{"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"E11.9"}],"text":"Type 2 diabetes"},"onsetDateTime":"2015-02-03"}}`,
		"MedicationRequest": `{"resource":{"status":"active","authoredOn":"2024-05-06","medicationCodeableConcept":{"text":"Lisinopril 10 MG"}}}`,
	}
	return s
}

func TestTheRiskIsShownWithWhereEachInputComesFrom(t *testing.T) {
	s := complete(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	p := kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "By the PREVENT equations (2023)",
		`value="200"`, `value="160"`, `value="35.0"`, "computed of creatinine by CKD-EPI 2021", "2026-01-03", "computed of weight, and height of 2019-01-04",
		"Type 2 diabetes", "2015-02-03", "Lisinopril 10 MG", "2024-05-06", "Cardiovascular disease, 10 years", "What each input does", "date of birth", "PREVENT base model (2023)")
	p.Lacks(t, "Not enough is known", "no figure", "supposed, not of the record")
	if strings.Contains(p.Source, "<i>") {
		t.Error("what a record says is markup")
	}
}

func TestWhatIsMissingIsSaidAndMayBeSupposed(t *testing.T) {
	s := complete(t)
	s.Records["Observation"] = observation("2085-9", "HDL", "45", "mg/dL", "2026-01-02")
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	p := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "Not enough is known",
		"Total cholesterol, Systolic blood pressure, Filtration rate of the kidneys (eGFR), Smokes now")
	p.Lacks(t, "Cardiovascular disease, 10 years")
	b.Press(p.Address+"/suppose", url.Values{"total": {"200"}, "systolic": {"160"}, "egfr": {"90"}, "smoker": {"no"}, "age": {"50"}}).
		Want(t, http.StatusOK, "14.7 %", "9.2 %", "53.0 %", "Some inputs are supposed").Lacks(t, "8.1 %") // no body mass index, no heart failure
	b.Press(p.Address+"/suppose", url.Values{"total": {"200"}, "systolic": {"160"}, "egfr": {"90"}, "smoker": {"no"}, "age": {"50"}, "bmi": {"35"}}).
		Want(t, http.StatusOK, "14.7 %", "9.2 %", "8.1 %", "53.0 %", "35.4 %", "39.0 %")
	b.Press(p.Address+"/suppose", url.Values{"total": {"900"}, "systolic": {"high"}, "egfr": {"90"}, "smoker": {"maybe"}}).
		Want(t, http.StatusOK, "The model was made for 130 to 320 mg/dL", "The model was made for 90 to 180 mmHg", "Say yes or no")
}

func TestAValueThatChangesOnTheServerIsSeen(t *testing.T) {
	s := complete(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	p := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, `id="systolic" name="systolic" value="160"`)
	s.Records["Observation"] += "," + observation("8480-6", "Systolic", "124", "mm[Hg]", "2026-08-01")
	b.Get(p.Address).Want(t, http.StatusOK, `id="systolic" name="systolic" value="124"`, "2026-08-01")
}

func TestWhoHasADiseaseAlreadyIsToldThatTheFiguresDoNotHold(t *testing.T) {
	s := complete(t)
	s.Records["Condition"] += `,{"resource":{"code":{"coding":[{"system":"http://snomed.info/sct","code":"84114007"}],"text":"Heart failure"}}}`
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "<strong>Heart failure</strong>", "do not hold for this patient")
}

func TestWhatIsOverOrWrongIsNoDiabetes(t *testing.T) {
	s := complete(t)
	s.Records["Condition"] = `{"resource":{"code":{"coding":[{"code":"44054006"}]},"clinicalStatus":{"coding":[{"code":"resolved"}]}}},
		{"resource":{"code":{"coding":[{"code":"44054006"}]},"verificationStatus":{"coding":[{"code":"entered-in-error"}]}}}`
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "not among the problems")
}

func TestWhatTheAppMayNotReadIsNotTakenForNone(t *testing.T) {
	s := complete(t)
	s.Grants = smart.Scopes{"launch/patient", "patient/Patient.r", "patient/Observation.rs"}
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "Not enough is known", "The app may not read conditions", "The app may not read medications")
}

func TestALaunchWithoutAPatientSaysSo(t *testing.T) {
	s := complete(t)
	s.Patient = ""
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "No patient")
}
