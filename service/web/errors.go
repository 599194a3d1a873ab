package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/inglehealth/ingle/spec/fault"
)

const internalMessage = "The server failed; this is not your fault. Quote the X-Request-Id header when you report it."

// statuses renders each fault.Kind.
var statuses = [...]int{
	fault.Internal:           http.StatusInternalServerError,
	fault.Invalid:            http.StatusBadRequest,
	fault.Unauthenticated:    http.StatusUnauthorized,
	fault.Forbidden:          http.StatusForbidden,
	fault.NotFound:           http.StatusNotFound,
	fault.MethodNotAllowed:   http.StatusMethodNotAllowed,
	fault.NotAcceptable:      http.StatusNotAcceptable,
	fault.Conflict:           http.StatusConflict,
	fault.Gone:               http.StatusGone,
	fault.PreconditionFailed: http.StatusPreconditionFailed,
	fault.TooLarge:           http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia:   http.StatusUnsupportedMediaType,
	fault.RangeNotSatisfied:  http.StatusRequestedRangeNotSatisfiable,
	fault.Unprocessable:      http.StatusUnprocessableEntity,
	fault.Throttled:          http.StatusTooManyRequests,
	fault.NotSupported:       http.StatusNotImplemented,
	fault.Unavailable:        http.StatusServiceUnavailable,
	fault.StorageFull:        http.StatusInsufficientStorage,
}

// Status is the HTTP status of a Kind.
func Status(k fault.Kind) int {
	if int(k) < len(statuses) {
		return statuses[k]
	}
	return http.StatusInternalServerError
}

// Explain turns any error into the *fault.Error that a client may see. What
// is not a *fault.Error becomes Internal without its text, or Unavailable when
// time ran out.
func Explain(err error) *fault.Error {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Unavailable, fault.CodeTimeout, "",
			"The request took longer than this server allows. Ask for less at once, or try again.")
	}
	return fault.Wrap(err, fault.Internal, fault.CodeException, "", "%s", internalMessage)
}

// Fail answers a request with an error, as an OperationOutcome in the format
// of the Exchange, and logs it if it is the server's fault. It must be the
// last thing a handler does. When the answer has begun already, the
// connection is cut so that the client does not take it for complete.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	x := From(r.Context())
	if x == nil {
		e := Explain(err)
		http.Error(w, e.Issues[0].Message, Status(e.Kind))
		return
	}
	e := Explain(err)
	if Status(e.Kind) >= 500 && e.Kind != fault.NotSupported && r.Context().Err() == nil {
		x.log().Error("request failed", "error", err)
	}
	if x.response.started() {
		panic(http.ErrAbortHandler)
	}
	x.render(r.Context(), e)
}

// heldBack logs why an answer does not leave, and returns what the client may see
// of it.
func (x *Exchange) heldBack(err error) *fault.Error {
	x.log().Error("an answer was held back", "error", err)
	return Explain(err)
}

func (x *Exchange) render(ctx context.Context, e *fault.Error) {
	x.response.reset()
	h := x.response.Header()
	for _, name := range []string{"Content-Length", "Content-Disposition", "Accept-Ranges"} {
		h.Del(name)
	}
	if e.Kind != fault.RangeNotSatisfied { // which says by it how long the content is
		h.Del("Content-Range")
	}
	status := Status(e.Kind)
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "2")
		}
	}
	if ctx.Err() == context.Canceled {
		status = statusClientGone
	}
	body := AppendOutcome(nil, e.Issues, x.XML, x.Pretty)
	h.Set("Content-Type", x.outcomeType())
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	x.response.WriteHeader(status)
	_, _ = x.response.Write(body) // the client may be gone; there is nobody left to tell
}

// statusClientGone is logged when the client went away before its answer; no
// client ever sees it.
const statusClientGone = 499

func (x *Exchange) outcomeType() string {
	switch {
	case x.Browser:
		return "application/json; charset=utf-8"
	case x.XML:
		return "application/fhir+xml; charset=utf-8"
	}
	return "application/fhir+json; charset=utf-8"
}

// NotFound answers where nothing is.
func NotFound(w http.ResponseWriter, r *http.Request) {
	From(r.Context()).Route = "none"
	Fail(w, r, fault.New(fault.NotFound, fault.CodeNotFound, "",
		"There is nothing at this address. The FHIR API is at /fhir (its description at /fhir/metadata); a tenant's is at /t/{name}/fhir."))
}
