// Package patch changes resources by patch documents in the three forms that
// FHIR's patch interaction takes (R4 §3.1.0.6): JSON Patch (RFC 6902), XML
// Patch (RFC 5261) and FHIRPath Patch (a Parameters resource, R4 §2.1.21).
//
// A patch is applied whole or not at all, and what comes out is a resource
// that the definitions allow as to names and types.
package patch

import (
	"context"
	"errors"
	"fmt"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Bounds on a patch document and on what it makes.
const (
	MaxOperations = 10_000
	MaxBytes      = 16 << 20 // of the document
	maxDepth      = 200      // of JSON
	maxXMLDepth   = 1000     // of XML, where a narrative nests like any element
	maxCopied     = 1 << 20  // values that the copy operations of one patch may make
)

// outcomeLimits let what was stored be read again: a patch adds no more than
// its own bounds allow.
var outcomeLimits = fhir.Limits{MaxBytes: 1<<31 - 1, MaxNodes: 1<<31 - 1}

// Patch is a patch document that was understood. It is immutable and safe for
// concurrent use.
type Patch interface {
	// Apply returns the patched resource; t stays as it is. The error is a
	// *fault.Error, Unprocessable when an operation does not fit t; it names
	// the operation, counted from 0, and the element.
	Apply(ctx context.Context, t *fhir.Tree) (*fhir.Tree, error)
}

// operationError says which operation of a patch failed, on what and why.
func operationError(index int, operation, target, path, format string, args ...any) *fault.Error {
	return fault.New(fault.Unprocessable, fault.CodeProcessing, path,
		"operation %d (%s %s): %s", index, operation, fault.Shorten(target), fmt.Sprintf(format, args...))
}

// malformed says which operation of a patch document cannot be understood.
func malformed(index int, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, fault.CodeStructure, "", "operation %d of the patch: %s", index, fmt.Sprintf(format, args...))
}

// unfit explains that the outcome of a patch is no valid resource. Positions
// in the text are left out, since the client never saw that text.
func unfit(err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	issues := make([]fault.Issue, len(e.Issues))
	for i, issue := range e.Issues {
		issue.Line, issue.Column = 0, 0
		issue.Message = "after the patch: " + issue.Message
		issues[i] = issue
	}
	return fault.Of(fault.Unprocessable, issues)
}

// sameType refuses a patch that made a resource of another type.
func sameType(before, after *fhir.Tree) (*fhir.Tree, error) {
	if before.Type() != after.Type() {
		return nil, fault.New(fault.Unprocessable, fault.CodeBusinessRule, string(before.Type()),
			"the patch would make a %s of a %s; a patch does not change the type", after.Type(), before.Type())
	}
	return after, nil
}
