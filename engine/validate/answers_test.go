package validate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

const intake = `{"resourceType":"Questionnaire","url":"http://example.org/intake","status":"active","item":[
	{"linkId":"smoke","type":"boolean","required":true},
	{"linkId":"packs","type":"integer","required":true,"enableWhen":[{"question":"smoke","operator":"=","answerBoolean":true}],
		"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/maxValue","valueInteger":10}]},
	{"linkId":"drink","type":"choice","answerOption":[{"valueCoding":{"system":"urn:d","code":"tea"}},{"valueCoding":{"system":"urn:d","code":"wine"}}]},
	{"linkId":"status","type":"choice","answerValueSet":"http://hl7.org/fhir/ValueSet/observation-status"},
	{"linkId":"note","type":"open-choice","maxLength":5,"answerOption":[{"valueString":"none"}]},
	{"linkId":"hint","type":"display"},
	{"linkId":"weight","type":"quantity","extension":[{"url":"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-minQuantity","valueQuantity":{"value":2,"system":"http://unitsofmeasure.org","code":"kg"}}]},
	{"linkId":"drugs","type":"group","repeats":true,"item":[{"linkId":"drug","type":"string","required":true,"item":[{"linkId":"since","type":"date"}]}]}]}`

// issuesOfAnswers validates answers to the questionnaire above.
func issuesOfAnswers(t *testing.T, status, items string) []fault.Issue {
	t.Helper()
	d := definitions.MustBuiltIn(definitions.R4)
	sight := New(d, Options{}).With(nil)
	sight.Questionnaires = func(_ context.Context, canonical string) (fhir.Node, error) {
		if canonical != "http://example.org/intake" {
			return fhir.Node{}, nil
		}
		return parse(t, d, intake).Root(), nil
	}
	src := `{"resourceType":"QuestionnaireResponse","questionnaire":"http://example.org/intake","status":"` + status + `","item":[` + items + `]}`
	return errorsOf(sight.Validate(context.Background(), parse(t, d, src), nil))
}

func TestAnswersAreComparedWithTheirQuestionnaire(t *testing.T) {
	const no = `{"linkId":"smoke","answer":[{"valueBoolean":false}]}`
	for _, k := range []struct{ name, items, path, text string }{
		{"required", `{"linkId":"hint"}`, "QuestionnaireResponse", `"smoke" is required`},
		{"required when enabled", `{"linkId":"smoke","answer":[{"valueBoolean":true}]}`, "QuestionnaireResponse", `"packs" is required`},
		{"not enabled", no + `,{"linkId":"packs","answer":[{"valueInteger":1}]}`, "QuestionnaireResponse.item[1]", "not enabled"},
		{"type", `{"linkId":"smoke","answer":[{"valueString":"no"}]}`, "QuestionnaireResponse.item[0].answer[0].value", "is a string"},
		{"greatest value", `{"linkId":"smoke","answer":[{"valueBoolean":true}]},{"linkId":"packs","answer":[{"valueInteger":11}]}`, "QuestionnaireResponse.item[1].answer[0].value", "greater than the greatest that is allowed, 10"},
		{"one answer", `{"linkId":"smoke","answer":[{"valueBoolean":false},{"valueBoolean":false}]}`, "QuestionnaireResponse.item[0].answer[1]", "takes one answer"},
		{"one item", no + `,` + no, "QuestionnaireResponse.item[1]", "more than once"},
		{"option", no + `,{"linkId":"drink","answer":[{"valueCoding":{"system":"urn:d","code":"gin"}}]}`, "QuestionnaireResponse.item[1].answer[0].value", "none of the options"},
		{"value set", no + `,{"linkId":"status","answer":[{"valueCoding":{"system":"http://hl7.org/fhir/observation-status","code":"gin"}}]}`, "QuestionnaireResponse.item[1].answer[0].value", "not in the value set"},
		{"length", no + `,{"linkId":"note","answer":[{"valueString":"longer"}]}`, "QuestionnaireResponse.item[1].answer[0].value", "longer than 5"},
		{"display", no + `,{"linkId":"hint","answer":[{"valueString":"x"}]}`, "QuestionnaireResponse.item[1].answer[0]", "has no answers"},
		{"least quantity in another unit", no + `,{"linkId":"weight","answer":[{"valueQuantity":{"value":900,"system":"http://unitsofmeasure.org","code":"g"}}]}`, "QuestionnaireResponse.item[1].answer[0].value", "less than the least that is allowed, 2 kg"},
		{"unit of another kind", no + `,{"linkId":"weight","answer":[{"valueQuantity":{"value":900,"system":"http://unitsofmeasure.org","code":"m"}}]}`, "QuestionnaireResponse.item[1].answer[0].value", "cannot be compared"},
		{"unknown item", no + `,{"linkId":"other"}`, "QuestionnaireResponse.item[1].linkId", `no item "other" here`},
		{"order", `{"linkId":"drink"},` + no, "QuestionnaireResponse.item[1]", "too late"},
		{"required in a group", no + `,{"linkId":"drugs","item":[{"linkId":"drug"}]}`, "QuestionnaireResponse.item[1].item[0]", `"drug" is required`},
		{"item beside the answer", no + `,{"linkId":"drugs","item":[{"linkId":"drug","item":[{"linkId":"since"}]}]}`, "QuestionnaireResponse.item[1].item[0]", "stand in its answer"},
	} {
		t.Run(k.name, func(t *testing.T) {
			wants(t, issuesOfAnswers(t, "completed", k.items), fault.ErrorLevel, k.path, k.text)
		})
	}
}

