package fhirpath

import (
	"fmt"

	"github.com/dustin/go-humanize"
)

// SyntaxError says where an expression stops being FHIRPath. Line and Column
// are 1-based and count characters.
type SyntaxError struct {
	Line, Column int
	Message      string // what stands there and what was expected
	Hint         string // how to repair it, or ""
}

func (e *SyntaxError) Error() string {
	s := fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// SemanticError is an expression that parses but cannot mean anything for the
// type or environment it is applied to: an unknown element, variable or type.
type SemanticError struct {
	Line, Column int
	Message      string
}

func (e *SemanticError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// EvaluationError is a rule of FHIRPath that the data broke while the
// expression ran: several items where one is allowed, a string where a number
// is needed.
type EvaluationError struct {
	Line, Column int
	Message      string
}

func (e *EvaluationError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// LimitError says that an evaluation was stopped because it went over one of
// Env.Limits.
type LimitError struct {
	Limit string // "steps", "items", "bytes of text", "bytes of text in all"
	Max   int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("evaluation stopped: more than %s %s", humanize.Comma(int64(e.Max)), e.Limit)
}
