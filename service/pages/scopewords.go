package pages

import (
	_ "embed" // the words
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/inglehealth/ingle/spec/smart"
)

// wordsTable says what scopes mean, one a line: the scope, or the resource type
// with one parameter and the code of its value, a tab, and words that a patient
// understands. Types of which nobody is the patient have "directory" after that.
//
//go:embed scopewords.tsv
var wordsTable string

var wordsOf, directory = func() (words map[string]string, directory map[string]bool) {
	words, directory = map[string]string{}, map[string]bool{}
	for line := range strings.Lines(wordsTable) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		words[name], _, directory[name] = strings.Cut(text, "\tdirectory")
	}
	return words, directory
}()

// namedTypes are the types of a patient's record that users know, in the order
// in which they are offered.
var namedTypes = []string{
	"Patient", "AllergyIntolerance", "Appointment", "CarePlan", "CareTeam", "Condition", "Coverage", "Device", "DiagnosticReport",
	"DocumentReference", "Encounter", "Goal", "Immunization", "MedicationDispense", "MedicationRequest", "Observation", "Procedure",
	"Provenance", "QuestionnaireResponse", "RelatedPerson", "ServiceRequest", "Specimen",
}

// ScopeText says in a phrase what any scope lets an app do. mine says whether
// the reader is the patient. What the table does not know is named as it is
// written.
func ScopeText(scope string, mine bool) string {
	if s, err := smart.ParseScope(scope); err == nil {
		return ScopeWords(s, mine)
	}
	if text, ok := OtherScopeWords(scope); ok {
		return text
	}
	return "Use " + scope
}

// ScopeTexts says what several scopes let an app do, each thing once.
func ScopeTexts(scopes smart.Scopes, mine bool) []string {
	var all []string
	for _, s := range scopes {
		if text := ScopeText(s, mine); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// OtherScopeWords says in words what a scope that is not about resources is for.
func OtherScopeWords(scope string) (string, bool) {
	if text, ok := wordsOf[scope]; ok {
		return text, true
	}
	if typ, _, ok := smart.LaunchContext(scope); ok {
		return "Know which " + typ + " you were looking at", true
	}
	return "", false
}

// ScopeWords says in words what a scope about resources allows: "See laboratory
// results".
func ScopeWords(s smart.Scope, mine bool) string {
	text := verbs(s.Interactions) + " " + restrictedWords(s)
	switch {
	case directory[s.Type], s.Level == smart.Patient && mine:
		return text
	case s.Level == smart.Patient:
		return impersonal.Replace(text) + " of this patient"
	case s.Level == smart.System:
		return impersonal.Replace(text) + " of everybody"
	}
	return impersonal.Replace(text) + " of everybody whose record you may see"
}

// impersonal makes words about others of words about the reader.
var impersonal = strings.NewReplacer("your name, ", "the name, ", "all of your health record", "all health records", "your ", "their ", " to you", " to them", "that you take", "that they take", "for you", "for them")

// TypeWords says in words what resources of a type are, to the patient.
func TypeWords(t string) string {
	if words, ok := wordsOf[t]; ok {
		return words
	}
	var b strings.Builder
	for i, r := range t {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String() + " records"
}

// restrictedWords says what the parameters of a granular scope leave of a type.
func restrictedWords(s smart.Scope) string {
	text := TypeWords(s.Type)
	var rest []string
	for pair := range strings.SplitSeq(s.Query, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		code := value[strings.LastIndexByte(value, '|')+1:]
		if known, ok := wordsOf[s.Type+"?"+name+"="+code]; ok {
			text = known
			continue
		}
		rest = append(rest, name+" is "+code)
	}
	if len(rest) > 0 {
		text += ", only where " + strings.Join(rest, " and ")
	}
	return text
}

// ScopeParts are what can be allowed instead of a scope: of one of all types those
// that patients know, of others their categories, as US Core has users choose them;
// none of a scope that is narrow already, or is not about reading.
func ScopeParts(s smart.Scope) []smart.Scope {
	if s.Query != "" {
		return nil
	}
	s.V1 = false
	var all []smart.Scope
	if s.Type == smart.Any {
		for _, s.Type = range namedTypes {
			all = append(all, s)
		}
		return all
	}
	if s.Interactions&(smart.Read|smart.Search) == 0 {
		return nil // what is only written is not told apart
	}
	for _, c := range categories[s.Type] {
		s.Query = "category=" + c
		all = append(all, s)
	}
	return all
}

// PartWords says what a part is about, without what may be done with it.
func PartWords(s smart.Scope, mine bool) string {
	if s.Level == smart.Patient && mine {
		return restrictedWords(s)
	}
	return impersonal.Replace(restrictedWords(s))
}

// categories are those that US Core has users choose among.
var categories = map[string][]string{
	"Condition": {
		"http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item",
		"http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis",
		"http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern",
	},
	"Observation": {
		"http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
		"http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
		"http://terminology.hl7.org/CodeSystem/observation-category|social-history",
		"http://terminology.hl7.org/CodeSystem/observation-category|survey",
		"http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh",
	},
}

// verbs says what interactions do, in a list: "See, add and change".
func verbs(i smart.Interactions) string {
	var all []string
	for _, v := range []struct {
		of   smart.Interactions
		word string
	}{{smart.Read | smart.Search, "see"}, {smart.Create, "add"}, {smart.Update, "change"}, {smart.Delete, "delete"}} {
		if i&v.of != 0 {
			all = append(all, v.word)
		}
	}
	text := all[len(all)-1]
	if n := len(all) - 1; n > 0 {
		text = strings.Join(all[:n], ", ") + " and " + text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
