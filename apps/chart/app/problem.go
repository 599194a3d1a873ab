package app

import (
	"errors"
	"net/http"

	"github.com/inglehealth/ingle/client/smart"
)

// problem is what a page says instead of what was asked for.
type problem struct {
	Status      int
	Title, Text string
}

func (p problem) Error() string { return p.Title + ": " + p.Text }

// explain makes a problem of any error.
func explain(err error) problem {
	if p, ok := errors.AsType[problem](err); ok {
		return p
	}
	if refused, ok := errors.AsType[*smart.Error](err); ok {
		switch refused.Code {
		case "access_denied":
			return problem{http.StatusForbidden, "Not allowed", "You did not allow this app to read your records. It has read nothing."}
		case "invalid_grant":
			return over
		}
	}
	switch {
	case errors.Is(err, smart.ErrExpired):
		return over
	case errors.Is(err, smart.ErrState), errors.Is(err, smart.ErrIssuer), errors.Is(err, smart.ErrIDToken):
		return problem{http.StatusBadRequest, "An answer that is not believed", err.Error() + ". Nothing was read. Begin again."}
	}
	return problem{http.StatusBadGateway, "The server did not do it", err.Error()}
}

// over is what users see whose authorization has ended.
var over = problem{http.StatusUnauthorized, "The permission has ended", "This app may not read your records any more: the permission expired or was taken back. Begin again to give it anew."}

func writeProblem(w http.ResponseWriter, err error) {
	p := explain(err)
	if err := write(w, p.Status, "problem", p); err != nil {
		http.Error(w, p.Text, p.Status)
	}
}
