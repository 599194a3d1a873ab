package fhirapi_test

import (
	"strings"
	"testing"
)

func TestAnExpressionThatTakesTooMuchWorkIsStopped(t *testing.T) {
	s := newServer(t)
	patient := `{"resourceType":"Patient","name":[` + strings.Repeat(`{"given":["a"]},`, 2999) + `{"given":["b"]}]}`
	for _, asked := range []string{
		`{"name":"expression","valueString":"name.select(%resource.descendants().count())"}`,
		`{"name":"context","valueString":"name"},{"name":"expression","valueString":"%resource.descendants().count()"}`,
	} {
		s.do("POST", "/$fhirpath", `{"resourceType":"Parameters","parameter":[`+asked+`,{"name":"resource","resource":`+patient+`}]}`).
			want(422).has("too-costly", "more than 1,000,000 steps", "take()")
	}
}

func TestAVariableOfFHIRPathCannotBeGivenAValue(t *testing.T) {
	s := newServer(t)
	for _, name := range []string{"resource", "context", "ucum"} {
		s.do("POST", "/$fhirpath", `{"resourceType":"Parameters","parameter":[{"name":"expression","valueString":"1"},
			{"name":"variables","part":[{"name":"`+name+`","valueString":"x"}]},{"name":"resource","resource":{"resourceType":"Patient","active":true}}]}`).
			want(400).has("%" + name + " is a variable of FHIRPath itself")
	}
}
