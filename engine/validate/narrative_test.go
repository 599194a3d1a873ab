package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

const (
	xhtml    = `xmlns=\"http://www.w3.org/1999/xhtml\"`
	english  = `<div lang=\"en\" xml:lang=\"en\">Ann</div>`
	german   = `<div lang=\"de-CH\" xml:lang=\"de-CH\">Ann</div>`
	unmarked = `<p>Ann</p>`
)

// narrated is a patient with a narrative: the attributes of its div, and what is in it.
func narrated(language, attributes, content string) string {
	if language != "" {
		language = `"language":"` + language + `",`
	}
	return `{"resourceType":"Patient",` + language + `"text":{"status":"generated","div":"<div ` + xhtml + attributes + `>` + content + `</div>"}}`
}

func TestANarrativeIsInTheLanguageOfItsResource(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	for _, k := range []struct {
		patient string
		texts   []string
	}{
		{narrated("", ``, unmarked), nil},
		{narrated("en", ` lang=\"en\" xml:lang=\"en\"`, unmarked), nil},
		{narrated("en-AU", ` lang=\"en-au\" xml:lang=\"en-AU\"`, unmarked), nil},
		{narrated("en", ``, english+german), nil},
		{narrated("en", ``, unmarked), []string{`names no language, by lang and xml:lang; the resource says "en"`}},
		{narrated("en", ` xml:lang=\"en\"`, unmarked), []string{"lacks lang"}},
		{narrated("en", ` lang=\"fr\"`, unmarked), []string{`is in the language "fr" by its lang; the resource says "en"`, "lacks xml:lang"}},
		{narrated("fr", ``, english+german), []string{`has sections in the languages en, de-CH; the resource says "fr"`}},
	} {
		var got []string
		for _, i := range v.Validate(context.Background(), parse(t, d, k.patient), nil) {
			if i.Path == "Patient.text.div" && i.Severity == fault.Warning {
				got = append(got, i.Message)
			} else {
				t.Errorf("%s: %+v", k.patient, i)
			}
		}
		if len(got) != len(k.texts) || slices.ContainsFunc(k.texts, func(text string) bool { return !strings.Contains(strings.Join(got, "\n"), text) }) {
			t.Errorf("%s: %q, want %q", k.patient, got, k.texts)
		}
	}
}

func TestWhatIsWrongWithANarrativeIsToldInShort(t *testing.T) {
	d := definition(t, controlling("resource", "language", "_resource"))
	long := strings.Repeat("x", 5_000)
	for _, patient := range []string{
		narrated(long, ``, unmarked), narrated(long, ` lang=\"`+long+`y\"`, unmarked), narrated(long, ``, strings.Repeat(english+german, 1_000)),
	} {
		issues := New(d, Options{}).Validate(context.Background(), parse(t, d, patient), []string{"http://example.org/resource"})
		if len(issues) < 2 {
			t.Errorf("%+v", issues)
		}
		for _, i := range issues {
			if len(i.Message) > 500 {
				t.Errorf("%d bytes: %s", len(i.Message), i.Message[:500])
			}
		}
	}
}

// controlling is a profile that says something of the narrative.
func controlling(url string, extensions ...string) string {
	var all []string
	for i := 0; i < len(extensions); i += 2 {
		all = append(all, fmt.Sprintf(`{"url":"http://hl7.org/fhir/StructureDefinition/narrative-%s-control","valueCode":%q}`, extensions[i], extensions[i+1]))
	}
	return fmt.Sprintf(`{"resourceType":"StructureDefinition","url":"http://example.org/%s","type":"Patient","kind":"resource","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"id":"Patient.text","path":"Patient.text","extension":[%s]}]}}`, url, strings.Join(all, ","))
}

func TestAProfileSaysWhichSectionsANarrativeHas(t *testing.T) {
	d := definition(t, controlling("no", "language", "_no"), controlling("yes", "language", "_yes"), controlling("resource", "language", "_resource"), controlling("two", "language", "en", "language", "de"))
	v := New(d, Options{})
	both := english + german
	for _, k := range []struct{ profile, patient, wrong string }{
		{"no", narrated("", ``, unmarked), ""},
		{"no", narrated("", ` lang=\"en\" xml:lang=\"en\"`, unmarked), ""},
		{"no", narrated("en", ``, both), "must have no sections by language; it has en, de-CH"},
		{"yes", narrated("en", ``, both), ""},
		{"yes", narrated("", ``, unmarked+english), ""},
		{"yes", narrated("", ``, unmarked), "must have sections by language"},
		{"yes", narrated("", ``, `<p>`+english+`</p>`), "must have sections by language"}, // not right below
		{"resource", narrated("en", ``, both), ""},
		{"resource", narrated("", ``, both), ""},
		{"resource", narrated("fr", ``, both), `must have a section in the language "fr"; it has en, de-CH`},
		{"resource", narrated("de-CH", ``, english), `must have a section in the language "de-CH"`},
		{"two", narrated("en", ``, both), ""},
		{"two", narrated("en", ``, english), `must have a section in the language "de"; it has en`},
		{"two", `{"resourceType":"Patient"}`, ""},
	} {
		issues := v.Validate(context.Background(), parse(t, d, k.patient), []string{"http://example.org/" + k.profile})
		if k.wrong != "" {
			wants(t, issues, fault.ErrorLevel, "Patient.text", k.wrong)
		} else if e := errorsOf(issues); len(e) > 0 {
			t.Errorf("%s %s: %v", k.profile, k.patient, e)
		}
	}
}

func TestAProfileSaysHowBadATextWithoutASourceIs(t *testing.T) {
	d := definition(t, controlling("error", "source", "error"), controlling("warning", "source", "warning"), controlling("hint", "source", "hint"))
	v := New(d, Options{})
	const sourced = `<h1 class=\"boilerplate\">Patient</h1><p class=\"wide generated\">Ann <b>Archer</b></p><p class=\"extension\"/><p class=\"additional\">VIP</p>`
	for profile, severity := range map[string]fault.Severity{"error": fault.ErrorLevel, "warning": fault.Warning, "hint": fault.Information} {
		check := func(content string) []fault.Issue {
			return v.Validate(context.Background(), parse(t, d, narrated("", ``, content)), []string{"http://example.org/" + profile})
		}
		for _, good := range []string{sourced, `<div class=\"generated\">` + unmarked + `</div>`, `<p> </p>` + sourced} {
			if issues := check(good); len(issues) > 0 {
				t.Errorf("%s: %s: %v", profile, good, issues)
			}
		}
		issues := check(sourced + `born <i class=\"big\">1950</i>`)
		if len(issues) != 2 {
			t.Errorf("%s: %v", profile, issues)
		}
		wants(t, issues, severity, "Patient.text", `does not say where "born" comes from`)
		wants(t, issues, severity, "Patient.text", `does not say where "1950" comes from`)
	}
}
