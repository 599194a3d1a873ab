package auth

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// cookies are the tenant's cookies: of the session, of each request in progress,
// of a sign-in that waits for its second factor, of one at an outside provider, and
// of the logins for which the browser is known.
type cookies struct {
	session, browser, pending, outside, known string
	path                                      string // of the tenant, with trailing slash
	secure                                    bool
}

func newCookies(issuer, tenant string) cookies {
	c := cookies{session: "ingle-session", browser: "ingle-request", pending: "ingle-sign-in", outside: "ingle-outside", known: "ingle-known", path: "/"}
	if u, err := url.Parse(issuer); err == nil {
		c.path, c.secure = strings.TrimSuffix(u.Path, "/")+"/", u.Scheme == "https"
	}
	suffix := ""
	if tenant != "" {
		suffix = "-" + tenant
	}
	for _, name := range []*string{&c.session, &c.browser, &c.pending, &c.outside, &c.known} {
		*name += suffix
		if c.secure {
			*name = "__Secure-" + *name
		}
	}
	return c
}

// set gives the browser a cookie for what is below path, which is below the
// tenant's; life 0 is until the browser ends, below 0 takes it away.
func (c *call) setCookie(name, value, path string, life time.Duration) {
	http.SetCookie(c.w, &http.Cookie{ //nolint:gosec // it is secure where the issuer is
		Name: name, Value: value, Path: c.cookies.path + path, MaxAge: int(life / time.Second),
		Secure: c.cookies.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (c *call) dropCookie(name, path string) { c.setCookie(name, "", path, -time.Second) }

// cookie is the value that the browser sent first, of the most specific path;
// "" for none.
func (c *call) cookie(name string) string {
	k, err := c.r.Cookie(name)
	if err != nil {
		return ""
	}
	return k.Value
}
