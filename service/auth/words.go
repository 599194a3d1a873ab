package auth

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
//go:embed words.tsv
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

// scopeText says in a phrase what any scope lets an app do. mine says whether
// the reader is the patient. What the table does not know is named as it is
// written.
func scopeText(scope string, mine bool) string {
	if s, err := smart.ParseScope(scope); err == nil {
		return scopeWords(s, mine)
	}
	if text, ok := otherWords(scope); ok {
		return text
	}
	return "Use " + scope
}

// scopeTexts says what several scopes let an app do, each thing once.
func scopeTexts(scopes smart.Scopes, mine bool) []string {
	var all []string
	for _, s := range scopes {
		if text := scopeText(s, mine); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// otherWords says in words what a scope that is not about resources is for.
func otherWords(scope string) (string, bool) {
	if text, ok := wordsOf[scope]; ok {
		return text, true
	}
	if typ, _, ok := smart.LaunchContext(scope); ok {
		return "Know which " + typ + " you were looking at", true
	}
	return "", false
}

// scopeWords says in words what a scope about resources allows: "See laboratory
// results".
func scopeWords(s smart.Scope, mine bool) string {
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

// typeWords says in words what resources of a type are, to the patient.
func typeWords(t string) string {
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
	text := typeWords(s.Type)
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

// isOfType says whether an element of fhirContext is of a type, in lower case.
func isOfType(i smart.ContextItem, typ string) bool {
	t := i.Type
	if t == "" {
		t, _, _ = strings.Cut(i.Reference, "/")
	}
	return strings.EqualFold(t, typ)
}
