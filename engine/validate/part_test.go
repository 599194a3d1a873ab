package validate

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// library is a profile that says what sections are, and of which nothing is said but that.
// Its elements have no ids, so what follows a slice is within it.
const library = `{"resourceType":"StructureDefinition","url":"http://example.org/library","type":"Composition","kind":"resource","derivation":"constraint",
	"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Composition","differential":{"element":[
	{"path":"Composition"},
	{"path":"Composition.section","slicing":{"discriminator":[{"type":"pattern","path":"code"}],"rules":"open"}},
	{"path":"Composition.section","sliceName":"plan"},
	{"path":"Composition.section.code","min":1,"patternCodeableConcept":{"coding":[{"code":"plan"}]}},
	{"path":"Composition.section.title","min":1},
	{"path":"Composition.section","sliceName":"history"},
	{"path":"Composition.section.code","min":1,"patternCodeableConcept":{"coding":[{"code":"history"}]}},
	{"path":"Composition.section.mode","min":1},
	{"path":"Composition.event","max":"0"}]}}`

// letter is a profile whose sections are those of library.
const letter = `{"resourceType":"StructureDefinition","url":"http://example.org/letter","type":"Composition","kind":"resource","derivation":"constraint",
	"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Composition","differential":{"element":[
	{"path":"Composition.section","slicing":{"discriminator":[{"type":"pattern","path":"code"}],"rules":"closed"}},
	{"path":"Composition.section","sliceName":"plan","min":1,"type":[{"code":"BackboneElement","profile":["http://example.org/library"],
		"_profile":[{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/elementdefinition-profile-element","valueString":"Composition.section:%s"}]}]}]},
	{"path":"Composition.section","sliceName":"history","type":[{"code":"BackboneElement","profile":["http://example.org/library"],
		"_profile":[{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/elementdefinition-profile-element","valueString":"Composition.section:history"}]}]}]}]}}`

// sections checks a composition with such sections against letter, whose first slice is
// the section that part names, and gives all issues but those about codes.
func sections(t *testing.T, part string, sections string) (all []fault.Issue) {
	t.Helper()
	d := definition(t, library, fmt.Sprintf(letter, part))
	tree, err := fhir.ParseJSON(d, []byte(`{"resourceType":"Composition","status":"final","type":{"text":"letter"},"date":"2026","author":[{"display":"x"}],"title":"Letter",
		"event":[{"period":{"start":"2026"}}],"section":[`+sections+`]}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range New(d, Options{}).Validate(context.Background(), tree, []string{"http://example.org/letter"}) {
		if i.Severity == fault.ErrorLevel || strings.Contains(i.Message, "so it was not checked") {
			all = append(all, i)
		}
	}
	return all
}

func TestAnElementConformsToWhatAnotherProfileSaysOfOne(t *testing.T) {
	const text = `"text":{"status":"additional","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}`
	plan := `{"title":"Plan","code":{"coding":[{"code":"plan"}]},` + text + `}`
	history := `{"mode":"working","code":{"coding":[{"code":"history"}]},` + text + `}`
	for content, want := range map[string]string{
		plan:                 "", // what the library says of events is said of no letter
		plan + "," + history: "",
		strings.Replace(plan, `"title":"Plan",`, "", 1):                   "Composition.section[0]: title is wanted 1 times",
		plan + "," + strings.Replace(history, `"mode":"working",`, "", 1): "Composition.section[1]: mode is wanted 1 times",
		history: "Composition: section:plan is wanted 1 times",
		plan + "," + strings.Replace(history, `"code":"history"`, `"code":"x"`, 1): "Composition.section[1]: is in none of the slices plan, history",
	} {
		got := sections(t, "plan", content)
		if len(got) > 1 || (len(got) == 1) != (want != "") || len(got) == 1 && !strings.HasPrefix(fmt.Sprint(got[0]), want) {
			t.Errorf("%s: %v, not %q", content, got, want)
		}
	}
	if got := sections(t, "nowhere", plan); !strings.Contains(fmt.Sprint(got), "profile http://example.org/library says nothing of an element Composition.section:nowhere") {
		t.Errorf("%v", got)
	}
}

func TestAProfileSaysOfAnElementWhatItsIdNames(t *testing.T) {
	p := definition(t, library).Profile("http://example.org/library")
	for id, want := range map[string]string{
		"Composition": "Composition", "Composition.section": "Composition.section", "Composition.section:plan.title": "Composition.section:plan.title",
		"Composition.section:plan.mode": "", "Composition.section.title": "", "Composition.section:x": "", "Composition.event": "Composition.event", "Composition.section:plan.event": "",
	} {
		e, err := p.Element(id)
		if err != nil || (e == nil) != (want == "") || e != nil && e.ID != want {
			t.Errorf("%s: %+v %v", id, e, err)
		}
	}
	if e, _ := p.Element("Composition.event"); e == nil || e.Max != 0 {
		t.Errorf("%+v", e)
	}
	if e, _ := p.Element("Composition.section:plan.title"); e == nil || e.Min != 1 || e.Max != definitions.Unstated {
		t.Errorf("%+v", e)
	}
}
