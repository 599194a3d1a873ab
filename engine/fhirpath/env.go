package fhirpath

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Env is what an expression is evaluated in. It may be shared by evaluations
// that run at the same time, as long as nobody changes it. A nil *Env is an
// empty one.
type Env struct {
	// Resource is %resource and RootResource %rootResource. When zero they are
	// found from the first element of the input.
	Resource, RootResource fhir.Node
	// Definitions tell type names; when nil, those of the input's tree.
	Definitions *definitions.Definitions
	// Variables are the user's, by name without %.
	Variables map[string]Collection
	// Now is what now(), today() and timeOfDay() say. When it is zero these
	// functions fail.
	Now time.Time
	// Resolver finds what resolve() asks for outside of the input's tree; nil
	// finds nothing.
	Resolver Resolver
	// Terminology answers memberOf(), subsumes() and %terminologies; when nil
	// these fail.
	Terminology Terminology
	// Profiles answers conformsTo() and slice(); when nil only the base types
	// are known, which have no slices.
	Profiles Conformer
	// Trace receives what trace() is given; it may be nil. It must not keep c.
	Trace func(name string, c Collection)
	// Strict enforces a rule that FHIR's own definitions break: as() fails on a
	// collection of several items.
	Strict bool
	// Limits bound the evaluation.
	Limits Limits
	// Used is what evaluations one after the other have used of Limits together;
	// nil: each has Limits of its own.
	Used *Usage
}

// Usage is the work of evaluations so far. It is not safe for concurrent use.
type Usage struct {
	steps, written int
}

// Limits bound one evaluation; a zero field means its default.
type Limits struct {
	Steps int // operations, of which each takes up to about a microsecond: 10 million
	Items int // items in one collection: 1 million
	Text  int // bytes of a string that is computed: 16 MiB
	Texts int // bytes of all strings that are computed: 64 MiB
}

// Resolver finds resources by reference.
type Resolver interface {
	// Resolve returns the resource that reference, standing in element from,
	// points to; the zero Node when there is none or it may not be seen.
	// References to contained resources and to entries of the same Bundle are
	// resolved before Resolve is asked.
	Resolve(ctx context.Context, from fhir.Node, reference string) (fhir.Node, error)
}

// Concept is a code to ask a Terminology about.
type Concept struct {
	System, Version, Code, Display string
}

// Terminology answers questions about codes. Arguments that name a value set,
// code system or concept map are canonical URLs.
type Terminology interface {
	// MemberOf says whether one of the concepts is in the value set; ok is
	// false when the value set is not known. A concept without a system stands
	// for a plain code.
	MemberOf(ctx context.Context, valueSet string, concepts []Concept) (member, ok bool, err error)
	// Subsumes compares two codes of a system: "equivalent", "subsumes",
	// "subsumed-by", "not-subsumed", or "" when that is not known.
	Subsumes(ctx context.Context, system, codeA, codeB string) (string, error)
	// Operation performs a terminology operation of %terminologies: expand,
	// lookup, validateVS, validateCS, translate. It returns the resource that
	// the operation gives, the zero Node when it has no answer.
	Operation(ctx context.Context, call TerminologyCall) (fhir.Node, error)
}

// TerminologyCall is one call of %terminologies.
type TerminologyCall struct {
	Name string // expand, lookup, validateVS, validateCS, translate
	// URL is the canonical of the value set, code system or concept map;
	// Resource is the resource itself when the caller passed one.
	URL      string
	Resource fhir.Node
	Concepts []Concept // the coded value; several for a CodeableConcept
	Params   string    // further parameters in the form of a URL query
}

// Conformer knows profiles.
type Conformer interface {
	// Conforms says whether element n is valid against the profile; ok is false
	// when the profile is not known.
	Conforms(ctx context.Context, n fhir.Node, profile string) (conforms, ok bool, err error)
	// Slice gives those of n and what stands within it that belong to a slice of
	// the profile, in order; ok is false when the profile, or a slice of that
	// name in it, is not known.
	Slice(ctx context.Context, n fhir.Node, profile, name string) (members []fhir.Node, ok bool, err error)
}
