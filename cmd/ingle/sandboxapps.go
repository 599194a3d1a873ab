package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"

	chart "github.com/inglehealth/ingle/apps/chart/app"
	growth "github.com/inglehealth/ingle/apps/growth/app"
	"github.com/inglehealth/ingle/apps/kit"
	risk "github.com/inglehealth/ingle/apps/risk/app"
	smartapp "github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// sandboxApps are the sample apps that a sandbox serves, each at an origin of its own:
// 127.0.0.1, since the sandbox goes by localhost, and cookies know hosts, not ports.
func sandboxApps() []*kit.Plan { return []*kit.Plan{growth.Plan(), risk.Plan(), chart.Plan()} }

// The ports of the apps are the first free ones of these, and after them any.
const (
	firstAppPort = 8091
	lastAppPort  = 8190
)

// servedApp is an app that runs.
type servedApp struct {
	plan     *kit.Plan
	address  string
	listener net.Listener
}

// startApps serves the sample apps and registers them, so that a launch needs nothing
// else. base is the server's public URL, where it answers already. What is not on
// loopback has none: nobody else could reach them.
func (a *authorization) startApps(ctx context.Context, m *Main, base string) ([]servedApp, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" || !isLoopback(u.Hostname()) {
		return nil, nil
	}
	in := a.service("")
	server, err := smartapp.Discover(ctx, in.FHIRBase(), smartapp.Options{})
	if err != nil { // the public URL may lead elsewhere, or be served later
		a.house.Log.Warn("there are no sample apps: the server is not reached at its public URL", "error", err)
		return nil, nil
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	m.onClose(func() error {
		stop()
		running.Wait()
		return nil
	})
	var all []servedApp
	for _, plan := range sandboxApps() {
		app := servedApp{plan: plan}
		if app.listener, err = listenForApp(ctx); err != nil {
			return nil, fmt.Errorf("sample app %s: %w", plan.ID, err)
		}
		app.address = "http://" + app.listener.Addr().String()
		key, err := smartapp.NewKey()
		if err == nil {
			err = registerApp(ctx, in, app, key)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("sample app %s: %w", plan.ID, err), app.listener.Close())
		}
		handler := kit.New(plan, &smartapp.Client{Server: server, ID: clientID(plan), Auth: key, Redirect: kit.Redirect(app.address)}, app.address)
		running.Go(func() {
			if err := kit.Serve(ctx, app.listener, handler); err != nil {
				a.house.Log.Error("a sample app ended", "app", plan.ID, "error", err)
			}
		})
		all = append(all, app)
	}
	return all, nil
}

// clientID is the client_id of a sample app.
func clientID(p *kit.Plan) string { return "sample-" + p.ID }

func listenForApp(ctx context.Context) (net.Listener, error) {
	for port := firstAppPort; port <= lastAppPort; port++ {
		if l, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l, nil
		}
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
}

// registerApp makes an app a client that is approved; or gives one that was made
// before the address and the key of this start, and leaves the rest to the
// administrators.
func registerApp(ctx context.Context, in *identity.Service, app servedApp, key *smartapp.Key) error {
	keys, err := json.Marshal(key.Public())
	if err != nil {
		return err
	}
	p := app.plan
	fresh := &identity.Client{
		ID: clientID(p), Approved: true, Auth: identity.AuthAsymmetric,
		Grants: []identity.GrantType{identity.AuthorizationCode, identity.RefreshToken},
		Scopes: append(smart.Scopes{smart.Launch, smart.LaunchPatient, smart.OpenID, smart.FHIRUser, smart.OnlineAccess, smart.OfflineAccess}, p.Scopes...),
	}
	c, err := in.Client(ctx, clientID(p))
	made := errors.Is(err, identity.ErrNoClient)
	switch {
	case made:
		c = fresh
	case err != nil:
		return err
	}
	c.Name, c.Description, c.Publisher, c.Categories = p.Name, p.Purpose, "Ingle", p.Categories
	c.SoftwareID, c.Release = kit.SoftwareID(p), p.Version
	c.JWKS, c.Redirects, c.LaunchURI = keys, []string{kit.Redirect(app.address)}, app.address+"/launch"
	c.URI, c.LogoURI = app.address, app.address+"/logo.svg"
	if made {
		_, err = in.CreateClient(ctx, c)
		return err
	}
	return in.UpdateClient(ctx, c)
}

// greetApps says where the apps are.
func greetApps(out io.Writer, all []servedApp) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(out, "Sample apps, registered and approved:")
	for _, app := range all {
		fmt.Fprintf(out, "  %s at %s\n", app.plan.Name, app.address)
	}
}
