package app

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/client/smart"
)

// input is one of the model's, as the record has it or as somebody supposes it.
type input struct {
	Name   string // of its field
	Label  string
	Unit   string
	Value  string // as a field has it; "" if it is not known
	From   string // where the value comes from, in words
	When   string // its day
	Number bound  // for numbers
	Step   string
	Yes    bool   // it is yes or no
	Why    string // what is wrong with it, or missing
	Asked  bool   // somebody supposes it
}

// Known says whether it has a value that the model can take.
func (i *input) Known() bool { return i.Value != "" && i.Why == "" }

func (i *input) float() float64 {
	v, err := strconv.ParseFloat(i.Value, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// record is what is read for the model.
type record struct {
	person       kit.Person
	observations kit.List[kit.Observation]
	conditions   kit.List[condition]
	medications  kit.List[medication]
}

type condition struct {
	Code, ClinicalStatus, VerificationStatus kit.Concept
	OnsetDateTime, RecordedDate              string
}

type medication struct {
	Status                    string
	MedicationCodeableConcept kit.Concept
	MedicationReference       struct{ Display string }
	AuthoredOn                string
}

func (m medication) String() string {
	return cmp.Or(m.MedicationCodeableConcept.String(), m.MedicationReference.Display)
}

// Codes of LOINC.
var (
	totalCodes      = []string{"2093-3", "14647-2"}
	hdlCodes        = []string{"2085-9", "14646-4"}
	systolicCodes   = []string{"8480-6"}
	creatinineCodes = []string{"2160-0", "14682-9", "38483-4"}
	egfrCodes       = []string{"98979-8", "98980-6", "62238-1", "33914-3", "48642-3", "48643-1", "88293-6", "88294-4"}
	bmiCodes        = []string{"39156-5"}
	weightCodes     = []string{"29463-7", "3141-9"}
	heightCodes     = []string{"8302-2", "3137-7"}
	smokingCodes    = []string{"72166-2"}
)

func read(ctx context.Context, fhir *smart.FHIR, patient string) (r record, err error) {
	if r.person, err = kit.ReadPerson(ctx, fhir, patient); err != nil {
		return r, err
	}
	codes := slices.Concat(totalCodes, hdlCodes, systolicCodes, []string{"85354-9"}, creatinineCodes, egfrCodes, bmiCodes, weightCodes, heightCodes, smokingCodes)
	for i, code := range codes {
		codes[i] = "http://loinc.org|" + code
	}
	r.observations, err = kit.Find[kit.Observation](ctx, fhir, "Observation", url.Values{
		"patient": {patient}, "code": {strings.Join(codes, ",")}, "_sort": {"-date"}, "_count": {"200"},
	}, 1000)
	if err != nil {
		return r, err
	}
	slices.SortStableFunc(r.observations.Rows, func(a, b kit.Observation) int { return b.At().Compare(a.At()) })
	if r.conditions, err = kit.Find[condition](ctx, fhir, "Condition", url.Values{"patient": {patient}, "_count": {"200"}}, 1000); err != nil {
		return r, err
	}
	r.medications, err = kit.Find[medication](ctx, fhir, "MedicationRequest", url.Values{"patient": {patient}, "status": {"active"}, "_count": {"200"}}, 1000)
	return r, err
}

// inputs are the model's, of a record.
func (r record) inputs(now time.Time) []*input {
	age, sex := r.age(now), r.sex()
	all := []*input{
		age, sex,
		r.lipid("total", "Total cholesterol", totalBound, totalCodes),
		r.lipid("hdl", "HDL cholesterol", hdlBound, hdlCodes),
		r.systolic(),
		r.egfr(age, sex),
		r.bmi(),
		r.diabetes(),
		r.smoker(),
		r.medicine("treated", "Treatment of blood pressure", pressureNames),
		r.medicine("statin", "Statin", statinNames),
	}
	for _, i := range all {
		i.check()
	}
	return all
}

// check says what is wrong with a value, or that there is none.
func (i *input) check() {
	switch {
	case i.Why != "":
	case i.Value == "":
		i.Why = "Not in the record"
	case !i.Yes && i.Name != "sex" && !i.Number.has(i.float()):
		i.Why = fmt.Sprintf("The model was made for %s", strings.TrimSpace(i.Number.String()+" "+i.Unit))
	}
}

func (r record) age(now time.Time) *input {
	i := &input{Name: "age", Label: "Age", Unit: "years", Number: ageBound, Step: "1"}
	if years := r.person.Age(now); years >= 0 {
		i.Value, i.From, i.When = strconv.Itoa(years), "date of birth", r.person.Born
	}
	return i
}

func (r record) sex() *input {
	i := &input{Name: "sex", Label: "Sex"}
	switch r.person.Sex {
	case "female", "male":
		i.Value, i.From = r.person.Sex, "administrative sex of the patient"
	}
	return i
}

// latest is the newest observation that has a number of some codes, in one of the
// units that factors has, times its factor.
func (r record) latest(codes []string, factors map[string]float64) (value float64, o *kit.Observation) {
	for n := range r.observations.Rows {
		o := &r.observations.Rows[n]
		if !o.Counts() {
			continue
		}
		q := o.Of(codes...)
		value, ok := q.Float()
		if !ok {
			continue
		}
		for _, unit := range []string{q.Code, q.Unit} {
			if factor, known := factors[strings.ToLower(unit)]; known {
				return value * factor, o
			}
		}
	}
	return 0, nil
}

func (r record) lipid(name, label string, b bound, codes []string) *input {
	i := &input{Name: name, Label: label, Unit: "mg/dL", Number: b, Step: "1"}
	if value, o := r.latest(codes, map[string]float64{"mg/dl": 1, "mmol/l": 1 / 0.02586}); o != nil {
		i.Value, i.From, i.When = rounded(value, 0), o.Code.String(), o.When()
	}
	return i
}

func (r record) systolic() *input {
	i := &input{Name: "systolic", Label: "Systolic blood pressure", Unit: "mmHg", Number: systolicBound, Step: "1"}
	if value, o := r.latest(systolicCodes, map[string]float64{"mm[hg]": 1, "mmhg": 1}); o != nil {
		i.Value, i.From, i.When = rounded(value, 0), o.Code.String(), o.When()
	}
	return i
}

// egfr is as the laboratory reported it, or else of the creatinine.
func (r record) egfr(age, sex *input) *input {
	i := &input{Name: "egfr", Label: "Filtration rate of the kidneys (eGFR)", Unit: "mL/min/1.73 m²", Number: egfrBound, Step: "1"}
	rates := map[string]float64{"ml/min/{1.73_m2}": 1, "ml/min/1.73.m2": 1, "ml/min/1.73m2": 1, "ml/min/1.73 m2": 1, "ml/min/{1.73}m2": 1, "ml/min": 1}
	value, o := r.latest(egfrCodes, rates)
	creatinine, c := r.latest(creatinineCodes, map[string]float64{"mg/dl": 1, "umol/l": 1 / 88.4, "µmol/l": 1 / 88.4})
	switch {
	case c != nil && creatinine > 0 && age.Value != "" && sex.Value != "" && (o == nil || c.At().After(o.At())):
		i.Value = rounded(ckdEPI(creatinine, age.float(), sex.Value == "female"), 0)
		i.From, i.When = "computed of creatinine by CKD-EPI 2021", c.When()
	case o != nil:
		i.Value, i.From, i.When = rounded(value, 0), o.Code.String(), o.When()
	}
	return i
}

// bmi is as it was recorded, or else of weight and height.
func (r record) bmi() *input {
	i := &input{Name: "bmi", Label: "Body mass index", Unit: "kg/m²", Number: bmiBound, Step: "0.1"}
	value, o := r.latest(bmiCodes, map[string]float64{"kg/m2": 1})
	weight, w := r.latest(weightCodes, map[string]float64{"kg": 1, "g": .001, "[lb_av]": .45359237, "lb": .45359237})
	height, h := r.latest(heightCodes, map[string]float64{"cm": .01, "m": 1, "[in_i]": .0254, "in": .0254})
	switch {
	case w != nil && h != nil && height > 0 && (o == nil || w.At().After(o.At())):
		i.Value, i.From, i.When = rounded(weight/height/height, 1), "computed of weight, and height of "+h.When(), w.When()
	case o != nil:
		i.Value, i.From, i.When = rounded(value, 1), o.Code.String(), o.When()
	}
	return i
}

// The conditions, by codes of SNOMED CT and beginnings of codes of ICD-10-CM.
var (
	diabetesCodes = []string{"73211009", "44054006", "46635009", "313436004", "190331003", "E10", "E11", "E13"}
	diseaseCodes  = []string{
		"84114007", "42343007", "85232009", "22298006", "399211009", "414545008", "53741008", "230690007", "422504002", "266257000",
		"I20", "I21", "I22", "I24", "I25", "I50", "I61", "I63", "I64",
	}
)

// condition finds a condition that the patient has.
func (r record) condition(codes []string) *condition {
	for n := range r.conditions.Rows {
		c := &r.conditions.Rows[n]
		if c.VerificationStatus.Has("entered-in-error", "refuted") || c.ClinicalStatus.Has("resolved", "inactive", "remission") {
			continue
		}
		for _, coding := range c.Code.Coding {
			icd := strings.Contains(coding.System, "icd-10")
			if slices.ContainsFunc(codes, func(code string) bool { return coding.Code == code || icd && strings.HasPrefix(coding.Code, code) }) {
				return c
			}
		}
	}
	return nil
}

// day is since when a condition is known.
func (c *condition) day() string { return kit.Day(cmp.Or(c.OnsetDateTime, c.RecordedDate)) }

func (r record) diabetes() *input {
	i := &input{Name: "diabetes", Label: "Diabetes", Yes: true}
	if !r.conditions.Allowed {
		i.Why = "The app may not read conditions"
		return i
	}
	i.Value, i.From = "no", "not among the problems"
	if c := r.condition(diabetesCodes); c != nil {
		i.Value, i.From, i.When = "yes", c.Code.String(), c.day()
	}
	return i
}

// Answers to the tobacco smoking status, of SNOMED CT.
var (
	smokes       = []string{"449868002", "428041000124106", "77176002", "428071000124103", "428061000124105", "65568007"}
	doesNotSmoke = []string{"266919005", "8517006", "8392000", "405746006"}
)

func (r record) smoker() *input {
	i := &input{Name: "smoker", Label: "Smokes now", Yes: true}
	for _, o := range r.observations.Rows {
		if !o.Counts() || !o.Code.Has(smokingCodes...) {
			continue
		}
		switch {
		case o.ValueConcept.Has(smokes...):
			i.Value = "yes"
		case o.ValueConcept.Has(doesNotSmoke...):
			i.Value = "no"
		default:
			continue
		}
		i.From, i.When = o.Code.String()+": "+o.ValueConcept.String(), o.When()
		return i
	}
	return i
}

// Ingredients, by their names, in the texts of medications.
var (
	statinNames   = []string{"atorvastatin", "rosuvastatin", "simvastatin", "pravastatin", "lovastatin", "fluvastatin", "pitavastatin"}
	pressureNames = []string{
		"lisinopril", "enalapril", "ramipril", "benazepril", "captopril", "fosinopril", "perindopril", "quinapril", "trandolapril",
		"losartan", "valsartan", "olmesartan", "candesartan", "irbesartan", "telmisartan", "azilsartan",
		"amlodipine", "nifedipine", "felodipine", "diltiazem", "verapamil",
		"hydrochlorothiazide", "chlorthalidone", "chlortalidone", "indapamide", "spironolactone", "eplerenone", "furosemide", "torsemide",
		"metoprolol", "atenolol", "bisoprolol", "carvedilol", "nebivolol", "labetalol", "propranolol",
		"clonidine", "hydralazine", "doxazosin", "methyldopa", "aliskiren", "sacubitril",
	}
)

func (r record) medicine(name, label string, ingredients []string) *input {
	i := &input{Name: name, Label: label, Yes: true}
	if !r.medications.Allowed {
		i.Why = "The app may not read medications"
		return i
	}
	i.Value, i.From = "no", "no such active order, by the names of the ingredients"
	for _, m := range r.medications.Rows {
		text := strings.ToLower(m.String())
		if m.Status == "active" && slices.ContainsFunc(ingredients, func(s string) bool { return strings.Contains(text, s) }) {
			i.Value, i.From, i.When = "yes", m.String(), kit.Day(m.AuthoredOn)
			return i
		}
	}
	return i
}

func rounded(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
