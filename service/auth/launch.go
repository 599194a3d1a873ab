package auth

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// launchRequest is what an outside EHR says to launch an app.
type launchRequest struct {
	Client string `json:"client_id"`
	// User is the login of the user here, or FHIRUser a resource that the user
	// is: Practitioner/123.
	User     string `json:"user"`
	FHIRUser string `json:"fhirUser"`
	smart.Context
}

// launchAnswer is what the EHR opens.
type launchAnswer struct {
	Launch    string `json:"launch"`
	URL       string `json:"launch_url,omitempty"` // "" when the app has not registered where it is launched
	ExpiresIn int64  `json:"expires_in"`
}

// launch keeps the context of a launch by an outside EHR, which has a token with
// the scope __launch.
func (c *call) launch() error {
	access, err := c.scoped(identity.ScopeLaunch)
	if err != nil {
		return err
	}
	t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || t != "application/json" {
		return identity.Refuse(identity.InvalidRequest, "send the launch as application/json")
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	var q launchRequest
	if err := json.Unmarshal(body, &q); err != nil {
		return identity.Refuse(identity.InvalidRequest, "the launch is not a JSON object: %v", err)
	}
	user, err := c.launchUser(q)
	if err != nil {
		return err
	}
	handle, err := c.Identity.RegisterLaunch(c.r.Context(), identity.Launch{Client: q.Client, User: user, Context: q.Context, By: access.Client})
	if err != nil {
		return err
	}
	client, err := c.Identity.Client(c.r.Context(), q.Client)
	if err != nil {
		return err
	}
	answer := launchAnswer{Launch: handle, ExpiresIn: int64(identity.LaunchFor.Seconds())}
	if client.LaunchURI != "" {
		// SMART §2.0.7
		answer.URL = withQuery(client.LaunchURI, url.Values{"iss": {c.Identity.FHIRBase()}, "launch": {handle}})
	}
	return c.writeJSON(http.StatusCreated, answer)
}

// launchUser finds the id of the user that a launch is for.
func (c *call) launchUser(q launchRequest) (string, error) {
	if q.User != "" {
		u, err := c.Identity.UserByLogin(c.r.Context(), q.User)
		if isNotFound(err) {
			return "", identity.Refuse(identity.InvalidRequest, "user: nobody here has this login")
		}
		if err != nil {
			return "", err
		}
		return u.ID, nil
	}
	typ, id, ok := strings.Cut(q.FHIRUser, "/")
	if !ok || !fhir.ID(id).Valid() || c.Door.ReleaseOf(fhir.Type(typ)) == "" {
		return "", identity.Refuse(identity.InvalidRequest, "user or fhirUser is missing: the login of the user here, or Practitioner/id")
	}
	found, err := c.Identity.UsersLinked(c.r.Context(), fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, "", 2)
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", identity.Refuse(identity.InvalidRequest, "fhirUser: not exactly one user here is this resource")
	}
	return found[0].ID, nil
}
