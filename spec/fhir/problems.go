package fhir

import (
	"errors"
	"fmt"

	"github.com/inglehealth/ingle/spec/fault"
)

// ErrMalformed is in the chain of a parser's error when the bytes are no JSON
// or XML at all, rather than JSON or XML that breaks a rule of FHIR.
var ErrMalformed = errors.New("malformed")

// maxProblems bounds how many problems one parse reports.
const maxProblems = 20

// problems gathers what a parser finds wrong.
type problems struct {
	issues    []fault.Issue
	more      int
	malformed bool
	kind      fault.Kind
}

func (p *problems) full() bool { return len(p.issues) >= maxProblems }

func (p *problems) any() bool { return len(p.issues) > 0 }

func (p *problems) add(code fault.Code, src []byte, off int, path, message string) {
	line, column := position(src, off)
	p.issues = append(p.issues, fault.Issue{
		Severity: fault.ErrorLevel, Code: code, Path: path, Message: message, Line: line, Column: column,
	})
}

func (p *problems) err() error {
	if !p.any() {
		return nil
	}
	kind := p.kind
	if kind == fault.Internal {
		kind = fault.Invalid
	}
	issues := p.issues
	if p.more > 0 {
		issues = append(issues, fault.Issue{
			Severity: fault.Information, Code: fault.CodeInformation,
			Message: fmt.Sprintf("%d further problems are not listed", p.more),
		})
	}
	if !p.malformed {
		return fault.Of(kind, issues)
	}
	e := fault.Wrap(ErrMalformed, kind, fault.CodeStructure, "", "")
	e.Issues = issues
	return e
}

func tooLarge(limit int) error {
	return fault.New(fault.TooLarge, fault.CodeTooLong, "", "the body is longer than the limit of %d bytes", limit)
}
