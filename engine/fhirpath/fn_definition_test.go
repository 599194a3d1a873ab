package fhirpath_test

import (
	"testing"

	"github.com/inglehealth/ingle/engine/fhirpath"
)

func TestElementDefinitionTellsWhatTheReleaseSaysOfAnElement(t *testing.T) {
	input := fhirpath.Collection{fhirpath.NodeValue(resource(t, `{"resourceType":"Questionnaire","id":"q","status":"active","title":"t","item":[
		{"linkId":"1","type":"group","item":[{"linkId":"1.1","type":"choice","answerValueSet":"http://x"}],"enableWhen":[{"question":"x","operator":"=","answerString":"y"}]}]}`))}
	for expression, want := range map[string]string{
		"elementDefinition().path":                                     "Questionnaire",
		"elementDefinition().max":                                      "*",
		"elementDefinition().constraint.where(key = 'que-2').exists()": "true",
		"status.elementDefinition().select(path | min.toString() | max | type.code | binding.strength)":             "Questionnaire.status, 1, code, required",
		"status.elementDefinition().binding.valueSet.startsWith('http://hl7.org/fhir/ValueSet/publication-status')": "true",
		"status.elementDefinition().isModifier":                                    "true",
		"title.elementDefinition().isModifier":                                     "false",
		"id.elementDefinition().path":                                              "Questionnaire.id",
		"item.elementDefinition().type.code":                                       "BackboneElement",
		"item.elementDefinition().max":                                             "*",
		"item.elementDefinition().constraint.where(key = 'que-1').severity":        "error",
		"item.item.elementDefinition().contentReference":                           "#Questionnaire.item",
		"item.enableWhen.answer.elementDefinition().path":                          "Questionnaire.item.enableWhen.answer[x]",
		"item.enableWhen.answer.elementDefinition().type.code contains 'Quantity'": "true",
		"item.item.answerValueSet.elementDefinition().type.targetProfile":          "http://hl7.org/fhir/StructureDefinition/ValueSet",
		"'x'.elementDefinition() | {}.elementDefinition()":                         "",
		"(status | title).elementDefinition().count()":                             "2",
		"status.elementDefinition() is ElementDefinition":                          "true",
	} {
		if got := texts(eval(t, expression, nil, input)); got != want {
			t.Errorf("%s\n\tgives %q, want %q", expression, got, want)
		}
	}
}
