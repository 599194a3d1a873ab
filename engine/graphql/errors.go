package graphql

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/fault"
)

// Error is one thing that is wrong. Line and Column of the issue are those of
// the query; its Path is an element of a resource.
type Error struct {
	fault.Issue
	// Response is where in the answer the field would stand: names (string) and
	// positions in lists (int). Empty when the query as a whole is meant.
	Response []any

	kind fault.Kind
}

// Failure is why a query has no answer. It has at least one Error.
type Failure struct {
	Kind   fault.Kind // of the first error
	Errors []Error
}

// Error joins the messages.
func (f *Failure) Error() string {
	texts := make([]string, len(f.Errors))
	for i, e := range f.Errors {
		texts[i] = e.String()
	}
	return strings.Join(texts, "; ")
}

// maxErrors bounds the errors that one query is told.
const maxErrors = 20

func failure(errs ...Error) *Failure {
	if len(errs) > maxErrors {
		errs = errs[:maxErrors]
	}
	return &Failure{Kind: errs[0].kind, Errors: errs}
}

// place is where a field stands in the answer; nil is the answer itself.
type place struct {
	in   *place
	name any // string, or int in a list
}

func (p *place) below(name any) *place { return &place{p, name} }

func (p *place) path() []any {
	if p == nil {
		return nil
	}
	return append(p.in.path(), p.name)
}

// invalid is an error of the query itself.
func invalid(at *ast.Position, p *place, code fault.Code, format string, args ...any) Error {
	return fail(fault.Invalid, at, p, code, format, args...)
}

func fail(kind fault.Kind, at *ast.Position, p *place, code fault.Code, format string, args ...any) Error {
	e := Error{
		Issue:    fault.Issue{Severity: fault.ErrorLevel, Code: code, Message: fmt.Sprintf(format, args...)},
		Response: p.path(), kind: kind,
	}
	if at != nil {
		e.Line, e.Column = at.Line, at.Column
	}
	return e
}

// tooCostly is the error of a query that exceeds a limit.
func tooCostly(at *ast.Position, p *place, format string, args ...any) Error {
	return fail(fault.Unprocessable, at, p, fault.CodeTooCostly, format, args...)
}

// explain makes the failure of an error that came from outside. What is no
// fault, such as the end of a context, passes as it is.
func explain(err error, at *ast.Position, p *place) error {
	var f *fault.Error
	var bad *Failure
	switch {
	case errors.As(err, &bad):
		return bad
	case errors.As(err, &f) && f.Kind != fault.Internal:
		errs := make([]Error, len(f.Issues))
		for i, issue := range f.Issues {
			errs[i] = Error{Issue: issue, Response: p.path(), kind: f.Kind}
			if issue.Line == 0 && at != nil {
				errs[i].Line, errs[i].Column = at.Line, at.Column
			}
		}
		return failure(errs...)
	}
	return err
}

// evaluationFailed is explain for what FHIRPath returns.
func evaluationFailed(err error, at *ast.Position, p *place) error {
	var evaluation *fhirpath.EvaluationError
	var semantic *fhirpath.SemanticError
	var limit *fhirpath.LimitError
	if errors.As(err, &evaluation) || errors.As(err, &semantic) || errors.As(err, &limit) {
		return failure(fail(fault.Unprocessable, at, p, fault.CodeProcessing, "the FHIRPath expression failed: %v", err))
	}
	return explain(err, at, p)
}
