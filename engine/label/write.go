package label

import (
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Systems of labels.
const (
	actCode         = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
)

// Extensions of a label (FHIR Data Segmentation for Privacy, DS4P): who gave it, and
// by which law.
const (
	classifierURL = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-sec-label-classifier"
	basisURL      = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-sec-label-basis"
)

// Classifier is the name in the classifier extension of the labels that a Labeler
// gives.
const Classifier = "Ingle security labeling"

// unlabel removes what a Labeler wrote, and says whether there was any.
func unlabel(t *fhir.Tree) (had bool) {
	meta := t.Meta()
	for label := meta.FirstChild(); !label.IsZero(); {
		next := label.NextSibling()
		if label.Name() == "security" && Ours(label) {
			label.Remove()
			had = true
		}
		label = next
	}
	return had
}

// Ours says whether a Labeler gave a label, a Coding.
func Ours(label fhir.Node) bool {
	for e := range label.All("extension") {
		value := e.Child("value")
		if e.Child("url").Text() == classifierURL && (value.Child("name").Text() == Classifier || value.Child("display").Text() == Classifier) {
			return true
		}
	}
	return false
}

// write adds the labels of rules.
func (l *Labeler) write(t *fhir.Tree, rules []int) error {
	meta, err := t.EnsureMeta()
	if err != nil {
		return err
	}
	strictest, basis := "", ""
	for _, i := range rules {
		rule := &l.rules[i]
		for _, code := range rule.Labels {
			if err := add(meta, Coding{actCode, code}, rule.Basis); err != nil {
				return err
			}
		}
		if rule.Confidentiality > strictest { // R < V
			strictest, basis = rule.Confidentiality, rule.Basis
		}
	}
	if strictest == "" || slices.ContainsFunc([]string{"R", "V"}, func(level string) bool { return level >= strictest && has(meta, Coding{confidentiality, level}) }) {
		return nil
	}
	return add(meta, Coding{confidentiality, strictest}, basis)
}

func has(meta fhir.Node, c Coding) bool {
	for label := range meta.All("security") {
		if label.Child("system").Text() == c.System && label.Child("code").Text() == c.Code {
			return true
		}
	}
	return false
}

// add adds a label unless it is there.
func add(meta fhir.Node, c Coding, basis string) error {
	if has(meta, c) {
		return nil
	}
	label, err := meta.Add("security")
	if err != nil {
		return err
	}
	if err := classify(label); err != nil {
		return err
	}
	if basis != "" {
		if err := because(label, basis); err != nil {
			return err
		}
	}
	if _, err := label.AddText("system", c.System); err != nil {
		return err
	}
	_, err = label.AddText("code", c.Code)
	return err
}

// classify says who gave a label. Releases without Contributor have a Reference.
func classify(label fhir.Node) error {
	e, err := extension(label, classifierURL)
	if err != nil {
		return err
	}
	if _, ok := e.Type().Property("valueContributor"); !ok {
		return value(e, "valueReference", [][2]string{{"display", Classifier}})
	}
	return value(e, "valueContributor", [][2]string{{"type", "author"}, {"name", Classifier}})
}

func because(label fhir.Node, basis string) error {
	e, err := extension(label, basisURL)
	if err != nil {
		return err
	}
	return value(e, "valueCoding", [][2]string{{"system", actCode}, {"code", basis}})
}

func extension(of fhir.Node, url string) (fhir.Node, error) {
	e, err := of.Add("extension")
	if err == nil {
		_, err = e.AddText("url", url)
	}
	return e, err
}

func value(e fhir.Node, property string, parts [][2]string) error {
	v, err := e.Add(property)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := v.AddText(p[0], p[1]); err != nil {
			return err
		}
	}
	return nil
}
