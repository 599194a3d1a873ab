package auth

import (
	"html/template"
	"net/http"
)

// fromFrame says whether an app that a page shows in a frame led the browser here.
// Browsers keep the cookies of the session back then.
func (c *call) fromFrame() bool {
	h := c.r.Header
	return c.r.Method == http.MethodGet && h.Get("Sec-Fetch-Dest") == "iframe" && h.Get("Sec-Fetch-Site") == "cross-site"
}

var againTemplate = template.Must(template.New("again").Parse(`<p role="status"><a href="{{.}}">Continue</a></p>`))

// again has the browser come again by itself, from this origin, so that it sends the
// cookies. Only pages of this origin may frame the answer.
func (c *call) again() error {
	address := c.r.URL.RequestURI()
	c.w.Header().Set("Refresh", "0; url="+address)
	return c.writeFrame(http.StatusOK, frame{Title: "Continue", framed: true}, againTemplate, address)
}
