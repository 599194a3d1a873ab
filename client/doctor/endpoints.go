package doctor

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// origin is from where a browser's app would call: one that no server knows.
const origin = "https://app.doctor.example"

// endpoints asks the endpoints something that they must refuse, and looks how.
func (e *examination) endpoints(ctx context.Context) {
	if e.configuration == nil {
		e.skip("Endpoints", "there is no smart-configuration")
		return
	}
	if address := text(e.configuration, "token_endpoint"); address != "" {
		e.tokenEndpoint(ctx, address)
	}
	if address := text(e.configuration, "authorization_endpoint"); address != "" {
		e.authorizationEndpoint(ctx, address)
	}
	for _, name := range []string{"introspection_endpoint", "revocation_endpoint"} {
		address := text(e.configuration, name)
		if address == "" {
			continue
		}
		a := e.form(ctx, address, url.Values{"token": {"made-up"}})
		e.check(a.err == nil && a.status != http.StatusNotFound && a.status < 500, Fail, "The "+name+" answers", "RFC 7662, RFC 7009", a.words(), "It is announced and does not work.")
		if name == "introspection_endpoint" {
			e.check(a.status != http.StatusOK, Fail, "It tells nothing to strangers", "RFC 7662 §2.1", a.words(), "Whoever finds a token learns whose it is.")
		}
	}
}

func (e *examination) form(ctx context.Context, address string, form url.Values, headers ...string) answer {
	return e.send(ctx, "without token", http.MethodPost, address, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "application/json"}, headers...)...)
}

func (e *examination) tokenEndpoint(ctx context.Context, address string) {
	const section = "RFC 6749 §5.2"
	a := e.form(ctx, address, url.Values{"grant_type": {"authorization_code"}, "code": {"made-up"}, "redirect_uri": {origin}, "client_id": {"made-up"}, "code_verifier": {strings.Repeat("v", 43)}})
	e.check(a.status == http.StatusBadRequest || a.status == http.StatusUnauthorized, Fail, "The token endpoint refuses a code that was made up with 400 or 401", section, a.words(), "")
	o := a.object()
	known := []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}
	e.check(o != nil && slices.Contains(known, text(o, "error")), Fail, "It says why in OAuth's words", section, text(o, "error"), "Apps cannot tell users what went wrong.")
	a = e.form(ctx, address, url.Values{"grant_type": {"made-up"}, "client_id": {"made-up"}})
	e.check(a.status >= 400 && a.status < 500, Fail, "It refuses a grant type that there is not", section, a.words(), "")
	a = e.send(ctx, "without token", http.MethodGet, address, "")
	e.check(a.err == nil && a.status != http.StatusOK && a.status < 500, Fail, "It takes POST alone", "RFC 6749 §3.2", a.words(), "Secrets end up in logs of addresses.")
}

func (e *examination) authorizationEndpoint(ctx context.Context, address string) {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	query := url.Values{"response_type": {"code"}, "client_id": {"made-up"}, "redirect_uri": {origin + "/back"}, "scope": {"launch/patient patient/Patient.rs"}, "state": {"s"}, "aud": {e.base}}
	a := e.send(ctx, "without token", http.MethodGet, address+separator+query.Encode(), "", "Accept", "text/html")
	e.check(a.err == nil && a.status < 500 && a.status != http.StatusNotFound, Fail, "The authorization endpoint answers", "RFC 6749 §3.1", a.words(), "No app can be launched.")
	to, err := url.Parse(a.header.Get("Location"))
	e.check(err == nil && "https://"+to.Host != origin, Fail, "It never sends an unknown app back to where that wants", "RFC 6749 §4.1.2.1", a.header.Get("Location"), "An open redirect: users can be sent anywhere.")
	frames := strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors") || a.header.Get("X-Frame-Options") != ""
	e.check(frames, Warn, "Its pages say who may frame them", "RFC 9700 §4.16", "", "Users can be made to click what they do not see.")
}

// cors looks at what browsers on other origins may read.
func (e *examination) cors(ctx context.Context) {
	const section = "SMART App Launch 2.2 §4.6"
	allowed := func(a answer) bool {
		value := a.header.Get("Access-Control-Allow-Origin")
		return value == "*" || value == origin
	}
	for _, path := range []string{"/.well-known/smart-configuration", "/metadata"} {
		a := e.get(ctx, path, "Origin", origin)
		e.check(allowed(a), Fail, path+" can be read from any origin", section, a.header.Get("Access-Control-Allow-Origin"), "Apps in browsers cannot find the server.")
	}
	a := e.send(ctx, "without token", http.MethodOptions, e.base+"/Patient/example", "", "Origin", origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
	e.check(allowed(a) && strings.Contains(strings.ToLower(a.header.Get("Access-Control-Allow-Headers")+"*"), "authorization"), Warn,
		"A browser may ask for a Patient with a token (preflight)", section, a.header.Get("Access-Control-Allow-Origin"), "It may be allowed for registered apps only: ask.")
	both := a.header.Get("Access-Control-Allow-Origin") == "*" && a.header.Get("Access-Control-Allow-Credentials") == "true"
	e.check(!both, Fail, "Cookies of other sites are not taken", section, "", "Any page can act as the user who is signed in.")
	if address := text(e.configuration, "token_endpoint"); address != "" {
		a := e.form(ctx, address, url.Values{"grant_type": {"authorization_code"}, "code": {"made-up"}, "client_id": {"made-up"}}, "Origin", origin)
		e.check(allowed(a), Warn, "The token endpoint can be called from a browser", section, a.header.Get("Access-Control-Allow-Origin"), "It may be allowed for registered apps only: ask.")
	}
}

// refusals looks at how requests are refused that have no token, or a wrong one.
func (e *examination) refusals(ctx context.Context) {
	const section = "RFC 6750 §3"
	for name, headers := range map[string][]string{"without a token": nil, "with a token that was made up": {"Authorization", "Bearer made-up"}} {
		a := e.get(ctx, "/Patient", headers...)
		e.open = e.open || headers == nil && searchset(a) != nil
		if !e.check(a.status == http.StatusUnauthorized, Fail, "A search "+name+" is answered with 401", section, a.words(), "If that is 200, whoever asks gets records.") {
			continue
		}
		e.check(strings.Contains(a.header.Get("WWW-Authenticate"), "Bearer"), Warn, "The 401 "+name+" names Bearer in WWW-Authenticate", section, a.header.Get("WWW-Authenticate"), "")
		e.check(a.outcome(), Warn, "The 401 "+name+" is an OperationOutcome", "FHIR R4 §3.1.0.1.6", a.words(), "")
	}
}
