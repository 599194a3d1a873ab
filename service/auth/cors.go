package auth

import (
	"net/http"

	"github.com/inglehealth/ingle/service/web"
)

// cors says whose pages may read an endpoint's answers.
type cors uint8

const (
	corsNone    cors = iota
	corsAny          // any origin: what is public
	corsClients      // the origins of registered clients
)

// allowOrigin sets the headers of CORS and answers OPTIONS; done when that was
// the request. Cookies never count, so no origin may send them.
func (c *call) allowOrigin(e endpoint) (done bool, err error) {
	h := c.w.Header()
	origin := c.r.Header.Get("Origin")
	allowed := ""
	switch e.cors {
	case corsAny:
		allowed = "*"
	case corsClients:
		h.Add("Vary", "Origin")
		known, err := c.Identity.KnownOrigin(c.r.Context(), origin)
		if err != nil {
			return false, err
		}
		if known {
			allowed = origin
		}
	}
	if allowed != "" {
		h.Set("Access-Control-Allow-Origin", allowed)
		h.Set("Access-Control-Expose-Headers", "ETag, Location, WWW-Authenticate, X-Request-Id, "+web.LimitHeaders)
	}
	if c.r.Method != http.MethodOptions {
		return false, nil
	}
	if allowed != "" && c.r.Header.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Methods", e.methods)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, If-Match, If-None-Match")
		h.Set("Access-Control-Max-Age", "600")
	}
	h.Set("Allow", e.methods+", OPTIONS")
	c.w.WriteHeader(http.StatusNoContent)
	return true, nil
}
