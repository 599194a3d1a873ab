package kit

import (
	"crypto/rand"
	"net/http"
)

// know gives the browser a secret by which the app knows it again, and returns it.
// Inside of a page of the EHR, which is another site, browsers send only cookies
// that say so, and keep them apart for each such site (Partitioned).
func (a *App) know(w http.ResponseWriter, r *http.Request) string {
	secret := rand.Text()
	c := &http.Cookie{
		Name: a.cookieName(), Value: secret, Path: "/", Secure: a.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if framed(r) {
		c.Secure, c.SameSite, c.Partitioned = true, http.SameSiteNoneMode, true // over http, browsers take that from loopback
	}
	http.SetCookie(w, c)
	return secret
}

// browser is the secret of the browser that sends a request; "" for none.
func (a *App) browser(r *http.Request) string {
	c, err := r.Cookie(a.cookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

// cookieName has the prefix that keeps other hosts of the domain from setting the
// cookie, where browsers allow it. Loopback servers on other ports share cookies,
// hence the name of the app.
func (a *App) cookieName() string {
	if a.secure() {
		return "__Host-" + a.plan.ID + "-browser"
	}
	return a.plan.ID + "-browser"
}

// framed says whether a request is for a page inside of another.
func framed(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return dest == "iframe" || dest == "frame"
}
