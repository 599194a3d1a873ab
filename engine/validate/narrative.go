package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// What narrativeLanguages of a profile may say beside languages.
const (
	noSections      = "_no"
	someSections    = "_yes"
	resourceSection = "_resource"
)

// narrative compares the language that a resource says it has with what its narrative
// says, by both of HTML's attributes (R4 Resource.language).
func (r *run) narrative(n fhir.Node) {
	language, div := n.Parent().Child("language").Text(), n.Child("div")
	if language == "" || !div.HasValue() {
		return
	}
	p := fhir.ReadNarrative(div.Text())
	warn := func(format string, args ...any) {
		r.add(fault.Warning, fault.CodeBusinessRule, div, fmt.Sprintf(format, args...))
	}
	said := [2]string{p.Lang, p.XMLLang}
	for i, name := range [...]string{"lang", "xml:lang"} {
		switch {
		case said[i] != "" && !strings.EqualFold(said[i], language):
			warn("is in the language %q by its %s; the resource says %q", fault.Shorten(said[i]), name, fault.Shorten(language))
		case said[i] == "" && said[1-i] != "":
			warn("names its language by one attribute, and lacks %s: both are needed", name)
		}
	}
	switch {
	case said != [2]string{}:
	case len(p.Sections) == 0:
		warn("names no language, by lang and xml:lang; the resource says %q", fault.Shorten(language))
	case !slices.ContainsFunc(p.Sections, func(s string) bool { return strings.EqualFold(s, language) }):
		warn("has sections in the languages %s; the resource says %q", inLanguages(p.Sections), fault.Shorten(language))
	}
}

// narrated checks a narrative against what a profile says of its sections by language,
// and of the sources of its texts (FHIR Extensions Pack, Rules about Narrative).
func (r *run) narrated(n fhir.Node, s *shape) {
	div := n.Child("div")
	if !div.HasValue() {
		return
	}
	p := fhir.ReadNarrative(div.Text())
	for _, language := range s.languages {
		if wrong := wrongSections(p.Sections, language, n.Parent().Child("language").Text()); wrong != "" {
			r.wrong(n, s, fault.CodeBusinessRule, wrong)
		}
	}
	severity := map[string]fault.Severity{"error": fault.ErrorLevel, "warning": fault.Warning, "hint": fault.Information}[s.source]
	if severity == "" || severity != fault.ErrorLevel && !r.full {
		return
	}
	for _, text := range p.Unsourced {
		r.add(severity, fault.CodeBusinessRule, n, fmt.Sprintf("does not say where %q comes from, by the class boilerplate, generated, extension or additional of an element around it (%s of profile %s)", fault.Shorten(text), s.id, s.profile))
	}
}

// wrongSections says what of the sections is not as a profile wants them; "" for nothing.
// A section in a dialect is one in the language.
func wrongSections(sections []string, wanted, ofResource string) string {
	found := "it has none"
	if len(sections) > 0 {
		found = "it has " + inLanguages(sections)
	}
	switch {
	case wanted == noSections && len(sections) > 0:
		return "must have no sections by language; " + found
	case wanted == noSections:
		return ""
	case wanted == someSections || wanted == resourceSection && ofResource == "":
		if len(sections) == 0 {
			return "must have sections by language, each a div with lang and xml:lang; " + found
		}
		return ""
	case wanted == resourceSection:
		wanted = ofResource
	}
	if !slices.ContainsFunc(sections, func(s string) bool {
		s, wanted := strings.ToLower(s), strings.ToLower(wanted)
		return s == wanted || strings.HasPrefix(s, wanted+"-")
	}) {
		return fmt.Sprintf("must have a section in the language %q; %s", fault.Shorten(wanted), found)
	}
	return ""
}

// inLanguages is the languages of sections, for a message.
func inLanguages(sections []string) string { return fault.Shorten(strings.Join(sections, ", ")) }
