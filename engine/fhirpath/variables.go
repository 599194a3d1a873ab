package fhirpath

import (
	"slices"
	"strings"
)

// variableOp is %name of the environment. FHIRPath §9 and R4 §2.1.9.3.
type variableOp struct {
	name string
	at   *Syntax
}

// Constants that FHIR defines.
var constants = map[string]string{
	"ucum":  ucumSystem,
	"sct":   "http://snomed.info/sct",
	"loinc": "http://loinc.org",
}

// Reserved says whether %name belongs to FHIRPath or FHIR, so that no user's
// variable can be called so.
func Reserved(name string) bool {
	_, taken := systemVariable(name)
	return taken
}

// systemVariable returns the constant that name is; taken says that name
// belongs to FHIRPath or FHIR.
func systemVariable(name string) (value string, taken bool) {
	switch name {
	case "context", "resource", "rootResource", "terminologies", "factory":
		return "", true
	}
	if url, ok := constants[name]; ok {
		return url, true
	}
	if id, ok := strings.CutPrefix(name, "vs-"); ok {
		return "http://hl7.org/fhir/ValueSet/" + id, true
	}
	if id, ok := strings.CutPrefix(name, "ext-"); ok {
		return "http://hl7.org/fhir/StructureDefinition/" + id, true
	}
	return "", false
}

func compileVariable(s *Syntax) op {
	if value, _ := systemVariable(s.Text); value != "" {
		return literalOp{String(value)}
	}
	return variableOp{s.Text, s}
}

func (o variableOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	switch o.name {
	case "context":
		return append(dst, e.input...), e.step(len(e.input))
	case "resource":
		if n := e.resource(); !n.IsZero() {
			dst = append(dst, NodeValue(n))
		}
		return dst, nil
	case "rootResource":
		if n := e.rootResource(); !n.IsZero() {
			dst = append(dst, NodeValue(n))
		}
		return dst, nil
	case "terminologies", "factory":
		return append(dst, Value{kind: KindObject, data: o.name}), nil
	}
	if v := lookup(s.vars, o.name); v != nil {
		return append(dst, v.value...), e.step(len(v.value))
	}
	if c, ok := e.env.Variables[o.name]; ok {
		return append(dst, c...), e.step(len(c))
	}
	return nil, o.at.semanticError("the variable %" + o.name + " is not defined")
}

// Variables names what the expression asks of Env.Variables, each once: its
// variables but those of FHIRPath and FHIR, and those that defineVariable makes
// within it.
func (x *Expression) Variables() []string {
	var used, made []string
	var walk func(s *Syntax)
	walk = func(s *Syntax) {
		if s == nil {
			return
		}
		switch {
		case s.Kind == SyntaxVariable && !slices.Contains(used, s.Text):
			if _, taken := systemVariable(s.Text); !taken {
				used = append(used, s.Text)
			}
		case s.Kind == SyntaxCall && s.Text == "defineVariable" && len(s.Args) > 0 && s.Args[0].Kind == SyntaxString:
			made = append(made, s.Args[0].Text)
		}
		walk(s.Input)
		for _, a := range s.Args {
			walk(a)
		}
	}
	walk(x.syntax)
	return slices.DeleteFunc(used, func(name string) bool { return slices.Contains(made, name) })
}
