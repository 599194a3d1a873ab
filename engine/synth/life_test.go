package synth

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// observed is what the tests read of an Observation.
type observed struct {
	Code              struct{ Coding []struct{ Code string } }
	EffectiveDateTime time.Time
	ValueQuantity     *struct{ Value float64 }
}

// series are the values of a LOINC code in a record, in the order of time.
func series(t *testing.T, r Record, loinc string) []observed {
	t.Helper()
	var out []observed
	for _, x := range r.Resources {
		if x.Type != "Observation" || !strings.Contains(string(x.JSON), `"code":"`+loinc+`"`) {
			continue
		}
		var o observed
		if err := json.Unmarshal(x.JSON, &o); err != nil {
			continue // a period
		}
		if o.Code.Coding[0].Code == loinc && o.ValueQuantity != nil && !o.EffectiveDateTime.IsZero() {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b observed) int { return a.EffectiveDateTime.Compare(b.EffectiveDateTime) })
	return out
}

func records(n int, at time.Time) map[fhir.ID]Record {
	out := map[fhir.ID]Record{}
	for r := range Generate(1, n, at) {
		out[r.Patient] = r
	}
	return out
}

func TestIllnessesTakeTheirCourseInTheNumbers(t *testing.T) {
	all := records(4, asOf)
	first := func(o []observed) float64 { return o[0].ValueQuantity.Value }
	last := func(o []observed) float64 { return o[len(o)-1].ValueQuantity.Value }

	sugar := series(t, all["maria"], "4548-4")
	if len(sugar) < 8 || first(sugar) < 7.5 || last(sugar) > 7.6 {
		t.Errorf("HbA1c does not fall under metformin: %v", sugar)
	}
	filter, creatinine := series(t, all["walter"], "98979-8"), series(t, all["walter"], "2160-0")
	if len(filter) < 5 || last(filter) > first(filter)-10 || last(creatinine) < first(creatinine)+0.3 {
		t.Errorf("the kidneys of heart failure do not get worse: %v, %v", filter, creatinine)
	}
	for i, f := range filter {
		age := years(readDay("1944-12-05"), f.EffectiveDateTime)
		if want := filtration(creatinine[i].ValueQuantity.Value, age, 0, false); math.Abs(f.ValueQuantity.Value-want) > 1 {
			t.Errorf("a rate of %v beside a creatinine of %v, which comes to %v", f.ValueQuantity.Value, creatinine[i].ValueQuantity.Value, want)
		}
	}
	if bnp := series(t, all["walter"], "33762-6"); slices.MaxFunc(bnp, func(a, b observed) int {
		return int(a.ValueQuantity.Value - b.ValueQuantity.Value)
	}).ValueQuantity.Value < 2*first(bnp) {
		t.Errorf("NT-proBNP does not rise when the heart fails: %v", bnp)
	}
	height := series(t, all["emma"], "8302-2")
	for i := range height[1:] {
		if height[i+1].ValueQuantity.Value < height[i].ValueQuantity.Value {
			t.Errorf("emma shrinks: %v", height)
		}
	}
	if breath := series(t, all["thomas"], "19935-6"); len(breath) < 2 {
		t.Errorf("nobody measured how thomas breathes: %v", breath)
	}
}

func TestACurveGoesThroughItsPointsAndIsConstantOutside(t *testing.T) {
	c := newCurve("-1:10 0:20 2:10")
	for at, want := range map[float64]float64{-5: 10, -1: 10, -0.5: 15, 0: 20, 1: 15, 2: 10, 9: 10} {
		if got := c.at(at); got != want {
			t.Errorf("at %v: %v instead of %v", at, got, want)
		}
	}
}

func TestFiltrationFollowsThePublishedFormulas(t *testing.T) {
	for _, k := range []struct {
		creatinine, age, height float64
		female                  bool
		want                    float64
	}{
		{0.7, 40, 0, true, 112}, {1.0, 60, 0, false, 86}, {2.0, 75, 0, false, 34}, {0.4, 6, 116, false, 120},
	} {
		if got := filtration(k.creatinine, k.age, k.height, k.female); math.Abs(got-k.want) > 1 {
			t.Errorf("%+v gives %.1f", k, got)
		}
	}
}

