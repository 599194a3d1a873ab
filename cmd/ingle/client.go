package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

type clientCommand struct {
	Add     clientAdd     `cmd:"" help:"Register an app or a backend service; it may be used at once."`
	List    clientList    `cmd:"" help:"List apps and services, and those that wait for approval."`
	Show    clientShow    `cmd:"" help:"Show all that is registered of one, as JSON."`
	Approve clientApprove `cmd:"" help:"Approve a registration."`
	Suspend clientSuspend `cmd:"" help:"Shut an app out at once; its tokens are refused until it is resumed."`
	Resume  clientResume  `cmd:"" help:"Let a suspended app in again."`
	Secret  clientSecret  `cmd:"" help:"Replace the secret of an app and print the new one."`
	Keys    clientKeys    `cmd:"" help:"Replace the public keys of an app or a service that signs assertions."`
	Except  clientExcept  `cmd:"" help:"Except a confidential app of SMART 1 from PKCE until a day."`
	Tokens  clientTokens  `cmd:"" help:"Say how long the tokens of an app last."`
	Delete  clientDelete  `cmd:"" help:"Delete an app with all its tokens."`
}

type clientAdd struct {
	identityFlags
	Name       string   `arg:"" help:"Name that users see."`
	ID         string   `name:"id" placeholder:"ID" help:"Its client_id. Default: one that is made up."`
	Redirect   []string `sep:"none" placeholder:"URI" help:"Where users come back to; exactly this, but for the port of http://127.0.0.1. May be repeated."`
	Launch     string   `placeholder:"URI" help:"Where an EHR launches it."`
	PostLogout []string `sep:"none" placeholder:"URI" help:"Where users may be sent after signing out. May be repeated."`
	Origin     []string `sep:"none" placeholder:"ORIGIN" help:"Origin of a browser app, beside those of --redirect. May be repeated."`
	Scope      string   `help:"Scopes that it may be granted, separated by spaces. Default: what an app with a user may ask for."`
	Secret     bool     `help:"A confidential app that proves itself by a secret, which is printed once."`
	Post       bool     `help:"It sends its secret in the body instead of the Authorization header."`
	JWKS       []byte   `name:"jwks" type:"filecontent" placeholder:"FILE" help:"A confidential app or service that signs assertions: its public keys, a JWK Set."`
	JWKSURI    string   `name:"jwks-uri" placeholder:"URL" help:"The same, and where its keys are."`
	OwnBanner  bool     `help:"It wants to show who the patient is when it is opened in a chart: it is told need_patient_banner."`
	Backend    bool     `help:"A backend service, without users: client_credentials. It takes --jwks or --jwks-uri and --scope with system/ scopes."`
	URI        string   `name:"uri" placeholder:"URL" help:"Its home page."`
	About      string   `name:"description" placeholder:"TEXT" help:"What it is for, in a sentence, for the gallery of apps."`
	Publisher  string   `placeholder:"NAME" help:"Who made it, for the gallery."`
	Category   []string `sep:"none" placeholder:"NAME" help:"A category of the gallery, such as Heart or Children. May be repeated."`
	Release    string   `placeholder:"VERSION" help:"Its version, for the gallery."`
	Purpose    []string `placeholder:"CODE" help:"Purpose of use that it may ask for (v3-ActReason), such as HRESCH. May be repeated. Default: what its users' roles are for; HOPERAT for a backend service."`
	lifetimes
}

// lifetimes are how long the tokens of an app last; 0 for the default.
type lifetimes struct {
	AccessFor  time.Duration `placeholder:"1h" help:"How long its access tokens last: an hour unless less is said, for a backend service 5 minutes."`
	RefreshFor time.Duration `placeholder:"4320h" help:"How long its refresh tokens last after their last use: 180 days unless another number of hours is said, 2160 or more."`
}

// defaultScopes is what an app with a user may be granted when nothing is said.
const defaultScopes = "openid fhirUser profile launch launch/patient launch/encounter online_access offline_access patient/*.cruds user/*.cruds"

func (c *clientAdd) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "client add", c) }

func (c *clientAdd) client() (*identity.Client, error) {
	scope := c.Scope
	if scope == "" {
		if c.Backend {
			return nil, usage("--backend takes --scope, for example --scope 'system/Patient.rs system/Observation.rs'")
		}
		scope = defaultScopes
	}
	scopes, err := smart.ParseScopes(scope)
	if err != nil {
		return nil, usage("--scope: %v", err)
	}
	client := &identity.Client{
		ID: c.ID, Name: c.Name, Auth: identity.AuthNone, Redirects: c.Redirect, LaunchURI: c.Launch, OwnBanner: c.OwnBanner, PostLogout: c.PostLogout, Origins: c.Origin,
		Scopes: scopes, Grants: []identity.GrantType{identity.AuthorizationCode, identity.RefreshToken}, Approved: true, JWKSURI: c.JWKSURI,
		Purposes: c.Purpose, AccessFor: c.AccessFor, RefreshFor: c.RefreshFor,
		URI: c.URI, Description: c.About, Publisher: c.Publisher, Categories: c.Category, Release: c.Release,
	}
	switch {
	case (len(c.JWKS) > 0 || c.JWKSURI != "") && (c.Secret || c.Post):
		return nil, usage("--secret and --jwks exclude each other")
	case len(c.JWKS) > 0 || c.JWKSURI != "":
		client.Auth = identity.AuthAsymmetric
	case c.Post:
		client.Auth = identity.AuthPost
	case c.Secret:
		client.Auth = identity.AuthBasic
	}
	if len(c.JWKS) > 0 {
		client.JWKS = c.JWKS
	}
	if c.Backend {
		client.Grants = []identity.GrantType{identity.ClientCredentials}
	}
	return client, nil
}

