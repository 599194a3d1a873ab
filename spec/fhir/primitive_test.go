package fhir

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
)

func TestAnUnknownPrimitiveIsCheckedByItsPattern(t *testing.T) {
	typ := &definitions.Type{Name: "colour", Kind: definitions.Primitive, Regex: "#[0-9a-f]{6}"}
	k := primitiveOf(typ)
	if wrong := k.check(typ, "#00ff00"); wrong != "" {
		t.Error(wrong)
	}
	if wrong := k.check(typ, "green"); !strings.Contains(wrong, typ.Regex) {
		t.Errorf("green: %q", wrong)
	}
	derived := &definitions.Type{Name: "small", Kind: definitions.Primitive, Base: &definitions.Type{Name: "positiveInt", Kind: definitions.Primitive}}
	if primitiveOf(derived) != primitivePositiveInt {
		t.Error("a type does not take after its base")
	}
}

func TestAnInteger64IsAString(t *testing.T) {
	typ := &definitions.Type{Name: "integer64", Kind: definitions.Primitive}
	k := primitiveOf(typ)
	if !k.isString() || k.isNumber() || k.check(typ, "9223372036854775807") != "" || k.check(typ, "9223372036854775808") == "" || k.check(typ, "1.0") == "" {
		t.Error("integer64")
	}
}
