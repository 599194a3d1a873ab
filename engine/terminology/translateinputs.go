package terminology

import (
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
)

// TranslateInputs reads the parameters of ConceptMap/$translate, by the names
// of R4 and R5.
func TranslateInputs(in Inputs) (TranslateRequest, error) {
	const operation = "$translate"
	var r TranslateRequest
	if err := in.only(operation, "url", "conceptMap", "conceptMapVersion", "code", "system", "version", "source", "coding", "codeableConcept",
		"target", "targetsystem", "reverse", "dependency", "sourceCode", "sourceSystem", "sourceVersion", "sourceScope", "sourceCoding",
		"sourceCodeableConcept", "targetCode", "targetCoding", "targetCodeableConcept", "targetScope", "targetSystem"); err != nil {
		return r, err
	}
	var err error
	if r.Options, err = in.options(""); err != nil {
		return r, err
	}
	given, err := in.resource("conceptMap", "ConceptMap")
	if err != nil {
		return r, err
	}
	r.ConceptMap = given.ConceptMap
	if r.Reverse, _, err = in.flag("reverse"); err != nil {
		return r, err
	}
	r.URL, r.Version = in.text("url"), in.text("conceptMapVersion")
	r.SourceScope, r.TargetScope = in.text("source", "sourceScope"), in.text("target", "targetScope")
	r.TargetSystem = in.text("targetsystem", "targetSystem")
	if err := in.translated(&r); err != nil {
		return r, err
	}
	for i := range in {
		if in[i].Name == "dependency" {
			r.Dependencies = append(r.Dependencies, in[i].dependency())
		}
	}
	return r, nil
}

// translated reads the code to translate. R5 has names of their own for codes
// of the target, where R4 says reverse.
func (in Inputs) translated(r *TranslateRequest) error {
	var err error
	switch {
	case in.find("targetCode", "targetCoding", "targetCodeableConcept") != nil:
		r.Reverse, r.TargetSystem, r.SourceSystem = true, "", in.text("sourceSystem")
		r.Codings, _, _, err = in.codings("targetCode", "targetCoding", "targetCodeableConcept", "targetSystem", "version")
		if err == nil && r.Codings[0].System == "" {
			r.Codings[0].System = in.text("system")
		}
	case in.find("sourceCode", "sourceCoding", "sourceCodeableConcept") != nil:
		r.Codings, _, _, err = in.codings("sourceCode", "sourceCoding", "sourceCodeableConcept", "sourceSystem", "sourceVersion")
		if err == nil && r.Codings[0].System == "" {
			r.Codings[0].System, r.Codings[0].Version = in.text("system"), in.text("version")
		}
	default:
		r.Codings, _, _, err = in.codings("code", "coding", "codeableConcept", "system", "version")
	}
	return err
}

// dependency reads a dependency: in R4 element and concept, in R5 attribute
// and value.
func (i *Input) dependency() definitions.MapDependency {
	var d definitions.MapDependency
	for part := range i.Node.All("part") {
		value := part.Child("value")
		switch name := part.Child("name").Text(); {
		case slices.Contains([]string{"element", "attribute"}, name):
			d.Property = value.Text()
		case value.IsPrimitive():
			d.Value = value.Text()
		default:
			if value.Type() != nil && value.Type().Name == "CodeableConcept" {
				value = value.Child("coding")
			}
			c := codingOf(value)
			d.System, d.Value = c.System, c.Code
		}
	}
	return d
}
