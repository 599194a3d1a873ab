package auth

import (
	"html/template"
	"net/http"
)

// fromFrame says whether an app that a page shows in a frame led the browser here.
// Browsers keep the cookies of the session back then.
func (c *call) fromFrame() bool {
	return c.r.Method == http.MethodGet && c.inFrame() && c.r.Header.Get("Sec-Fetch-Site") == "cross-site"
}

// inFrame says whether the browser loads a page into a frame. Pages that ask
// something then let those of this origin, and no others, frame them.
func (c *call) inFrame() bool { return c.r.Header.Get("Sec-Fetch-Dest") == "iframe" }

var againTemplate = template.Must(template.New("again").Parse(`<h1>Continue</h1><p role="status"><a href="{{.}}">Continue</a></p>`))

// again has the browser come again by itself, from this origin, so that it sends the
// cookies. Only pages of this origin may frame the answer.
func (c *call) again() error {
	address := c.r.URL.RequestURI()
	c.w.Header().Set("Refresh", "0; url="+address)
	return c.writeFrame(http.StatusOK, frame{Title: "Continue", framed: true}, againTemplate, address)
}
