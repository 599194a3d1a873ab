package fhirapi

import (
	_ "embed" // the page
	"html/template"
	"net/http"

	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
)

// documentation is where the project says how everything works.
const documentation = "https://github.com/inglehealth/ingle#readme"

//go:embed page/home.html
var homeText string

var homePage = template.Must(template.New("home").Parse(homeText))

// home tells people who come with a browser what this server is, at the root of a
// tenant, where no other pages are. Programs find nothing there.
func (a *API) home(w http.ResponseWriter, r *http.Request) {
	door, ok := a.config.Tenants.Door(r.PathValue("tenant"))
	if !ok {
		web.Fail(w, r, errTenant())
		return
	}
	var f format
	if err := f.negotiate(r.Header.Values("Accept"), "", func(definitions.Release) bool { return true }); err != nil || !f.browser {
		web.NotFound(w, r)
		return
	}
	page := struct{ FHIR, Documentation string }{FHIR: door.Base(), Documentation: documentation}
	if err := web.WritePage(w, http.StatusOK, "Ingle", homePage, page); err != nil {
		web.Fail(w, r, err)
	}
}