func TestAnswersThatFitTheirQuestionnaireAreValid(t *testing.T) {
	const items = `{"linkId":"smoke","answer":[{"valueBoolean":true}]},{"linkId":"packs","answer":[{"valueInteger":10}]},
		{"linkId":"drink","answer":[{"valueCoding":{"system":"urn:d","code":"tea","display":"Tea"}}]},
		{"linkId":"status","answer":[{"valueCoding":{"system":"http://hl7.org/fhir/observation-status","code":"final"}}]},
		{"linkId":"note","answer":[{"valueString":"other"}]},{"linkId":"hint"},
		{"linkId":"weight","answer":[{"valueQuantity":{"value":2000,"system":"http://unitsofmeasure.org","code":"g"}}]},
		{"linkId":"drugs","item":[{"linkId":"drug","answer":[{"valueString":"a","item":[{"linkId":"since","answer":[{"valueDate":"2020"}]}]}]}]},
		{"linkId":"drugs","item":[{"linkId":"drug","answer":[{"valueString":"b"}]}]}`
	if issues := issuesOfAnswers(t, "completed", items); len(issues) > 0 {
		t.Error(issues)
	}
	if issues := issuesOfAnswers(t, "in-progress", `{"linkId":"hint"}`); len(issues) > 0 {
		t.Errorf("what is not completed yet lacks nothing: %v", issues)
	}
}

func TestAQuestionnaireThatIsNotAtHandIsSaid(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	tree := parse(t, d, `{"resourceType":"QuestionnaireResponse","questionnaire":"http://example.org/other","status":"completed","item":[{"linkId":"x"}]}`)
	sight := New(d, Options{}).With(nil)
	wants(t, sight.Validate(context.Background(), tree, nil), fault.Information, "QuestionnaireResponse.questionnaire", "not checked")
	sight.Questionnaires = func(context.Context, string) (fhir.Node, error) { return fhir.Node{}, errors.New("the disk is full") }
	wants(t, sight.Validate(context.Background(), tree, nil), fault.Warning, "QuestionnaireResponse.questionnaire", "the disk is full")
}

func TestAnswersAreToAQuestionnaireAndToNothingElse(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	for url, typ := range map[string]string{
		"http://hl7.org/fhir/ValueSet/observation-status": "ValueSet", "http://hl7.org/fhir/observation-status": "CodeSystem",
		"http://hl7.org/fhir/StructureDefinition/bodytemp": "StructureDefinition", "http://hl7.org/fhir/StructureDefinition/Patient|4.0.1": "StructureDefinition",
	} {
		got := errorsOf(New(d, Options{}).Validate(context.Background(), parse(t, d, `{"resourceType":"QuestionnaireResponse","questionnaire":"`+url+`","status":"completed"}`), nil))
		if len(got) != 1 || got[0].Message != "refers to a "+typ+"; it must be a Questionnaire" || got[0].Path != "QuestionnaireResponse.questionnaire" {
			t.Errorf("%s: %v", url, got)
		}
	}
}

func TestManyRepeatedItemsAreBounded(t *testing.T) {
	var q, items strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&q, `,{"linkId":"q%d","type":"string","enableWhen":[{"question":"a","operator":"=","answerString":"x"}]}`, i)
		fmt.Fprint(&items, `{"linkId":"g","item":[{"linkId":"a","answer":[{"valueString":"x"}]}]},`)
	}
	d := definitions.MustBuiltIn(definitions.R4)
	src := `{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q","contained":[{"resourceType":"Questionnaire","id":"q","status":"active","item":[
		{"linkId":"g","type":"group","repeats":true,"item":[{"linkId":"a","type":"string"}` + q.String() + `]}]}],"item":[` + strings.TrimSuffix(items.String(), ",") + `]}`
	wants(t, New(d, Options{}).Validate(context.Background(), parse(t, d, src), nil), fault.Information, "QuestionnaireResponse", "too many items")
}

func TestAConditionAsksAQuestionThatCanBeAnswered(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	for question, text := range map[string]string{"nowhere": "no item with this linkId", "inner": "can never be answered", "a": "can never be answered"} {
		tree := parse(t, d, `{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"a","type":"group","enableWhen":[{"question":"`+question+`","operator":"exists","answerBoolean":true}],"item":[{"linkId":"inner","type":"string"}]}]}`)
		wants(t, v.Validate(context.Background(), tree, nil), fault.ErrorLevel, "Questionnaire.item[0].enableWhen[0].question", text)
	}
}

func TestAnAttachmentIsAsLargeAsItSays(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	const media = `{"resourceType":"Media","status":"completed","content":{"contentType":"text/plain","data":"aGVsbG8=","size":%d}}`
	wants(t, v.Validate(context.Background(), parse(t, d, fmt.Sprintf(media, 8)), nil), fault.ErrorLevel, "Media.content.size", "data holds 5 bytes")
	if issues := errorsOf(v.Validate(context.Background(), parse(t, d, fmt.Sprintf(media, 5)), nil)); len(issues) > 0 {
		t.Error(issues)
	}
}
