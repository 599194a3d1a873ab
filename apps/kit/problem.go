package kit

import (
	"errors"
	"net/http"

	"github.com/inglehealth/ingle/client/smart"
)

// Problem is what a page says instead of what was asked for.
type Problem struct {
	Status      int
	Title, Text string
}

func (p Problem) Error() string { return p.Title + ": " + p.Text }

// explain makes a problem of any error.
func explain(err error) Problem {
	if p, ok := errors.AsType[Problem](err); ok {
		return p
	}
	if refused, ok := errors.AsType[*smart.Error](err); ok {
		switch refused.Code {
		case "access_denied":
			return Problem{http.StatusForbidden, "Not allowed", "You did not allow this app to read your records. It has read nothing."}
		case "invalid_grant":
			return over
		}
	}
	switch {
	case errors.Is(err, smart.ErrExpired), errors.Is(err, smart.ErrUnauthorized):
		return over
	case errors.Is(err, smart.ErrState), errors.Is(err, smart.ErrIssuer), errors.Is(err, smart.ErrIDToken):
		return Problem{http.StatusBadRequest, "An answer that is not believed", err.Error() + ". Nothing was read. Begin again."}
	case errors.Is(err, smart.ErrBusy):
		return Problem{http.StatusServiceUnavailable, "The server is busy", "It has too much to do, although the app waited and asked again. Reload the page in a minute."}
	case errors.Is(err, smart.ErrForbidden), errors.Is(err, smart.ErrNotFound):
		return Problem{http.StatusForbidden, "Not for this app", "The server does not show the app what it needs. What you allowed, your role or the patient's consents may not reach that far."}
	}
	return Problem{http.StatusBadGateway, "The server did not do it", err.Error()}
}

// over is what users see whose authorization has ended.
var over = Problem{http.StatusUnauthorized, "The permission has ended", "This app may not read these records any more: the permission expired or was taken back. Begin again to give it anew."}

func (a *App) writeProblem(w http.ResponseWriter, err error) {
	p := explain(err)
	data := struct {
		Frame
		Text string
	}{Frame{Title: p.Title}, p.Text}
	if err := a.write(w, p.Status, "problem", data); err != nil {
		http.Error(w, p.Text, p.Status)
	}
}
