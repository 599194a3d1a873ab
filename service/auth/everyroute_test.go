package auth_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/auth"
)

// codesOf are the errors that an endpoint may answer with, as the RFC of each names
// them; where none stands here, any of OAuth's.
var codesOf = map[string][]identity.Code{
	"/auth/token": { // RFC 6749 §5.2, RFC 8707 §2
		identity.InvalidRequest, identity.InvalidClient, identity.InvalidGrant, identity.UnauthorizedClient, identity.UnsupportedGrantType, identity.InvalidScope, identity.InvalidTarget,
	},
	"/auth/introspect": {identity.InvalidRequest, identity.InvalidClient, identity.InvalidToken, identity.InsufficientScope}, // RFC 7662 §2.3
	"/auth/revoke":     {identity.InvalidRequest, identity.InvalidClient, identity.UnsupportedTokenType},                     // RFC 7009 §2.2.1
	"/auth/register":   {identity.InvalidRequest, identity.InvalidRedirectURI, identity.InvalidClientMetadata},               // RFC 7591 §3.2.2
	"/auth/userinfo":   {identity.InvalidRequest, identity.InvalidToken, identity.InsufficientScope},                         // RFC 6750 §3.1
	"/auth/launch":     {identity.InvalidRequest, identity.InvalidToken, identity.InsufficientScope},
	"/auth/authorize": { // RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6
		identity.InvalidRequest, identity.UnauthorizedClient, identity.AccessDenied, identity.UnsupportedResponseType, identity.InvalidScope,
		identity.LoginRequired, identity.InteractionRequired, identity.ConsentRequired,
		identity.InvalidRequestObject, identity.RequestNotSupported, identity.RequestURINotSupported, identity.UnmetAuthentication,
	},
}

// blame says what of an answer is the server's fault, or is not said as the RFC of
// its endpoint has it; "" for nothing.
func (a answer) blame(path string) string {
	code := identity.Code("")
	said := ""
	switch kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";"); {
	case a.status >= 500:
		return "the server's fault"
	case a.status == http.StatusSeeOther:
		to, err := url.Parse(a.header.Get("Location"))
		if err != nil || !to.IsAbs() {
			return "a redirect to nowhere: " + a.header.Get("Location")
		}
		if code, said = identity.Code(to.Query().Get("error")), to.Query().Get("error_description"); code == "" {
			return ""
		}
	case a.status < 400:
		return ""
	case a.header.Get("Cache-Control") != "no-store" && kind != "application/fhir+json":
		return "it may be kept"
	case kind == "text/html":
		if !strings.Contains(a.body, "<h1") {
			return "a page that says nothing"
		}
		return ""
	case kind == "application/fhir+json":
		if !strings.Contains(a.body, `"OperationOutcome"`) {
			return "no OperationOutcome"
		}
		return ""
	case kind == "application/json":
		var e struct {
			Code identity.Code `json:"error"`
			Said string        `json:"error_description"`
		}
		if err := json.Unmarshal([]byte(a.body), &e); err != nil {
			return err.Error()
		}
		code, said = e.Code, e.Said
	default:
		return "it is " + kind
	}
	codes := codesOf[path]
	if codes == nil {
		codes = slices.Concat(slices.Collect(maps.Values(codesOf))...)
	}
	switch status := map[identity.Code]int{identity.InvalidClient: 401, identity.InvalidToken: 401, identity.InsufficientScope: 403}[code]; {
	case !slices.Contains(codes, code):
		return "no error of its RFC: " + string(code)
	case status != 0 && (a.status != status || a.header.Get("WWW-Authenticate") == ""):
		return "not the status and the challenge of " + string(code)
	case !describes.MatchString(said):
		return "no description as RFC 6749 has it: " + said
	}
	return ""
}

// describes is error_description (RFC 6749 §5.2).
var describes = regexp.MustCompile(`^[\x20-\x21\x23-\x5b\x5d-\x7e]+$`)

var fieldName = regexp.MustCompile(`<(?:input|select|textarea|button)[^>]*\bname="(\w+)"`)

func TestAtEveryRouteWhatIsMalformedIsToldSo(t *testing.T) {
	p := household(t, func(ic *identity.Config, _ *auth.Config) { ic.AllowPrivate = true })
	c, _ := p.register()
	root, err := p.identity.UserByLogin(t.Context(), "dev")
	if err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + p.tokens(c, "openid offline_access launch/patient patient/*.rs", "ann")["access_token"].(string)
	fill := strings.NewReplacer("/user/{id}", "/user/"+root.ID, "/app/{id}", "/app/"+c.ID, "{id}", "x", "{secret}", "x", "{provider}", "x").Replace

	// What their pages have fields for, and what no page has.
	names := []string{"do", "id", "ceremony", "answer", "next", "code", "state", "grant_type", "token", "client_id", "redirect_uri", "scope", "claims", "request", "login", "password"}
	fresh := func(login string) page { return p.visit(login, "/account") }
	visitors := map[string]page{"root": fresh("root"), "vera": fresh("vera")}
	for _, r := range auth.Routes() {
		if path, ok := strings.CutPrefix(r, "GET "); ok && strings.HasPrefix(path, "/account") {
			for _, g := range visitors {
				for _, m := range fieldName.FindAllStringSubmatch(g.get(fill(path)).body, -1) {
					names = append(names, m[1])
				}
			}
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "session" || name == "step" })

	for _, r := range auth.Routes() {
		method, path, _ := strings.Cut(r, " ")
		login := "root"
		if path == "/account/privacy" {
			login = "vera"
		}
		token := formToken.FindStringSubmatch(visitors[login].get("/account/security").body)
		if token == nil { // a form in which nothing was wrong has ended the session
			visitors[login] = fresh(login)
			token = formToken.FindStringSubmatch(visitors[login].get("/account/security").body)
		}
		send := func(client *http.Client, values url.Values, header ...string) {
			t.Helper()
			address := p.url + fill(path)
			if !values.Has("token") {
				values.Set("token", token[1])
			}
			var a answer
			if method == "GET" {
				a = p.do(client, method, address+"?"+values.Encode(), nil, header...)
			} else {
				a = p.do(client, method, address, values, header...)
			}
			p.clock.Pass(3 * time.Second) // so that little is limited
			if what := a.blame(path); what != "" && a.status != http.StatusTooManyRequests {
				t.Errorf("%s with %v %q: %s: %d %s %s", r, values, header, what, a.status, a.header.Get("Location"), a.body)
			}
		}
		try := func(values url.Values, header ...string) {
			t.Helper()
			send(visitors[login].b.http, values, header...)
		}
		for n, text := range nasty {
			all := url.Values{}
			for _, name := range names {
				if name != "token" {
					all.Set(name, text)
				}
			}
			try(all)
			try(url.Values{"token": {text}})
			if !strings.ContainsAny(text, "\r\n\x00") {
				try(url.Values{}, "Authorization", bearer, "Content-Type", text)
				try(url.Values{}, "Authorization", text)
				var cookies []string
				for i, name := range []string{"session", "request", "sign-in", "outside", "known"} {
					cookies = append(cookies, "ingle-"+name+"="+[]string{"", "igl_se_", "igl_kb_", "x!link!"}[(n+i)%4]+text)
				}
				send(p.client, url.Values{}, "Cookie", strings.Join(cookies, "; "))
			}
			for i, name := range names {
				if name != "token" && (i+n)%len(nasty) == 0 {
					try(url.Values{name: {text}, "do": {text}})
				}
			}
		}
	}
}
