// Package fault describes what went wrong in the terms of a FHIR
// OperationOutcome: each floor returns a *fault.Error, the service renders it
// once.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what class of failure an Error is; service/web maps it to one
// HTTP status.
type Kind uint8

// The kinds, with the HTTP status each is rendered as.
const (
	Internal           Kind = iota // 500
	Invalid                        // 400: the request cannot be understood
	Unauthenticated                // 401
	Forbidden                      // 403
	NotFound                       // 404
	MethodNotAllowed               // 405
	NotAcceptable                  // 406
	Conflict                       // 409
	Gone                           // 410
	PreconditionFailed             // 412
	TooLarge                       // 413
	UnsupportedMedia               // 415
	RangeNotSatisfied              // 416
	Unprocessable                  // 422: understood, but breaks a rule of FHIR or of this server
	Throttled                      // 429
	NotSupported                   // 501
	Unavailable                    // 503: try again
	StorageFull                    // 507
)

// Severity is OperationOutcome.issue.severity.
type Severity string

// Severities, most severe first.
const (
	Fatal       Severity = "fatal"
	ErrorLevel  Severity = "error"
	Warning     Severity = "warning"
	Information Severity = "information"
)

// Code is OperationOutcome.issue.code (value set issue-type).
type Code string

// The issue types in use.
const (
	CodeInvalid      Code = "invalid"
	CodeStructure    Code = "structure"
	CodeRequired     Code = "required"
	CodeValue        Code = "value"
	CodeInvariant    Code = "invariant"
	CodeSecurity     Code = "security"
	CodeLogin        Code = "login"
	CodeForbidden    Code = "forbidden"
	CodeProcessing   Code = "processing"
	CodeNotSupported Code = "not-supported"
	CodeDuplicate    Code = "duplicate"
	CodeMultiple     Code = "multiple-matches"
	CodeNotFound     Code = "not-found"
	CodeDeleted      Code = "deleted"
	CodeTooLong      Code = "too-long"
	CodeInvalidCode  Code = "code-invalid"
	CodeExtension    Code = "extension"
	CodeTooCostly    Code = "too-costly"
	CodeBusinessRule Code = "business-rule"
	CodeConflict     Code = "conflict"
	CodeTransient    Code = "transient"
	CodeIncomplete   Code = "incomplete"
	CodeNoStore      Code = "no-store"
	CodeException    Code = "exception"
	CodeTimeout      Code = "timeout"
	CodeThrottled    Code = "throttled"
	CodeInformation  Code = "informational"
)

// What tools that ask a terminology service look at in an issue: the system of
// Issue.TxType, and the extension that holds Issue.MessageID.
const (
	TxIssueType        = "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type"
	MessageIDExtension = "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id"
)

// Issue is one OperationOutcome.issue.
type Issue struct {
	Severity Severity
	Code     Code
	Path     string // FHIRPath of the element ("Patient.name[0].family"), or "" when no element is meant
	Message  string // says what is wrong and what to do about it
	Line     int    // 1-based position in the source, 0 when unknown
	Column   int
	// TxType is a code of HL7's tx-issue-type and MessageID names the message,
	// for tools that ask a terminology service; "" for none.
	TxType, MessageID string
}

func (i Issue) String() string {
	var b strings.Builder
	if i.Path != "" {
		b.WriteString(i.Path)
		b.WriteString(": ")
	}
	b.WriteString(i.Message)
	if i.Line > 0 {
		fmt.Fprintf(&b, " (line %d, column %d)", i.Line, i.Column)
	}
	return b.String()
}

// Error is a failure with the issues that explain it. It has at least one
// issue.
type Error struct {
	Kind   Kind
	Issues []Issue
	cause  error
}

// New makes an Error of one issue with severity error; path may be empty.
func New(kind Kind, code Code, path, format string, args ...any) *Error {
	return &Error{Kind: kind, Issues: []Issue{{
		Severity: ErrorLevel, Code: code, Path: path, Message: fmt.Sprintf(format, args...),
	}}}
}

// Wrap is New with a cause that errors.Is and errors.As see. The cause's text
// is for the log; it is not shown to clients.
func Wrap(cause error, kind Kind, code Code, path, format string, args ...any) *Error {
	e := New(kind, code, path, format, args...)
	e.cause = cause
	return e
}

// Of makes an Error of several issues; issues must not be empty.
func Of(kind Kind, issues []Issue) *Error { return &Error{Kind: kind, Issues: issues} }

// Error joins the issues; with a cause, the cause's text follows.
func (e *Error) Error() string {
	parts := make([]string, len(e.Issues))
	for i, issue := range e.Issues {
		parts[i] = issue.String()
	}
	s := strings.Join(parts, "; ")
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of the first *Error in err's chain, Internal for
// any other error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
