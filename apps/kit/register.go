package kit

import (
	"context"

	"github.com/inglehealth/ingle/client/smart"
)

// Register registers the app at a server, as a public client (RFC 7591). self is
// its own URL.
func Register(ctx context.Context, p *Plan, server *smart.Server, self string) (*smart.Client, error) {
	made, err := server.Register(ctx, smart.Registration{
		Name:           p.Name,
		URI:            self,
		LogoURI:        self + "/logo.svg",
		Redirects:      []string{Redirect(self)},
		LaunchURI:      self + "/launch",
		Authentication: "none",
		GrantTypes:     []string{"authorization_code", "refresh_token"},
		ResponseTypes:  []string{"code"},
		Scope:          p.allScopes(server).String(),
		SoftwareID:     SoftwareID(p),
		Version:        p.Version,
	}, "")
	if err != nil {
		return nil, err
	}
	return &smart.Client{Server: server, ID: made.ID, Redirect: Redirect(self)}, nil
}

// SoftwareID names the app wherever it is registered.
func SoftwareID(p *Plan) string { return "health.ingle.apps." + p.ID }

// Redirect is the redirect_uri of an app at a URL.
func Redirect(self string) string { return self + "/callback" }
