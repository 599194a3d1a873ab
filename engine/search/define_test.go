package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// define reads a SearchParameter made of properties, later ones in place of
// those that stand by default.
func define(t testing.TB, c *Catalog, properties ...string) (definitions.SearchParameter, error) {
	t.Helper()
	all := map[string]string{"url": `"http://example.org/suffix"`, "name": `"suffix"`, "status": `"active"`, "description": `"d"`,
		"code": `"suffix"`, "base": `["Patient"]`, "type": `"string"`, "expression": `"Patient.name.suffix"`}
	for _, p := range properties {
		name, value, _ := strings.Cut(p, " ")
		all[name] = value
		if value == "" {
			delete(all, name)
		}
	}
	text := `{"resourceType":"SearchParameter"`
	for name, value := range all {
		text += fmt.Sprintf(",%q:%s", name, value)
	}
	tree, err := fhir.ParseJSON(c.defs, []byte(text+"}"), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Define(tree.Root())
}

func TestADefinedParameterIsSearchedBy(t *testing.T) {
	c := catalogOf(t, definitions.MustBuiltIn(definitions.R4))
	p, err := define(t, c)
	if err != nil {
		t.Fatal(err)
	}
	with := catalogOf(t, c.defs.WithParameters([]definitions.SearchParameter{p}))
	if got, ok := with.Param("Patient", "suffix"); !ok || got.Kind != definitions.SearchString || got.Of != "" {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := c.Param("Patient", "suffix"); ok {
		t.Error("the former definitions have changed")
	}
	tree, err := fhir.ParseJSON(with.defs, []byte(`{"resourceType":"Patient","name":[{"suffix":["Jr"]}]}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := with.Extract(t.Context(), tree)
	if err != nil || !slices.ContainsFunc(entries, func(e Entry) bool { return e.Param.Code == "suffix" && e.Text == "Jr" }) {
		t.Errorf("%+v, %v", entries, err)
	}
	if a, b := c.Print("Patient"), with.Print("Patient"); a == b {
		t.Error("the print of the type does not show it")
	}
}

// An expression that fails gives nothing; one that would go on too long has
// the resource refused, which would else be missing where it is looked for.
func TestAResourceOnWhichAnExpressionTakesTooManyStepsIsRefused(t *testing.T) {
	c := catalogOf(t, definitions.MustBuiltIn(definitions.R4))
	for expression, refuses := range map[string]bool{
		"Patient.name.family.single()": false,
		"Patient.name.select(" + strings.Repeat("(1|2|3).select(", 30) + "toString()" + strings.Repeat(")", 31): true,
	} {
		p, err := define(t, c, fmt.Sprintf("expression %q", expression))
		if err != nil {
			t.Fatal(err)
		}
		with := catalogOf(t, c.defs.WithParameters([]definitions.SearchParameter{p}))
		tree, err := fhir.ParseJSON(with.defs, []byte(`{"resourceType":"Patient","name":[{"family":"A"},{"family":"B"}]}`), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := with.Extract(t.Context(), tree)
		e, refused := errors.AsType[*fault.Error](err)
		if refused != refuses || !refused && (err != nil || len(entries) == 0) ||
			refused && (e.Kind != fault.Unprocessable || !strings.Contains(err.Error(), "search parameter suffix") || !strings.Contains(err.Error(), "3,000,000 steps")) {
			t.Errorf("%s: %d entries, %v", expression, len(entries), err)
		}
	}
}

func TestAnAddedParameterLeavesTheValuesOfOthersWhereTheyAre(t *testing.T) {
	c := catalogOf(t, definitions.MustBuiltIn(definitions.R4))
	p, err := define(t, c, `code "coded"`, `base ["Observation"]`, `type "token"`, `expression "Observation.component.code"`)
	if err != nil {
		t.Fatal(err)
	}
	with := catalogOf(t, c.defs.WithParameters([]definitions.SearchParameter{p}))
	before, after := c.Prints("Observation"), with.Prints("Observation")
	if after["coded"] == "" || len(after) != len(before)+1 {
		t.Errorf("%d parameters have entries, after it %d", len(before), len(after))
	}
	for code, print := range before {
		if after[code] != print {
			t.Errorf("%s is to be indexed anew", code)
		}
	}
	if a, b := c.lookup("Observation").params["combo-code"].Of, with.lookup("Observation").params["combo-code"].Of; a != b {
		t.Errorf("combo-code was found under %s, and is under %s", a, b)
	}
}

func TestADefinitionThatCannotBeSearchedByIsRefused(t *testing.T) {
	c := catalogOf(t, definitions.MustBuiltIn(definitions.R4))
	stored, err := define(t, c)
	if err != nil {
		t.Fatal(err)
	}
	c = catalogOf(t, c.defs.WithParameters([]definitions.SearchParameter{stored}))
	fresh := []string{`url "http://example.org/other"`, `code "other"`}
	parts := func(definitions ...string) string {
		var list []string
		for _, d := range definitions {
			list = append(list, fmt.Sprintf(`{"definition":%q,"expression":"code"}`, d))
		}
		return "component [" + strings.Join(list, ",") + "]"
	}
	const observationCode = "http://hl7.org/fhir/SearchParameter/clinical-code"
	composite := []string{`base ["Observation"]`, `type "composite"`, `expression "Observation.component"`}
	for name, c1 := range map[string]struct {
		properties []string
		path, says string
	}{
		"the url of a stored one":       {[]string{`url "http://example.org/suffix"`}, "SearchParameter.url", "that is stored already"},
		"the url of a release's":        {[]string{`url "http://hl7.org/fhir/SearchParameter/individual-family"`}, "SearchParameter.url", "that the server was started with"},
		"no url":                        {[]string{"url"}, "SearchParameter", "needs an absolute url"},
		"a code of FHIR":                {[]string{`code "_other"`}, "SearchParameter.code", "begins with a letter"},
		"a code with a point":           {[]string{`code "a.b"`}, "SearchParameter.code", "cannot be searched by"},
		"a taken code":                  {[]string{`code "family"`}, "SearchParameter.code", "another meaning"},
		"a taken code on one base":      {[]string{`code "status"`, `base ["Patient","Observation"]`, `expression "Patient.name.suffix | Observation.method.text"`}, "SearchParameter.code", "Observation has a parameter status already"},
		"a taken code on every type":    {[]string{`code "family"`, `base ["Resource"]`, `type "token"`, `expression "Resource.language"`}, "SearchParameter.code", "another meaning"},
		"type special":                  {[]string{`type "special"`}, "SearchParameter.type", "cannot be defined"},
		"a phonetic one":                {[]string{`xpathUsage "phonetic"`}, "SearchParameter.xpathUsage", "normal"},
		"no such base":                  {[]string{`base ["Pateint"]`}, "SearchParameter.base[0]", "not a resource type"},
		"a data type as base":           {[]string{`base ["HumanName"]`}, "SearchParameter.base[0]", "not a resource type"},
		"no expression":                 {[]string{"expression"}, "SearchParameter", "an expression says"},
		"a long expression":             {[]string{`expression "` + strings.Repeat("Patient.name.suffix | ", 200) + `Patient.name.suffix"`}, "SearchParameter.expression", "more than the 4000"},
		"what is not FHIRPath":          {[]string{`expression "Patient.name.("`}, "SearchParameter.expression", "not FHIRPath"},
		"no such function":              {[]string{`expression "Patient.name.sufix()"`}, "SearchParameter.expression", "sufix"},
		"no such element":               {[]string{`expression "Patient.name.sufix"`}, "SearchParameter.expression", "sufix"},
		"no such element after a where": {[]string{`expression "Patient.name.where(use = 'official').sufix"`}, "SearchParameter.expression", "sufix"},
		"nothing about its base":        {[]string{`expression "Practitioner.name.suffix"`}, "SearchParameter.expression", "says nothing about Patient"},
		"nothing about one base":        {[]string{`base ["Patient","Person"]`}, "SearchParameter.expression", "says nothing about Person"},
		"a code as a date":              {[]string{`type "date"`, `expression "Patient.gender"`}, "SearchParameter.expression", "of type code, which have nothing for"},
		"a whole element as a number":   {[]string{`type "number"`, `expression "Patient.name"`}, "SearchParameter.expression", "HumanName, which have nothing for a parameter of type number"},
		"a backbone element":            {[]string{`expression "Patient.contact"`}, "SearchParameter.expression", "have nothing for"},
		"a string's comparator":         {[]string{`comparator ["gt"]`}, "SearchParameter.comparator[0]", "no comparators"},
		"a string's modifier":           {[]string{`modifier ["below"]`}, "SearchParameter.modifier[0]", "no modifier below"},
		"a string's target":             {[]string{`target ["Patient"]`}, "SearchParameter.target[0]", "it is of type reference"},
		"a string's components":         {[]string{parts(observationCode, observationCode)}, "SearchParameter.component[0]", "it is of type composite"},
		"one component":                 {append(composite, parts(observationCode)), "SearchParameter.component[0]", "two components"},
		"many components":               {append(composite, parts(strings.Split(strings.Repeat(observationCode+" ", 11), " ")[:11]...)), "SearchParameter.component[0]", "up to 10"},
		"an unknown component":          {append(composite, parts("http://example.org/none", observationCode)), "SearchParameter.component[0].definition", "not known here: store it before what is composed of it"},
		"a component of two":            {append(composite, parts("http://hl7.org/fhir/SearchParameter/Observation-code-value-string", observationCode)), "SearchParameter.component[0].definition", "nothing can be composed"},
		"a component without elements":  {[]string{composite[0], composite[1], `expression "Observation.referenceRange"`, parts(observationCode, observationCode)}, "SearchParameter.component[0].expression", "code"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := define(t, c, append(fresh, c1.properties...)...)
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Kind != fault.Unprocessable {
				t.Fatalf("%v", err)
			}
			if i := e.Issues[0]; i.Path != c1.path || !strings.Contains(i.Message, c1.says) {
				t.Errorf("%s: %s", i.Path, i.Message)
			}
		})
	}
}

func TestWhatMeansTheSameMayHaveTheSameCode(t *testing.T) {
	c := catalogOf(t, definitions.MustBuiltIn(definitions.R4))
	family := *c.defs.SearchParameter("Patient", "family")
	if err := redefine(t, c, &family); err != nil {
		t.Error(err)
	}
	family.Type = definitions.SearchToken
	if err := redefine(t, c, &family); err == nil || !strings.Contains(err.Error(), "another meaning") {
		t.Errorf("as a token: %v", err)
	}
}

// What the releases define is defined well, but for what they say themselves.
func TestTheParametersOfAReleaseCanBeDefined(t *testing.T) {
	for _, name := range []string{"r4", "r4b"} {
		d := release(t, name)
		c := catalogOf(t, d)
		seen, refused := map[string]bool{}, 0
		for _, typ := range d.ResourceTypes() {
			for _, p := range d.SearchParameters(typ) {
				if seen[p.URL] || strings.HasPrefix(p.Code, "_") || p.Type == definitions.SearchSpecial {
					continue
				}
				seen[p.URL] = true
				if err := redefine(t, c, p); err != nil {
					refused++
					t.Logf("%s: %v", p.URL, err)
				}
			}
		}
		if len(seen) < 1000 || refused > 2 {
			t.Errorf("%s: %d of %d are refused", name, refused, len(seen))
		}
	}
}

// redefine defines a parameter anew, under another url.
func redefine(t testing.TB, c *Catalog, p *definitions.SearchParameter) error {
	quote := func(list []string) string { return `["` + strings.Join(list, `","`) + `"]` }
	properties := []string{fmt.Sprintf("url %q", p.URL+"-again"), fmt.Sprintf("code %q", p.Code), "base " + quote(p.Base), fmt.Sprintf("type %q", p.Type), fmt.Sprintf("expression %q", p.Expression)}
	if p.Targets != nil {
		properties = append(properties, "target "+quote(p.Targets))
	}
	if p.Components != nil {
		var parts []string
		for _, c := range p.Components {
			parts = append(parts, fmt.Sprintf(`{"definition":%q,"expression":%q}`, c.Definition, c.Expression))
		}
		properties = append(properties, "component ["+strings.Join(parts, ",")+"]")
	}
	_, err := define(t, c, properties...)
	return err
}

func catalogOf(t testing.TB, d *definitions.Definitions) *Catalog {
	t.Helper()
	c, err := NewCatalog(d, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func FuzzDefine(f *testing.F) {
	for _, expression := range []string{"Patient.name.suffix", "Patient.extension('http://example.org/x').value", "Patient.name.where(use = 'official').family | Person.name", "Patient.contact.name.first().given[0]"} {
		f.Add(expression, "string")
	}
	c := catalogOf(f, definitions.MustBuiltIn(definitions.R4))
	patient, err := fhir.ParseJSON(c.defs, []byte(`{"resourceType":"Patient","active":true,"name":[{"use":"official","family":"Example","given":["Ann"],"suffix":["Jr"]}],"birthDate":"1980-01-02"}`), fhir.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expression, kind string) {
		quoted, err := json.Marshal(expression)
		if err != nil {
			t.Skip()
		}
		tree, err := fhir.ParseJSON(c.defs, fmt.Appendf(nil, `{"resourceType":"SearchParameter","url":"http://example.org/x","code":"x","base":["Patient"],"type":%q,"expression":%s}`, kind, quoted), fhir.Limits{})
		if err != nil {
			t.Skip()
		}
		p, err := c.Define(tree.Root())
		if err != nil {
			return
		}
		with := catalogOf(t, c.defs.WithParameters([]definitions.SearchParameter{p}))
		if _, ok := with.Param("Patient", "x"); !ok {
			t.Fatalf("%q was taken, but nobody can search by it", expression)
		}
		if _, err := with.Extract(t.Context(), patient); err != nil {
			t.Fatal(err)
		}
	})
}
