package portal

import (
	"cmp"
	_ "embed" // the words
	"regexp"
	"strings"

	"github.com/inglehealth/ingle/service/pages"
)

// everydayTable says what codes mean in everyday words, one a line: the system and
// the code, or "drug:" and an ingredient; a tab and a name, "" for the one in the
// record; a tab and a sentence, "" for none.
//
//go:embed everyday.tsv
var everydayTable string

// meaning is a code in everyday words.
type meaning struct{ Name, Means string }

var everyday, drugs = func() (codes, drugs map[string]meaning) {
	codes, drugs = map[string]meaning{}, map[string]meaning{}
	for line := range strings.Lines(everydayTable) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		m := meaning{cells[1], cells[2]}
		if drug, ok := strings.CutPrefix(cells[0], "drug:"); ok {
			drugs[drug] = m
			continue
		}
		codes[cells[0]] = m
	}
	return codes, drugs
}()

// codeSystems are the systems of the table by their short names.
var codeSystems = map[string]string{
	"http://snomed.info/sct": "sct", "http://loinc.org": "loinc", "http://hl7.org/fhir/sid/cvx": "cvx", "http://hl7.org/fhir/sid/icd-10-cm": "icd10",
}

// inWords is a CodeableConcept in everyday words, and as the record has it where that
// is something else.
func inWords(concept pages.Element) (m meaning, original string) {
	original = concept.Concept()
	for _, c := range concept.List("coding") {
		short, code := codeSystems[c.Text("system")], c.Text("code")
		for short != "" && code != "" {
			if m, ok := everyday[short+":"+code]; ok {
				m.Name = cmp.Or(m.Name, original)
				if strings.EqualFold(m.Name, original) {
					original = ""
				}
				return m, original
			}
			if short != "icd10" || len(code) <= 3 {
				break
			}
			code = strings.TrimSuffix(code[:len(code)-1], ".") // the chapter says less, but nothing wrong
		}
	}
	return meaning{Name: original}, ""
}

// drugInWords is the medicine of a name in everyday words: its ingredient with the
// strength, and what it is for; none when that is not known.
func drugInWords(name string) (m meaning, ok bool) {
	lower := strings.ToLower(name)
	first := len(lower)
	for drug, d := range drugs {
		if at := strings.Index(lower, drug); at >= 0 && at < first && (at == 0 || lower[at-1] == ' ') {
			first, ok = at, true
			m = meaning{strings.ToUpper(drug[:1]) + drug[1:], d.Means}
		}
	}
	if s := strength.FindAllStringSubmatch(name, 2); ok && len(s) == 1 { // of several, none is that of the whole
		m.Name += " " + s[0][1] + " " + strengths.Replace(s[0][2])
	}
	return m, ok
}

// strength is the first one in the name of a drug, as RxNorm writes it.
var (
	strength  = regexp.MustCompile(`\b(\d+(?:\.\d+)?) ((?:MG|UNT|MCG)(?:/(?:ML|ACTUAT))?)\b`)
	strengths = strings.NewReplacer("MG", "mg", "UNT", "units", "MCG", "µg", "ACTUAT", "puff", "ML", "ml")
)
