package kit

import (
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/client/smart"
)

// attempt is an authorization under way, with the browser that began it.
type attempt struct {
	*smart.Attempt
	browser string
}

// launch sends the browser to the authorization server. An EHR says launch and
// iss; without launch it is a standalone launch. Only the one server that the app
// is for may be named: anybody can make a link to here.
func (a *App) launch(w http.ResponseWriter, r *http.Request) error {
	base := a.client.Server.Base
	query := r.URL.Query()
	if strings.TrimSuffix(query.Get("iss"), "/") != strings.TrimSuffix(base, "/") {
		return Problem{http.StatusBadRequest, "Another server", "This app reads from " + base + " only. It cannot be launched for another server."}
	}
	handle := query.Get("launch")
	if len(query["iss"]) > 1 || len(query["launch"]) > 1 || query.Has("launch") && handle == "" || len(handle) > 2000 {
		return Problem{http.StatusBadRequest, "Not a launch", "The launch has a parameter twice, or one that is empty or too long."}
	}
	began, err := a.client.Authorize(smart.Request{Scopes: a.plan.scopes(a.client.Server, handle != ""), Launch: handle})
	if err != nil {
		return err
	}
	browser := a.browser(r)
	if browser == "" {
		browser = a.know(w, r)
	}
	a.attempts.put(began.State, attempt{began, browser})
	http.Redirect(w, r, began.URL, http.StatusSeeOther)
	return nil
}

// callback is the redirect_uri. What it gets is believed only from the browser
// that began the attempt, and once.
func (a *App) callback(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	began, ok := a.attempts.take(query.Get("state"))
	if !ok || began.browser != a.browser(r) {
		text := "This sign-in was not begun in this browser, or took too long, or is finished already. Begin again."
		if framed(r) {
			text += " If that does not help, the browser keeps cookies from apps inside of other pages: open the app in a window of its own."
		}
		return Problem{http.StatusBadRequest, "Not begun here", text}
	}
	token, err := a.client.Finish(r.Context(), began.Attempt, query)
	if err != nil {
		return err
	}
	key := rand.Text()
	a.sessions.put(key, &session{a.client.Source(token, nil), began.browser, a.fetchStyle(r.Context(), token.Context.Style)})
	http.Redirect(w, r, "/open/"+key, http.StatusSeeOther)
	return nil
}
