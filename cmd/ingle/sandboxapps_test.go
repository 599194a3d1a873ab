package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/apps/kit"
	risk "github.com/inglehealth/ingle/apps/risk/app"
	chart "github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store/sqlite"
)

// sandboxWithApps starts a sandbox that keeps its records in a folder, and returns its
// password and where the apps are.
func sandboxWithApps(t *testing.T, folder, listen string) (printed string) {
	t.Helper()
	_, printed = started(t, regexp.MustCompile(`(Chart at http://\S+)`), "ingle", "serve", "--sandbox", castAlone, "--data", folder, "--listen", listen)
	return printed
}

func TestASandboxServesTheSampleAppsReadyToLaunch(t *testing.T) {
	listen := "127.0.0.1:" + freePort(t)
	printed := sandboxWithApps(t, t.TempDir(), listen)
	iss := "http://" + strings.Replace(listen, "127.0.0.1", "localhost", 1) + "/fhir"
	for app, want := range map[string]string{"Growth and vitals": "Length or height", "Cardiovascular risk": "Not enough is known", "Chart": "Latest vital signs"} {
		at := regexp.MustCompile(`(?m)^  ` + app + ` at (http://127\.0\.0\.1:\d+)$`).FindStringSubmatch(printed)
		if at == nil {
			t.Fatalf("it does not say where %s is:\n%s", app, printed)
		}
		b := newBrowser(t)
		choice := b.open(at[1]+"/launch?iss="+url.QueryEscape(iss)).fill("as", "okafor").submit("")
		shown := choice.fill("patient", "emma").submit("").submit("allow")
		shown.has("Emma", want)
		if host := shown.address.Hostname(); host != "127.0.0.1" {
			t.Errorf("%s is at the host %s", app, host)
		}
		b.open(strings.TrimSuffix(iss, "/fhir")+"/gallery").has(app, "Ingle")
	}
}

func TestASandboxThatIsStartedAgainKeepsWhatWasDecidedOfItsApps(t *testing.T) {
	c := openClinic(t)
	plan := risk.Plan()
	for i, address := range []string{"http://127.0.0.1:8091", "http://127.0.0.1:8099"} {
		key, err := chart.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		if err := registerApp(t.Context(), c.identity, servedApp{plan: plan, address: address}, key); err != nil {
			t.Fatal(err)
		}
		got, err := c.identity.Client(t.Context(), clientID(plan))
		if err != nil {
			t.Fatal(err)
		}
		if !got.Approved || got.Suspended != (i == 1) || got.LaunchURI != address+"/launch" || got.Redirects[0] != kit.Redirect(address) ||
			got.Description != plan.Purpose || len(got.Released) != 1 || !strings.Contains(string(got.JWKS), key.Public().Keys[0].KeyID) {
			t.Errorf("start %d: %+v", i, got)
		}
		if err := c.identity.SuspendClient(t.Context(), clientID(plan)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASandboxBeyondLoopbackHasNoSampleApps(t *testing.T) {
	for _, base := range []string{"https://localhost:8080", "http://ehr.example", "https://ehr.example"} {
		if apps, err := new(authorization).startApps(t.Context(), &Main{}, base); apps != nil || err != nil {
			t.Errorf("%s: %v, %v", base, apps, err)
		}
	}
}

func TestASandboxThatIsNotAtItsPublicURLGoesWithoutSampleApps(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	nowhere := "http://127.0.0.1:" + freePort(t)
	in, err := identity.Open(t.Context(), identity.Config{Store: store, Issuer: nowhere, Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key"))})
	if err != nil {
		t.Fatal(err)
	}
	a := &authorization{services: map[string]*identity.Service{"": in}, house: &pages.House{Log: slog.New(slog.DiscardHandler)}}
	if apps, err := a.startApps(t.Context(), &Main{}, nowhere); apps != nil || err != nil {
		t.Errorf("%v, %v", apps, err)
	}
}

// The apps are for whatever server they are pointed at.
func TestAnAppPointedAtASecondServerShowsWhatChangesThere(t *testing.T) {
	first, second := openClinic(t), openClinic(t)
	server := httptest.NewUnstartedServer(nil)
	self := "http://" + server.Listener.Addr().String()
	client, err := kit.Register(t.Context(), risk.Plan(), second.discover(), self)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.identity.ApproveClient(t.Context(), client.ID); err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = kit.New(risk.Plan(), client, self)
	server.Start()
	t.Cleanup(server.Close)

	b := newBrowser(t)
	b.open(self + "/launch?iss=" + url.QueryEscape(first.base)).has("Another server")
	shown := b.open(self+"/launch?iss="+url.QueryEscape(second.base)).fill("login", "maria", "password", sandboxPassword).submit("").submit("allow")
	shown.has("Cardiovascular disease, 10 years", `id="total"`)
	if strings.Contains(shown.text, `value="212"`) {
		t.Fatal("the value is there before it was written")
	}

	today := time.Now().UTC().Format(time.DateOnly)
	token, err := second.identity.CreateToken(t.Context(), "test", smart.Scopes{"system/*.cruds"}, sandboxTokenLife)
	if err != nil {
		t.Fatal(err)
	}
	status, body := send(t.Context(), http.DefaultClient, http.MethodPost, second.base+"/Observation", `{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/maria"},
		"code":{"coding":[{"system":"http://loinc.org","code":"2093-3"}],"text":"Cholesterol"},"effectiveDateTime":"`+today+`","valueQuantity":{"value":212,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`,
		"Authorization", "Bearer "+token)
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	again := b.open(shown.address.String())
	again.has(`name="total" value="212"`, today)
}

func TestWhatAGalleryShowsCanBeSaidOnTheCommandLine(t *testing.T) {
	m := &clientAdd{Name: "App", URI: "https://app.example", About: "Shows things.", Publisher: "Somebody", Category: []string{"Heart"}, Release: "2.1"}
	c, err := m.client()
	if err != nil || c.URI != m.URI || c.Description != m.About || c.Publisher != m.Publisher || len(c.Categories) != 1 || c.Release != m.Release {
		t.Errorf("%+v, %v", c, err)
	}
}
