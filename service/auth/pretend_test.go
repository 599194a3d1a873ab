package auth_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/auth"
)

// sandbox makes the place one where users sign in by name alone.
func sandbox(c *identity.Config, _ *auth.Config) { c.Sandbox = []string{"ann", "noor"} }

// pretends starts a simulation.
func (p *place) pretends(m identity.Simulation) {
	p.t.Helper()
	if err := p.identity.Simulate(p.t.Context(), m); err != nil {
		p.t.Fatal(err)
	}
}

const everything = "openid launch/patient offline_access patient/Patient.read patient/Observation.cruds"

func TestASimulationRefusesAnAuthorization(t *testing.T) {
	p := practice(t, sandbox)
	c, _ := p.register()
	for fail, want := range map[identity.Failure]string{identity.FailDenied: "access_denied", identity.FailScope: "invalid_scope"} {
		p.pretends(identity.Simulation{Client: c.ID, Fail: fail})
		back := p.browser().open(p.ask(c, everything)).location().Query()
		if back.Get("error") != want || back.Get("state") != "st=ate &1" {
			t.Errorf("%s: %v", fail, back)
		}
	}
	if err := p.identity.EndSimulation(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	p.tokens(c, everything, "ann")
}

func TestASimulatedRecordSystemGrantsWhatItKnows(t *testing.T) {
	p := practice(t, sandbox)
	grants := func(m identity.Simulation) (scope string, refresh any) {
		c, _ := p.register()
		m.Client = c.ID
		p.pretends(m)
		got := p.tokens(c, everything, "ann")
		return got["scope"].(string), got["refresh_token"]
	}
	if scope, _ := grants(identity.Simulation{V1: true}); strings.Contains(scope, "cruds") || !strings.Contains(scope, "patient/Patient.read") {
		t.Errorf("one that knows SMART 1 only grants %s", scope)
	}
	if scope, refresh := grants(identity.Simulation{NoRefresh: true}); strings.Contains(scope, "offline_access") || refresh != nil {
		t.Errorf("one without refresh tokens grants %s, %v", scope, refresh)
	}
	if scope, refresh := grants(identity.Simulation{ReadOnly: true}); strings.Contains(scope, "cruds") || !strings.Contains(scope, "patient/Observation.rs") || refresh == nil {
		t.Errorf("one that only reads grants %s", scope)
	}
	if scope, _ := grants(identity.Simulation{}); !strings.Contains(scope, "patient/Observation.cruds") {
		t.Errorf("one that only traces grants %s", scope)
	}
}

func TestDiscoveryTellsOfASimulationAtItsOwnBaseAlone(t *testing.T) {
	p := practice(t, sandbox)
	one, _ := p.register()
	other, _ := p.register()
	// Both developers come from one address.
	p.pretends(identity.Simulation{Client: one.ID, V1: true, NoRefresh: true, Address: "127.0.0.1"})
	p.pretends(identity.Simulation{Client: other.ID, NoRefresh: true, Address: "127.0.0.1"})
	ask := func(base string) string {
		return p.do(p.client, "GET", base+"/.well-known/smart-configuration", nil).want(200).body
	}
	mine := p.identity.SimulatedBase(one.ID)
	if got := ask(mine); !strings.Contains(got, "patient/*.read") || strings.Contains(got, "*.rs") || strings.Contains(got, "offline") || strings.Contains(got, `"refresh_token"`) || strings.Contains(got, "permission-v2") || !strings.Contains(got, `"`+mine+`"`) {
		t.Errorf("%s tells %s", mine, got)
	}
	if got := ask(p.identity.SimulatedBase(other.ID)); !strings.Contains(got, "patient/*.rs") || strings.Contains(got, "offline") {
		t.Errorf("the other one's tells %s", got)
	}
	for _, base := range []string{p.url + "/fhir", p.url, p.identity.SimulatedBase("nobody")} {
		if base == p.url {
			if got := p.do(p.client, "GET", base+"/.well-known/openid-configuration", nil).want(200).body; !strings.Contains(got, "patient/*.rs") {
				t.Errorf("%s tells somebody else of it: %s", base, got)
			}
			continue
		}
		if got := ask(base); !strings.Contains(got, "patient/*.rs") || !strings.Contains(got, "offline") {
			t.Errorf("%s tells somebody else of it: %s", base, got)
		}
	}
}

func TestTheBaseOfASimulationIsTheRecordSystems(t *testing.T) {
	p := practice(t, sandbox)
	c, _ := p.register()
	other, _ := p.register()
	p.pretends(identity.Simulation{Client: c.ID, NoRefresh: true})
	at := func(client string) url.Values {
		asked := p.ask(c, "launch/patient patient/*.rs")
		asked.Set("aud", p.identity.SimulatedBase(client))
		return asked
	}
	if back := p.browser().open(at(other.ID)).location().Query(); back.Get("error") != "invalid_request" {
		t.Errorf("another app's is taken as aud: %v", back)
	}
	p.browser().open(at(c.ID)).has("Sign in")
	token := p.tokens(c, "launch/patient patient/*.rs", "ann")["access_token"].(string)
	base := p.identity.SimulatedBase(c.ID)
	p.do(p.client, "GET", base+"/Patient/ann", nil, "Authorization", "Bearer "+token).want(200).has("birthDate")
	p.do(p.client, "GET", base+"/Patient?_id=ann", nil, "Authorization", "Bearer "+token).want(200).has(`"total":1`)
	p.do(p.client, "GET", base+"/metadata", nil).want(200).has("CapabilityStatement")
	p.do(p.client, "GET", strings.TrimSuffix(base, "/fhir")+"/auth/jwks", nil).want(404)
}

func TestTheBaseOfASimulationIsFoundInEveryTenantAndHoweverItIsEscaped(t *testing.T) {
	p, tenants := severalTenants(t, []string{"ann"}, "", "east", "simulated")
	for _, tenant := range tenants {
		base := tenant.Identity.SimulatedBase("east")
		for _, at := range []string{base, strings.Replace(base, "/simulated/east", "/simulat%65d/e%61st", 1)} {
			got := p.do(p.client, "GET", at+"/.well-known/smart-configuration", nil).want(200).json()
			if got["issuer"] != tenant.Identity.Issuer() {
				t.Errorf("%s is of %v", at, got["issuer"])
			}
		}
	}
}

func TestASimulationHoldsForTokensThatThereAre(t *testing.T) {
	var waited time.Duration
	p := practice(t, sandbox, func(_ *identity.Config, c *auth.Config) {
		c.Wait = func(_ context.Context, d time.Duration) error {
			waited += d
			return nil
		}
	})
	c, _ := p.register()
	p.put(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"},"referenceRange":[{"text":"high"}]}`)
	token := p.tokens(c, "launch/patient patient/*.cruds", "ann")["access_token"].(string)
	p.fhir("Observation/o", token).want(200).has("referenceRange")

	p.pretends(identity.Simulation{Client: c.ID, Sparse: true, Slow: true, ReadOnly: true})
	if got := p.fhir("Observation/o", token).want(200); strings.Contains(got.body, "referenceRange") {
		t.Errorf("sparse data has %s", got.body)
	}
	if waited == 0 {
		t.Error("a slow record system does not wait")
	}
	p.post("/fhir/Observation", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"}}`, "Authorization", "Bearer "+token).want(403)

	p.pretends(identity.Simulation{Client: c.ID, Fail: identity.FailExpired})
	p.clock.Pass(identity.ExpiredAfter)
	p.fhir("Observation/o", token).want(401)
	// When it is over, all is as it was, in whoever remembers the token, too.
	p.pretends(identity.Simulation{Client: c.ID, Sparse: true, ReadOnly: true, Until: p.clock.Time().Add(time.Minute)})
	if got := p.fhir("Observation/o", token).want(200); strings.Contains(got.body, "referenceRange") {
		t.Error(got.body)
	}
	p.clock.Pass(time.Minute)
	p.fhir("Observation/o", token).want(200).has("referenceRange")
	p.post("/fhir/Observation", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"}}`, "Authorization", "Bearer "+token).want(201)
}

// What a store holds of simulations, because it was a sandbox's, counts for nothing
// where data is real.
func TestNothingIsSimulatedOutsideOfASandbox(t *testing.T) {
	var config identity.Config
	p := practice(t, func(c *identity.Config, _ *auth.Config) { config = *c })
	c, _ := p.register()
	p.do(p.client, "GET", p.identity.SimulatedBase(c.ID)+"/.well-known/smart-configuration", nil).want(404)
	if err := p.identity.Simulate(t.Context(), identity.Simulation{Client: c.ID, Fail: identity.FailDenied}); err == nil || !strings.Contains(err.Error(), "in a sandbox only") {
		t.Errorf("%v", err)
	}
	config.Sandbox = []string{"ann"}
	other, err := identity.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []identity.Simulation{{Fail: identity.FailDenied}, {Fail: identity.FailExpired}, {ReadOnly: true, Sparse: true, V1: true, NoRefresh: true}} {
		m.Client = c.ID
		if err := other.Simulate(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got := p.tokens(c, "launch/patient offline_access patient/*.cruds", "ann")
		if got["scope"] != "launch/patient offline_access patient/*.cruds" || got["refresh_token"] == nil {
			t.Errorf("%v", got)
		}
		token := got["access_token"].(string)
		p.clock.Pass(time.Minute)
		p.fhir("Patient/ann", token).want(200).has("birthDate")
		p.post("/fhir/Observation", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"}}`, "Authorization", "Bearer "+token).want(201)
	}
	if all, err := p.identity.Traced(t.Context(), c.ID); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
}