func (c *clientAdd) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	secret, err := in.CreateClient(ctx, client)
	if err != nil {
		return err
	}
	rows := [][]string{{"client_id", client.ID}}
	if secret != "" {
		rows = append(rows, []string{"client_secret", secret + "   (shown this once)"})
	}
	return lines(out, append(rows, []string{"FHIR server", in.FHIRBase()}))
}

type clientList struct{ identityFlags }

func (c *clientList) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client list", c)
}

func (c *clientList) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	rows := [][]string{{"CLIENT_ID", "NAME", "PROVES ITSELF BY", "GRANTS", ""}}
	err := in.Clients(ctx, "", func(one *identity.Client) error {
		state := ""
		switch {
		case one.Suspended:
			state = "suspended"
		case !one.Approved:
			state = "waits for approval"
		}
		rows = append(rows, []string{one.ID, one.Name, string(one.Auth), joined(one.Grants), state})
		return nil
	})
	if err != nil {
		return err
	}
	return lines(out, rows)
}

// oneClient is the argument of commands about one client.
type oneClient struct {
	identityFlags
	ID string `arg:"" name:"client-id" help:"Its client_id."`
}

type clientShow struct{ oneClient }

func (c *clientShow) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client show", c)
}

func (c *clientShow) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	one, err := in.Client(ctx, c.ID)
	if err != nil {
		return err
	}
	one.SecretHash = ""
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(one) //nolint:gosec // G117: without the hash of the secret, which the line above takes out
}

type clientApprove struct{ oneClient }

func (c *clientApprove) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client approve", c)
}

func (c *clientApprove) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return told(in.ApproveClient(ctx, c.ID), out, "%s is approved.", c.ID)
}

// told prints what was done, unless it failed.
func told(err error, out io.Writer, format string, args ...any) error {
	if err == nil {
		_, err = fmt.Fprintf(out, format+"\n", args...)
	}
	return err
}

type clientSuspend struct{ oneClient }

func (c *clientSuspend) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client suspend", c)
}

func (c *clientSuspend) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return told(in.SuspendClient(ctx, c.ID), out, "%s is suspended.", c.ID)
}

type clientResume struct{ oneClient }

func (c *clientResume) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client resume", c)
}

func (c *clientResume) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return told(in.ResumeClient(ctx, c.ID), out, "%s may be used again.", c.ID)
}

type clientSecret struct{ oneClient }

func (c *clientSecret) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client secret", c)
}

func (c *clientSecret) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	secret, err := in.ReplaceSecret(ctx, c.ID)
	return told(err, out, "client_secret  %s   (shown this once)", secret)
}

type clientKeys struct {
	oneClient
	JWKS    []byte `name:"jwks" type:"filecontent" placeholder:"FILE" help:"The keys, a JWK Set, or"`
	JWKSURI string `name:"jwks-uri" placeholder:"URL" help:"where they are."`
}

func (c *clientKeys) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client keys", c)
}

func (c *clientKeys) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return told(in.ReplaceKeys(ctx, c.ID, c.JWKS, c.JWKSURI), out, "%s has new keys; the old ones are refused.", c.ID)
}

type clientExcept struct {
	oneClient
	Until string `required:"" placeholder:"YYYY-MM-DD" help:"The last day."`
}

func (c *clientExcept) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client except", c)
}

func (c *clientExcept) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(c.Until))
	if err != nil {
		return usage("--until %s is not a day: it looks like 2026-12-31", c.Until)
	}
	one, err := in.Client(ctx, c.ID)
	if err != nil {
		return err
	}
	one.NoPKCEUntil = day.AddDate(0, 0, 1)
	return told(in.UpdateClient(ctx, one), out, "%s may leave out PKCE until %s.", c.ID, day.Format(time.DateOnly))
}

type clientTokens struct {
	oneClient
	lifetimes
}

func (c *clientTokens) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client tokens", c)
}

func (c *clientTokens) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	one, err := in.Client(ctx, c.ID)
	if err != nil {
		return err
	}
	one.AccessFor, one.RefreshFor = c.AccessFor, c.RefreshFor
	return told(in.UpdateClient(ctx, one), out, "%s gets tokens that last so long from now on.", c.ID)
}

type clientDelete struct{ oneClient }

func (c *clientDelete) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "client delete", c)
}

func (c *clientDelete) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return told(in.DeleteClient(ctx, c.ID), out, "%s is deleted, and all its tokens.", c.ID)
}
