package pages

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/inglehealth/ingle/identity"
)

var startTemplate = Parse(pageFiles, "start.html")

// door is an entrance on the start page.
type door struct {
	Entrance
	Address string
	Open    bool
	// As is the user of the sandbox as whom the visitor can go in; nil for none.
	As *identity.User
}

// showStart says what is here, and offers the rooms.
func showStart(v *Visit) error {
	users, err := v.Identity.SandboxUsers(v.R.Context())
	if err != nil {
		return err
	}
	page := struct {
		Sandbox, SignedIn bool
		Doors             []door
		FHIR, SignIn      string
		Post              string // where a user of the sandbox signs in
	}{
		Sandbox: len(users) > 0, SignedIn: v.User != nil, FHIR: v.Identity.FHIRBase(), Post: v.Path("/account/sign-in"),
		SignIn: v.Path("/account/sign-in") + "?" + url.Values{"next": {"/account"}}.Encode(),
	}
	for _, e := range v.House.Entrances {
		d := door{Entrance: e, Address: v.Path(e.Path), Open: e.Open(v.User)}
		for i := range users {
			if d.As == nil && e.Roles != nil && e.Open(&users[i]) {
				d.As = &users[i]
				d.As.Name = cmp.Or(d.As.Name, d.As.Login)
			}
		}
		page.Doors = append(page.Doors, d)
	}
	return v.Write(http.StatusOK, v.Frame("Start", "", Wide), startTemplate, page)
}
