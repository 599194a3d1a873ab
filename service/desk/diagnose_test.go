package desk_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/placetest"
)

// Each failure comes from the server itself, so that its explanation cannot part from
// what the server says.
func TestEveryFailureOfALaunchIsExplainedWithItsFix(t *testing.T) {
	w := newWorkshop(t, true)
	b, ann := w.enter("dev"), w.enter("ann")
	id, _ := b.register()
	confidential, secret := b.register("kind", "secret")
	trace := func(app string) placetest.Answer { return b.get("/developers/app/" + app + "/trace").want(200) }
	only := func(app string) { // what follows is of this app alone
		t.Helper()
		for _, one := range []string{id, confidential} {
			if err := w.Identity.EndSimulation(t.Context(), one); err != nil {
				t.Fatal(err)
			}
		}
		trace(app)
		b.post("/developers/app/"+app+"/trace", "do", "record").want(303)
	}
	forget := func(app string) {
		t.Helper()
		trace(app)
		b.post("/developers/app/"+app+"/trace", "do", "forget").want(303)
	}
	only(id)
	for _, c := range []struct {
		name, value string
		texts       []string
	}{
		{"client_id", "nobody", []string{"The client_id “nobody” is none that is registered", "Send the client_id that the page of the app shows"}},
		{"redirect_uri", back + "/", []string{"redirect_uri mismatch", "to the letter", "Register this address"}},
		{"redirect_uri", "", []string{"There is no redirect_uri", back}},
		{"code_challenge", "", []string{"PKCE is missing or wrong", "code_challenge_method=S256"}},
		{"code_challenge_method", "plain", []string{"PKCE is missing or wrong"}},
		{"aud", "https://other.example/fhir", []string{"aud “https://other.example/fhir” is not the FHIR server", "Send aud=" + w.URL + "/fhir"}},
		{"aud", "", []string{"aud is missing", "Send aud=" + w.URL + "/fhir"}},
		{"scope", "patient/Nonsense.rs", []string{"None of the scopes is known here", "Ask for scopes that the app is registered for"}},
		{"scope", "user/*.cruds", []string{"Ask for scopes that the app is registered for"}},
		{"launch", "igl_la_old", []string{"The launch parameter is not, or no longer, good", "Launch again"}},
		{"response_type", "token", []string{"Send response_type=code"}},
		{"state", "", []string{"There is no state"}},
	} {
		ask := w.asking(id)
		if ask.Set(c.name, c.value); c.value == "" {
			ask.Del(c.name)
		}
		b.send("GET", "/auth/authorize?"+ask.Encode(), nil)
		trace(id).Has(c.texts...)
		forget(id)
	}

	form := func(code string, pairs ...string) url.Values {
		f := url.Values{"grant_type": {"authorization_code"}, "client_id": {id}, "code": {code}, "redirect_uri": {back}, "code_verifier": {verifier}}
		for i := 0; i < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return f
	}
	fresh := func() string { return ann.allow(withPrompt(w.asking(id))) }
	for _, c := range []struct {
		form  url.Values
		texts []string
	}{
		{form(fresh(), "code_verifier", "another-verifier-that-is-long-enough-to-be-one-0123456789"), []string{"the code_verifier is missing, or is not the one", "Keep the code_verifier"}},
		{form(fresh(), "redirect_uri", "https://app.example/other"), []string{"Send the redirect_uri of the authorization request again"}},
		{form("igl_ac_nothing"), []string{"The code is not, or no longer, good", "Exchange it at once"}},
		{url.Values{"client_id": {id}}, []string{"Send grant_type="}},
		{url.Values{"client_id": {id}, "grant_type": {"client_credentials"}}, []string{"Use the grant types that the app is registered for"}},
		{url.Values{"client_id": {id}, "grant_type": {"refresh_token"}, "refresh_token": {"igl_rt_nothing"}}, []string{"The refresh token is not, or no longer, good"}},
	} {
		b.send("POST", "/auth/token", c.form)
		trace(id).Has(c.texts...)
		forget(id)
	}
	late := fresh()
	w.Pass(5 * time.Minute)
	b.send("POST", "/auth/token", form(late)).want(400)
	trace(id).Has("The code is not, or no longer, good", "A code lives for a minute")
	again := fresh()
	b.tokens(id, again)
	b.send("POST", "/auth/token", form(again)).want(400)
	trace(id).Has("This one was sent before")

	b.send("POST", "/auth/token", form("x"), "Origin", "https://elsewhere.example")
	trace(id).Has("The page at https://elsewhere.example asked", "(CORS)")
	forget(id)
	b.send("OPTIONS", "/fhir/Patient", nil, "Origin", "https://elsewhere.example", "Access-Control-Request-Method", "GET")
	trace(id).Has("A browser asked whether a page may call /fhir/Patient", "Register a redirect address at https://elsewhere.example")
	forget(id)
	b.send("GET", "/fhir/Patient/ann", nil).want(401)
	trace(id).Has("There is no access token")
	forget(id)
	ask := w.asking(id)
	ask.Set("scope", "launch/patient patient/Patient.rs patient/Nonsense.rs")
	token := b.tokens(id, ann.allow(withPrompt(ask)))["access_token"].(string)
	trace(id).Has("Asked for and not granted: patient/Nonsense.rs")
	b.send("GET", "/fhir/Observation?patient=ann", nil, "Authorization", "Bearer "+token).want(403)
	trace(id).Has("Ask for a scope that allows it, such as patient/Observation.rs")
	b.send("GET", "/fhir/Patient/bob", nil, "Authorization", "Bearer "+token).want(404)
	trace(id).Has("both look the same")
	forget(id)
	if err := w.Identity.Simulate(t.Context(), identity.Simulation{Client: id, Fail: identity.FailExpired}); err != nil {
		t.Fatal(err)
	}
	w.Pass(identity.ExpiredAfter)
	b.send("GET", "/fhir/Patient/ann", nil, "Authorization", "Bearer "+token).want(401)
	trace(id).Has("This error was injected", "should refresh the token")

	only(confidential)
	b.send("POST", "/auth/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {confidential}, "code": {"x"}}).want(401)
	trace(confidential).Has("The client could not be authenticated", "Prove who the app is")
	forget(confidential)
	b.send("POST", "/auth/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {confidential}, "client_secret": {secret + "x"}, "code": {"x"}}).want(401)
	trace(confidential).Has("The client could not be authenticated").Lacks(secret)
}

// withPrompt has the user asked, whatever was allowed before.
func withPrompt(ask url.Values) url.Values {
	ask.Set("prompt", "consent")
	return ask
}
