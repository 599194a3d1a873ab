package records

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// fault turns an error of the store into what the client is told. A
// *fault.Error and the end of a context pass as they are.
func (d *Door) fault(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, store.ErrFull):
		return fault.Wrap(err, fault.StorageFull, fault.CodeNoStore, "", "the server's storage is full: nothing was written; tell its operator")
	case errors.Is(err, store.ErrClosed):
		return fault.Wrap(err, fault.Unavailable, fault.CodeTransient, "", "the server is stopping: try again")
	case errors.Is(err, store.ErrAway):
		return fault.Wrap(err, fault.Unavailable, fault.CodeTransient, "", "the database cannot be reached just now: try again; look first whether what you were writing is there")
	case errors.Is(err, store.ErrBadCursor):
		return fault.Wrap(err, fault.Invalid, fault.CodeInvalid, "", "this page link does not belong to this search: start from the first page")
	case errors.Is(err, store.ErrTooComplex):
		return fault.Wrap(err, fault.Unprocessable, fault.CodeTooCostly, "", "what is asked, and what decides who may see it, come to more conditions than one query can have: ask for fewer types at a time, or for less")
	case errors.Is(err, store.ErrVersion):
		return fault.Wrap(err, fault.Conflict, fault.CodeConflict, "", "others kept changing the same resource: read it and try again")
	}
	return fault.Wrap(err, fault.Internal, fault.CodeException, "", "the server failed; the reason is in its log")
}

func notFound(key fhir.Key) error {
	return fault.New(fault.NotFound, fault.CodeNotFound, "", "there is no %s", key)
}

// absent says whether an error means that for the session something is not there.
func absent(err error) bool {
	return err != nil && (fault.KindOf(err) == fault.NotFound || errors.Is(err, ErrScope))
}

func noVersion(key fhir.Key, version string) error {
	return fault.New(fault.NotFound, fault.CodeNotFound, "", "there is no %s/_history/%s", key, version)
}

func gone(r store.Record) error {
	return fault.New(fault.Gone, fault.CodeDeleted, "", "%s was deleted in version %d; %s/_history tells its past", r.Key, r.Version, r.Key)
}

// issueAt is an error at an element, with its place in the source.
func issueAt(n fhir.Node, code fault.Code, format string, args ...any) fault.Issue {
	i := fault.Issue{Severity: fault.ErrorLevel, Code: code, Path: n.Path(), Message: fmt.Sprintf(format, args...)}
	i.Line, i.Column = n.Position()
	return i
}

// missing explains which references of the drafts led nowhere.
func missing(e *store.MissingError, drafts ...*draft) error {
	gone := map[fhir.Key]bool{}
	for _, k := range e.Keys {
		gone[k] = true
	}
	var issues []fault.Issue
	for _, w := range drafts {
		for _, n := range w.needs {
			if gone[n.key] {
				issues = append(issues, notThere(n.node, n.key))
			}
		}
	}
	if len(issues) == 0 {
		names := make([]string, len(e.Keys))
		for i, k := range e.Keys {
			names[i] = k.String()
		}
		return fault.New(fault.Unprocessable, fault.CodeNotFound, "", "these do not exist here: %s", strings.Join(names, ", "))
	}
	return fault.Of(fault.Unprocessable, issues)
}

// inside moves an error's paths below a place: "Patient.name" of the resource
// in Bundle.entry[3] becomes "Bundle.entry[3].resource.name".
func inside(err error, place, resource string) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	issues := make([]fault.Issue, len(e.Issues))
	for i, issue := range e.Issues {
		switch {
		case strings.HasPrefix(issue.Path, "Bundle.entry["):
		case issue.Path == "":
			issue.Path = place
		default:
			_, tail, found := strings.Cut(issue.Path, ".")
			issue.Path = resource
			if found {
				issue.Path += "." + tail
			}
		}
		issues[i] = issue
	}
	if cause := e.Unwrap(); cause != nil {
		w := fault.Wrap(cause, e.Kind, issues[0].Code, "", "")
		w.Issues = issues
		return w
	}
	return fault.Of(e.Kind, issues)
}
