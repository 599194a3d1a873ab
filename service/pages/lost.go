package pages

import (
	"net/http"

	"github.com/inglehealth/ingle/service/web"
)

// lost answers a browser at an address where nothing is. It looks nobody up, so that
// guessing addresses costs little.
func (h *House) lost(w http.ResponseWriter, r *http.Request) {
	page := errorPage{Message: "There is nothing at this address. It may be mistyped, or no longer be there.", Start: "/"}
	frame := Frame{Title: "There is nothing here", Sandbox: h.Sandbox}
	if err := Write(w, http.StatusNotFound, frame, errorTemplate, page); err != nil {
		web.Fail(w, r, err)
	}
}