var (
	referred = regexp.MustCompile(`"reference":"([^"#]+)"`)
	when     = regexp.MustCompile(`"(lastUpdated|issued|effectiveDateTime|authoredOn|recordedDate|recorded|occurrenceDateTime|created|authored|birthDate|onsetDateTime|abatementDateTime|deceasedDateTime|date)":"([^"]+)"`)
)

func TestReferencesLeadToTheRecordOrToTheClinic(t *testing.T) {
	clinic := map[string]bool{}
	for r := range Generate(5, 60, asOf) {
		known := map[string]bool{}
		for _, x := range r.Resources {
			if known[x.String()] {
				t.Errorf("%s stands in it twice", x.Key)
			}
			known[x.String()] = true
			if r.Patient == "" {
				clinic[x.String()] = true
			}
		}
		for _, x := range r.Resources {
			for _, m := range referred.FindAllStringSubmatch(string(x.JSON), -1) {
				if !known[m[1]] && !clinic[m[1]] {
					t.Errorf("%s of %s refers to %s, which is nowhere", x.Key, r.Patient, m[1])
				}
			}
		}
	}
}

func TestEverythingOfAPatientHasAProvenance(t *testing.T) {
	for r := range Generate(5, 30, asOf) {
		proven := map[string]bool{}
		for _, x := range r.Resources {
			if x.Type == "Provenance" {
				for _, m := range referred.FindAllStringSubmatch(string(x.JSON), -1) {
					proven[m[1]] = true
				}
			}
		}
		for _, x := range r.Resources {
			if r.Patient != "" && x.Type != "Provenance" && !proven[x.String()] {
				t.Errorf("no Provenance of %s", x.Key)
			}
		}
	}
}

func TestWhoeverStopsGetsNoMore(t *testing.T) {
	n := 0
	for range Generate(1, 1_000_000_000, asOf) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Error(n)
	}
}

func TestNothingHappensBeforeBirthOrAfterTheDay(t *testing.T) {
	for _, at := range []time.Time{asOf, time.Date(FirstYear, 1, 1, 12, 0, 0, 0, time.UTC), time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(LastYear, 12, 31, 23, 0, 0, 0, time.UTC)} {
		limit := day(at).AddDate(0, 0, 1)
		for r := range Generate(9, 40, at) {
			born := ""
			for _, x := range r.Resources {
				for _, m := range when.FindAllStringSubmatch(string(x.JSON), -1) {
					if m[1] == "birthDate" {
						born = m[2]
					}
					if m[2] >= limit.Format(time.RFC3339) {
						t.Fatalf("as of %s %s of %s is at %s", date(at), m[1], x.Key, m[2])
					}
					if r.Patient != "" && m[2][:10] < born {
						t.Fatalf("%s of %s is at %s, before the birth on %s", m[1], x.Key, m[2], born)
					}
				}
			}
		}
	}
}

func TestDataThatIsMissingSaysWhy(t *testing.T) {
	text := ""
	for r := range Generate(1, 2, asOf) {
		for _, x := range r.Resources {
			text += string(x.JSON)
		}
	}
	for _, want := range []string{
		`"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason"`,
		`"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason"`, `"dataAbsentReason"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestAPopulationHasEveryIllnessAndKindOfResource(t *testing.T) {
	seen := map[fhir.Type]int{}
	text := ""
	died := 0
	for r := range Generate(2, 250, asOf) {
		for _, x := range r.Resources {
			seen[x.Type]++
			if x.Type == "Condition" {
				text += string(x.JSON)
			}
			if x.Type == "Patient" && strings.Contains(string(x.JSON), "deceasedDateTime") {
				died++
			}
		}
	}
	for _, typ := range strings.Fields(`AllergyIntolerance CarePlan CareTeam Claim Condition Coverage Device DiagnosticReport DocumentReference Encounter
		ExplanationOfBenefit FamilyMemberHistory Goal Immunization Location MedicationDispense MedicationRequest Observation Organization Patient
		Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse RelatedPerson ServiceRequest Specimen`) {
		if seen[fhir.Type(typ)] == 0 {
			t.Errorf("no %s", typ)
		}
	}
	known := readTables()
	for _, key := range known.order {
		for _, a := range known.illnesses[key].acts {
			if a.kind == "condition" && !strings.Contains(text, known.displays[a.what]) {
				t.Errorf("nobody has %s", a.what)
			}
		}
	}
	if died == 0 {
		t.Error("nobody died")
	}
}
