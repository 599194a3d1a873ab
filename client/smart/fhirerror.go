package smart

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// What a *FHIRError is, for errors.Is.
var (
	ErrUnauthorized = errors.New("smart: the server takes the token no more")              // 401
	ErrForbidden    = errors.New("smart: the token does not reach that far")               // 403
	ErrNotFound     = errors.New("smart: there is no such resource, or not for this user") // 404, 410
	ErrBusy         = errors.New("smart: the server is busy")                              // 429, 503
)

// FHIRError is an answer of a FHIR server that is not a success.
type FHIRError struct {
	Method, Path string // of the request, without its query
	Status       int
	Issues       []Issue // of the OperationOutcome; none if it sent none
}

// Issue is one issue of an OperationOutcome.
type Issue struct {
	Severity string   // "error"
	Code     string   // "forbidden"
	Text     string   // diagnostics, or else the text of details
	Where    []string // expressions of FHIRPath
}

func newFHIRError(resp *http.Response, body []byte) *FHIRError {
	e := &FHIRError{Method: resp.Request.Method, Path: resp.Request.URL.Path, Status: resp.StatusCode}
	var outcome struct {
		ResourceType string
		Issue        []struct {
			Severity, Code, Diagnostics string
			Details                     struct{ Text string }
			Expression                  []string
		}
	}
	if json.Unmarshal(body, &outcome) != nil || outcome.ResourceType != "OperationOutcome" {
		return e
	}
	for _, i := range outcome.Issue {
		text := i.Diagnostics
		if text == "" {
			text = i.Details.Text
		}
		e.Issues = append(e.Issues, Issue{i.Severity, i.Code, text, i.Expression})
	}
	return e
}

func (e *FHIRError) Error() string {
	text := fmt.Sprintf("smart: %s %s was answered with %d %s", e.Method, e.Path, e.Status, http.StatusText(e.Status))
	var said []string
	for _, i := range e.Issues {
		if i.Text != "" {
			said = append(said, i.Text)
		}
	}
	if len(said) > 0 {
		text += ": " + strings.Join(said, "; ")
	}
	return text
}

// Is makes errors.Is know the kind.
func (e *FHIRError) Is(target error) bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return target == ErrUnauthorized
	case http.StatusForbidden:
		return target == ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		return target == ErrNotFound
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return target == ErrBusy
	}
	return false
}
