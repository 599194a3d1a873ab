package records_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestCodesAreFoundByValueSetsAndHierarchiesOfTheDefinitions(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		for id, code := range map[string]string{"mother": "MTH", "brother": "BRO", "neighbour": "NBOR"} {
			put(t, s, "RelatedPerson/"+id, `{"resourceType":"RelatedPerson","id":"%s","patient":{"reference":"Patient/p"},
				"relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"%s"}]}]}`, id, code)
		}
		put(t, s, "RelatedPerson/stranger", `{"resourceType":"RelatedPerson","id":"stranger","patient":{"reference":"Patient/p"},
			"relationship":[{"coding":[{"system":"urn:own","code":"MTH"}]}]}`)
		put(t, s, "ValueSet/genders", `{"resourceType":"ValueSet","id":"genders","status":"active","url":"http://hl7.org/fhir/ValueSet/administrative-gender"}`)
		put(t, s, "ValueSet/own", `{"resourceType":"ValueSet","id":"own","status":"active","url":"http://example.org/own",
			"compose":{"include":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","concept":[{"code":"BRO"}]}]}}`)
		const roles = "http://terminology.hl7.org/CodeSystem/v3-RoleCode|"
		for query, want := range map[string]string{
			"relationship:below=" + roles + "FAMMEMB":                                                "RelatedPerson/brother RelatedPerson/mother",
			"relationship:below=" + roles + "PRN":                                                    "RelatedPerson/mother",
			"relationship:above=" + roles + "MTH":                                                    "RelatedPerson/mother",
			"relationship:in=http://terminology.hl7.org/ValueSet/v3-FamilyMember":                    "RelatedPerson/brother RelatedPerson/mother",
			"relationship:not-in=http://terminology.hl7.org/ValueSet/v3-FamilyMember":                "RelatedPerson/neighbour RelatedPerson/stranger",
			"relationship:in=ValueSet/own":                                                           "RelatedPerson/brother",
			"relationship:in=http://example.org/own":                                                 "RelatedPerson/brother",
			"gender:in=http://hl7.org/fhir/ValueSet/administrative-gender":                           "",
			"gender:in=ValueSet/genders":                                                             "",
			"gender:not-in=ValueSet/genders&relationship:below=" + roles + "PRN&active:missing=true": "RelatedPerson/mother",
		} {
			if got := found(t, s, "RelatedPerson", query+"&_sort=_id"); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		for query, want := range map[string]string{
			"relationship:in=http://example.org/none":                     "http://example.org/none",
			"relationship:in=ValueSet/none":                               "ValueSet/none",
			"relationship:in=http://hl7.org/fhir/ValueSet/condition-code": "http://snomed.info/sct",
			"relationship:in=http://hl7.org/fhir/ValueSet/mimetypes":      "urn:ietf:bcp:13",
			"relationship:below=" + roles + "NOBODY":                      "NOBODY",
			"relationship:below=http://snomed.info/sct|138875005":         "http://snomed.info/sct",
			"_content=mother": "--index-content",
			"_text=":          "empty value",
		} {
			_, err := s.Search(t.Context(), records.SearchRequest{Type: "RelatedPerson", Pairs: pairs(t, query)})
			refused(t, err, fault.Invalid)
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", query, err, want)
			}
		}
	})
}

func TestAllTextIsFoundWherePolicyIndexesIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{IndexContent: true})
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"Noether"}],"contact":[{"relationship":[{"text":"next of kin"}],"name":{"text":"Max"}}]}`)
		put(t, s, "Patient/q", `{"resourceType":"Patient","id":"q","name":[{"family":"Next"},{"family":"Kin"}]}`)
		for query, want := range map[string]string{
			"_content=next kin":      "Patient/p Patient/q",
			`_content="next of kin"`: "Patient/p",
			"_content=noether":       "Patient/p",
			"_content=noet*":         "Patient/p",
			"_content=noet":          "",
		} {
			if got := found(t, s, "Patient", query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	})
}
