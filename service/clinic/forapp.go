package clinic

import (
	"net/url"

	"github.com/inglehealth/ingle/service/pages"
)

// forApp is the app for which a patient is looked for, as the gallery leads here
// (?app=ID); ok is false for none that can be launched.
func forApp(v *pages.Visit) (a app, ok bool) {
	id := v.Query.Get("app")
	if id == "" {
		return app{}, false
	}
	c, err := v.Identity.Client(v.R.Context(), id)
	if err != nil { // then it is not offered
		return app{}, false
	}
	return launchable(c)
}

// toward adds to an address of the search what app it is for.
func toward(address string, a app) string {
	u, err := url.Parse(address)
	if a.ID == "" || err != nil {
		return address
	}
	q := u.Query()
	q.Set("app", a.ID)
	u.RawQuery = q.Encode()
	return u.String()
}

// openWith has patients lead to the apps of their charts.
func openWith(all []found, a app) {
	if a.ID == "" {
		return
	}
	for i := range all {
		all[i].Address = toward(all[i].Address+"/apps", a)
	}
}
