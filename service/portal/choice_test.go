package portal

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

const clientsOfTest = "http://x/auth/clients"

// consentOf is the Consent of a choice, without what it takes a visit to know.
func consentOf(t *rapid.T, c choice) []byte {
	text, err := json.Marshal(object{
		"resourceType": "Consent", "status": "active", "patient": object{"reference": "Patient/a"}, "dateTime": "2026-01-01",
		"scope": object{"coding": codings("x", []string{"patient-privacy"})}, "provision": c.provision(clientsOfTest),
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func someChoice(t *rapid.T) choice {
	subset := func(name string, of []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(string) bool { return !rapid.Bool().Draw(t, name) })
	}
	var kindSlugs, topicSlugs []string
	for _, k := range kinds {
		kindSlugs = append(kindSlugs, k.Slug)
	}
	for _, k := range topics {
		topicSlugs = append(topicSlugs, k.Slug)
	}
	c := choice{
		Hide: rapid.Bool().Draw(t, "hide"), Who: rapid.SampledFrom([]string{everybody, research, "app:growth", "Practitioner/dr", "Organization/o"}).Draw(t, "who"),
		From: rapid.SampledFrom([]string{"", "2026-01-01"}).Draw(t, "from"), Until: rapid.SampledFrom([]string{"", "2027-01-01"}).Draw(t, "until"), Kinds: subset("kind", kindSlugs), Topics: subset("topic", topicSlugs),
	}
	if c.Hide {
		c.Emergency = rapid.Bool().Draw(t, "emergency")
		c.Except = rapid.SampledFrom([][]string{nil, {"RelatedPerson/m"}, {"RelatedPerson/m", "RelatedPerson/a"}}).Draw(t, "except")
	}
	return c
}

func TestAChoiceIsReadAsItWasWrittenAndCanBeComputed(t *testing.T) {
	defs := definitions.MustBuiltIn(definitions.R4)
	rapid.Check(t, func(t *rapid.T) {
		c := someChoice(t)
		text := consentOf(t, c)
		e, err := pages.ParseElement(text)
		if err != nil {
			t.Fatal(err)
		}
		got := readChoice(e, clientsOfTest)
		if !got.Plain {
			t.Fatalf("the form does not know its own %s", text)
		}
		want := c
		want.Active, want.Plain, want.Made = true, true, "2026-01-01"
		for _, list := range []*[]string{&want.Kinds, &want.Topics, &want.Except, &want.Types, &want.Labels, &got.Kinds, &got.Topics, &got.Except, &got.Types, &got.Labels} {
			if len(*list) == 0 {
				*list = nil
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("written %+v\nread %+v", want, got)
		}
		tree, err := fhir.ParseJSON(defs, text, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if read := access.ReadConsent(tree.Root(), ""); len(read.Problems) > 0 || !read.Decides() {
			t.Fatalf("%s: %v", text, read.Problems)
		}
	})
}

// Whatever a Consent says, reading it fails in no way, and it is taken for one of the
// form's own only if it says nothing else.
func FuzzAConsentFromElsewhere(f *testing.F) {
	f.Add([]byte(`{"scope":{"coding":[{"code":"patient-privacy"}]},"provision":{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]}}`))
	f.Add([]byte(`{"provision":{"type":"permit","provision":[{"purpose":[{"code":"BTG"}]},{"actor":[{"reference":{"reference":"x"}}]}],"period":{"start":"2020-01-01T00:00:00Z"}}}`))
	f.Add([]byte(`{"provision":[1,{"type":7}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := pages.ParseElement(text)
		if err != nil {
			return
		}
		c := readChoice(e, clientsOfTest)
		if !c.Plain {
			return
		}
		if again := plain(c.provision(clientsOfTest)); !reflect.DeepEqual(again, plain(e.At("provision").JSON())) {
			t.Errorf("%s becomes %v", text, again)
		}
	})
}

func TestEveryKindIsOfTypesThatBelongToPatients(t *testing.T) {
	compartment := definitions.MustBuiltIn(definitions.R4).Compartment("Patient")
	seen := map[string]bool{}
	for _, k := range kinds {
		for _, typ := range k.Types {
			if _, ok := compartment.Params[typ]; !ok && typ != "Task" && typ != "Device" && typ != "DeviceRequest" {
				t.Errorf("%s: %s is of no patient", k.Slug, typ)
			}
			if seen[typ] {
				t.Errorf("%s stands twice", typ)
			}
			seen[typ] = true
		}
	}
	for _, s := range sections {
		if !seen[string(s.Type)] && s.Slug != "devices" {
			t.Errorf("nobody can choose about %s", s.Type)
		}
	}
}

func TestTheEverydayWordsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(everydayTable) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 3 || seen[cells[0]] {
			t.Fatalf("%q has not three cells, or stands twice", line)
		}
		seen[cells[0]] = true
		system, code, _ := strings.Cut(cells[0], ":")
		if known := system == "drug" || slices.Contains([]string{"sct", "loinc", "cvx", "icd10"}, system); !known || code == "" {
			t.Errorf("%q is of no system that is known", cells[0])
		}
		if (system == "drug") == (cells[1] != "") || cells[2] != "" && !strings.HasSuffix(cells[2], ".") || cells[1]+cells[2] == "" {
			t.Errorf("%q: a name is a phrase, a meaning a sentence", line)
		}
	}
}

func TestADrugIsCalledByWhatIsInIt(t *testing.T) {
	for name, want := range map[string]string{
		"24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet":     "Metformin 500 mg",
		"amoxicillin 80 MG/ML Oral Suspension":                                  "Amoxicillin 80 mg/ml",
		"insulin isophane, human 70 UNT/ML / insulin, regular, human 30 UNT/ML": "Insulin",
		"200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler":              "Albuterol 0.09 mg/puff",
		"Small white tablets": "",
		"nonaspirin":          "",
	} {
		if m, _ := drugInWords(name); m.Name != want {
			t.Errorf("%s is called %q, not %q", name, m.Name, want)
		}
	}
}
