package definitions

import (
	"regexp"
	"slices"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// correction mends one published search parameter that cannot work as it is
// stated. The embedded files stay as published; corrections are made when
// records are linked, so that a package of the same release is mended too.
type correction struct {
	releases []Release
	url      string
	reason   string
	mend     func(*record.SearchParameter)
}

var corrections = []correction{
	{
		releases: []Release{R4, R4B, R5},
		url:      "http://hl7.org/fhir/SearchParameter/Observation-code-value-date",
		reason:   "the second component asks for type DateTime; the type is dateTime",
		mend: func(p *record.SearchParameter) {
			for i := range p.Components {
				if p.Components[i].Expression == "value.as(DateTime) | value.as(Period)" {
					p.Components[i].Expression = "value.as(dateTime) | value.as(Period)"
				}
			}
		},
	},
	{
		releases: []Release{R5},
		url:      "http://hl7.org/fhir/SearchParameter/Observation-code-value-string",
		reason:   "the second component is said to be the parameter value-string, which R5 has replaced by value-markdown, a string too",
		mend: func(p *record.SearchParameter) {
			for i := range p.Components {
				if p.Components[i].Definition == "http://hl7.org/fhir/SearchParameter/Observation-value-string" {
					p.Components[i].Definition = "http://hl7.org/fhir/SearchParameter/Observation-value-markdown"
				}
			}
		},
	},
	{
		releases: []Release{R4},
		url:      "http://hl7.org/fhir/SearchParameter/Consent-source-reference",
		reason:   "R4's package names Consent.source, which may also be an Attachment; the parameter is a reference",
		mend: func(p *record.SearchParameter) {
			p.Expression = "Consent.source.ofType(Reference)"
		},
	},
	{
		releases: []Release{R4},
		url:      "http://hl7.org/fhir/SearchParameter/example-extension",
		reason:   "an example in R4's package: stands on Patient with an expression of DocumentReference",
		mend:     func(p *record.SearchParameter) { p.Base = nil },
	},
	{
		releases: []Release{R4},
		url:      "http://hl7.org/fhir/us/core/SearchParameter/us-core-condition-asserted-date",
		reason:   "US Core 5.0.1 and 6.1.0 name the value as JSON does, valueDateTime, and 5.0.1 below a second extension; 7.0.0 has it right",
		mend: func(p *record.SearchParameter) {
			p.Expression = "Condition.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/condition-assertedDate').value"
		},
	},
}

// asOperator is "(Observation.value as Quantity)". The operator takes one item
// only, and R4 applies it to elements that repeat; ofType() is what is meant,
// and what later releases say.
var asOperator = regexp.MustCompile(`([A-Z][A-Za-z]*(?:\.[A-Za-z]+)+) as ([A-Za-z]+)`)

// correct mends the search parameters of a release, or of a package for it, in
// place.
func correct(release Release, list []record.SearchParameter) {
	byURL := make(map[string]*correction, len(corrections))
	for i := range corrections {
		if c := &corrections[i]; slices.Contains(c.releases, release) {
			byURL[c.url] = c
		}
	}
	for i := range list {
		p := &list[i]
		if c := byURL[p.URL]; c != nil {
			c.mend(p)
		}
	}
}

// ofTypeForAs rewrites the operator "as" of published R4 expressions.
func ofTypeForAs(list []record.SearchParameter) {
	for i := range list {
		list[i].Expression = asOperator.ReplaceAllString(list[i].Expression, "$1.ofType($2)")
	}
}
