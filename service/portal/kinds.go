package portal

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inglehealth/ingle/service/pages"
)

// kind is a kind of data as patients choose it: resource types that belong together.
type kind struct {
	Slug, Name string
	Types      []string
}

var kinds = []kind{
	{"problems", "Health problems", []string{"Condition"}},
	{"medications", "Medications", []string{"MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement"}},
	{"allergies", "Allergies", []string{"AllergyIntolerance"}},
	{"immunizations", "Vaccinations", []string{"Immunization"}},
	{"results", "Test results and measurements", []string{"DiagnosticReport", "ImagingStudy", "Media", "Observation", "Specimen"}},
	{"visits", "Visits and appointments", []string{"Appointment", "Encounter", "EpisodeOfCare"}},
	{"documents", "Documents and notes", []string{"ClinicalImpression", "Composition", "DocumentReference"}},
	{"procedures", "Operations and procedures", []string{"DeviceRequest", "DeviceUseStatement", "Procedure"}},
	{"plans", "Care plans, goals, orders and tasks", []string{"CarePlan", "CareTeam", "Goal", "NutritionOrder", "ServiceRequest", "Task"}},
	{"questionnaires", "Answers to questionnaires", []string{"QuestionnaireResponse"}},
	{"family", "Family and its health", []string{"FamilyMemberHistory", "RelatedPerson"}},
	{"insurance", "Insurance and bills", []string{"Claim", "ClaimResponse", "Coverage", "ExplanationOfBenefit"}},
}

// kindsOf are the slugs of the kinds that types are all of, and the types left over.
func kindsOf(types []string) (slugs, rest []string) {
	rest = slices.Clone(types)
	for _, k := range kinds {
		if !slices.ContainsFunc(k.Types, func(t string) bool { return !slices.Contains(types, t) }) {
			slugs = append(slugs, k.Slug)
			rest = slices.DeleteFunc(rest, func(t string) bool { return slices.Contains(k.Types, t) })
		}
	}
	return slugs, rest
}

// typesOf are the types of some kinds.
func typesOf(slugs []string) (types []string) {
	for _, k := range kinds {
		if slices.Contains(slugs, k.Slug) {
			types = append(types, k.Types...)
		}
	}
	return types
}

// topic is something sensitive: labels that a server gives to what tells of it.
type topic struct {
	Slug, Name string
	Labels     []string // codes of v3-ActCode
}

var topics = []topic{
	{"mental-health", "Mental health", []string{"MH", "PSY"}},
	{"substance-use", "Alcohol and drugs", []string{"42CFRPart2", "ETH", "ETHUD", "OPIOIDUD", "SUD"}},
	{"hiv", "HIV", []string{"HIV"}},
	{"sexual-health", "Sexual health", []string{"SEX", "STD"}},
	{"violence", "Violence and abuse", []string{"SDV"}},
}

func topicsOf(labels []string) (slugs, rest []string) {
	rest = slices.Clone(labels)
	for _, t := range topics {
		if !slices.ContainsFunc(t.Labels, func(l string) bool { return !slices.Contains(labels, l) }) {
			slugs = append(slugs, t.Slug)
			rest = slices.DeleteFunc(rest, func(l string) bool { return slices.Contains(t.Labels, l) })
		}
	}
	return slugs, rest
}

func labelsOf(slugs []string) (labels []string) {
	for _, t := range topics {
		if slices.Contains(slugs, t.Slug) {
			labels = append(labels, t.Labels...)
		}
	}
	return labels
}

// kindWords are kinds and topics in a phrase.
func kindWords(kindSlugs, types, topicSlugs, labels []string) string {
	var all []string
	for _, k := range kinds {
		if slices.Contains(kindSlugs, k.Slug) {
			all = append(all, strings.ToLower(k.Name[:1])+k.Name[1:])
		}
	}
	for _, t := range types {
		all = append(all, pages.TypeWords(t))
	}
	text := "all of the record"
	if len(all) > 0 {
		text = and(all)
	}
	var about []string
	for _, t := range topics {
		if slices.Contains(topicSlugs, t.Slug) {
			name := t.Name
			if name != "HIV" {
				name = strings.ToLower(name[:1]) + name[1:]
			}
			about = append(about, name)
		}
	}
	for _, l := range labels {
		about = append(about, "the label "+l)
	}
	if len(about) > 0 {
		text += ", but only what tells of " + strings.Replace(and(about), " and ", " or ", 1)
	}
	return text
}

// and joins words of a list.
func and(words []string) string {
	n := len(words)
	if n < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
}

// capital begins a text with a capital letter.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 || first == utf8.RuneError {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}
