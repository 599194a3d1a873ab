package app

import (
	"context"

	"github.com/inglehealth/ingle/client/smart"
)

// Register registers the app at a server, as a public client (RFC 7591). self is
// its own URL.
func Register(ctx context.Context, server *smart.Server, self string) (*smart.Client, error) {
	all := append(scopes(server, true), scopes(server, false)...)
	made, err := server.Register(ctx, smart.Registration{
		Name:           "Chart",
		URI:            self,
		Redirects:      []string{Redirect(self)},
		LaunchURI:      self + "/launch",
		Authentication: "none",
		GrantTypes:     []string{"authorization_code", "refresh_token"},
		ResponseTypes:  []string{"code"},
		Scope:          all.String(),
	}, "")
	if err != nil {
		return nil, err
	}
	return Client(server, made.ID, self), nil
}

// Client is the app as it is registered.
func Client(server *smart.Server, id, self string) *smart.Client {
	return &smart.Client{Server: server, ID: id, Redirect: Redirect(self)}
}

// Redirect is the redirect_uri.
func Redirect(self string) string { return self + "/callback" }

// scopes are what the app asks for: to read what it shows, and to go on reading
// while its user is signed in, or longer if the server knows nothing else.
func scopes(server *smart.Server, ehr bool) smart.Scopes {
	s := smart.Scopes{"launch/patient", "openid", "fhirUser", "offline_access", "patient/Patient.r", "patient/Condition.rs", "patient/Observation.rs"}
	if ehr {
		s[0] = "launch"
	}
	if server.Configuration.Has("permission-online") {
		s[3] = "online_access"
	}
	return s
}
