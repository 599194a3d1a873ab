package fhirapi

import (
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/service/web"
)

// What scripts of other origins may send and see (Fetch Standard §3.2).
var (
	corsRequestHeaders = strings.Join([]string{
		"Accept", "Authorization", "Content-Encoding", "Content-Type", "If-Match", "If-Modified-Since", "If-None-Exist", "If-None-Match",
		"If-Range", "Prefer", "Range", "X-Provenance", "X-Request-Id", "X-Security-Context",
	}, ", ")
	corsAnswerHeaders = strings.Join([]string{
		"Accept-Ranges", "Content-Location", "Content-Range", "ETag", problemHeader, "Last-Modified", "Location", web.LimitHeaders,
		"WWW-Authenticate", "X-Request-Id", "X-Security-Context",
	}, ", ")
)

// preflightSeconds is how long a browser may remember what it was told.
const preflightSeconds = "600"

// cors admits the page that a browser asks for, to /metadata from anywhere. No
// cookies count here, so that credentials are never admitted.
func (c *call) cors(path string) (admitted bool) {
	h := c.w.Header()
	origin := c.r.Header.Get("Origin")
	if strings.Trim(path, "/") == "metadata" {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", corsAnswerHeaders)
		return origin != ""
	}
	if c.api.config.Origins == nil {
		return false
	}
	h.Add("Vary", "Origin")
	if origin == "" || !c.api.config.Origins(c.r.Context(), c.door, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", corsAnswerHeaders)
	return true
}

// options answers OPTIONS, and a preflight if the page is admitted.
func (c *call) options(at *shape, admitted bool) error {
	h, allow := c.w.Header(), at.allow
	h.Set("Allow", allow)
	if at.endpoints[http.MethodPatch] != nil {
		c.acceptPatch()
	}
	if admitted && c.r.Header.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Methods", allow)
		h.Set("Access-Control-Allow-Headers", corsRequestHeaders)
		h.Set("Access-Control-Max-Age", preflightSeconds)
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
