package app

import (
	"crypto/rand"
	"net/http"
)

// Cookies: which browser began an attempt, and which chart it looks at. Loopback
// servers on other ports share them, hence the name.
const (
	browserCookie = "chart-browser"
	chartCookie   = "chart-session"
)

// setCookie gives the browser a new secret and returns it.
func (a *App) setCookie(w http.ResponseWriter, name string) string {
	secret := rand.Text()
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where the app has https
		Name: a.cookieName(name), Value: secret, Path: "/", Secure: a.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return secret
}

func (a *App) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(a.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// cookieName has the prefix that keeps other hosts of the domain from setting the
// cookie, where browsers allow it.
func (a *App) cookieName(name string) string {
	if a.secure() {
		return "__Host-" + name
	}
	return name
}
