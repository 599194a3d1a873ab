package auth

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// tracing is what is traced of a call: for apps that a simulation runs for, so in
// sandboxes only. A nil tracing takes everything and keeps nothing.
type tracing struct {
	identity.Step
	form bool // of a page of this server, not of the app
}

// tracedAt are the endpoints that an app, or its browser on its behalf, comes to.
var tracedAt = map[string]bool{
	"/auth/authorize": true, "/auth/request/{id}": true, "/auth/token": true, "/auth/introspect": true, "/auth/revoke": true, "/auth/userinfo": true,
}

// plainly are the parameters that a trace shows, secretly those of which it shows
// that they were there. Of others, such as passwords, it shows nothing.
var plainly = map[string]bool{
	"response_type": true, "response_mode": true, "client_id": true, "redirect_uri": true, "scope": true, "aud": true, "code_challenge_method": true,
	"prompt": true, "max_age": true, "grant_type": true, "purpose_of_use": true, "resource": true, "token_type_hint": true, "client_assertion_type": true,
}

var secretly = map[string]bool{
	"state": true, "nonce": true, "launch": true, "code": true, "code_challenge": true, "code_verifier": true, "client_secret": true,
	"client_assertion": true, "refresh_token": true, "token": true, "id_token_hint": true, "request": true, "login_hint": true,
}

// trace begins to trace a call.
func (c *call) trace(e endpoint) {
	if !c.Identity.Sandbox() || !tracedAt[e.path] {
		return
	}
	path := e.path
	if _, id, ok := strings.Cut(c.r.URL.Path, "/auth/request/"); ok {
		path = requestPath + identity.Redacted(id)
	}
	c.step = &tracing{form: e.path == "/auth/request/{id}"}
	c.step.Step = identity.Step{
		Time: c.now, Method: c.r.Method, Path: "/" + strings.TrimPrefix(path, "/"), Origin: limited(c.r.Header.Get("Origin")), Scheme: schemeOf(c.r),
	}
}

// schemeOf is the scheme of the Authorization header; "" without one.
func schemeOf(r *http.Request) string {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return limited(scheme)
}

// limited keeps what a client sent short enough to be kept.
func limited(s string) string {
	const most = 600
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// of notes the app that is spoken of.
func (s *tracing) of(client string) {
	if s != nil && len(client) <= 256 {
		s.Client = client
	}
}

// sent notes the parameters.
func (s *tracing) sent(values url.Values) {
	if s == nil || s.form {
		return
	}
	s.Sent = map[string]string{}
	for name, all := range values {
		text := strings.Join(all, " and ")
		switch {
		case plainly[name]:
			s.Sent[name] = limited(text)
		case secretly[name]:
			s.Sent[name] = identity.Redacted(text)
		}
	}
}

// answer notes what of the answer matters; never a secret.
func (s *tracing) answer(name, value string) {
	if s == nil || value == "" {
		return
	}
	if s.Answer == nil {
		s.Answer = map[string]string{}
	}
	s.Answer[name] = limited(value)
}

// inject notes what the simulation did.
func (s *tracing) inject(words string) {
	if s != nil {
		s.Injected = words
	}
}

// issued notes what tokens allow, not what they are.
func (s *tracing) issued(t *identity.Tokens) {
	s.answer("scope", t.Scopes.String())
	s.answer("patient", t.Context.Patient)
	s.answer("encounter", t.Context.Encounter)
	s.answer("intent", t.Context.Intent)
	s.answer("access_token", identity.Redacted(t.Access))
	for name, token := range map[string]string{"refresh_token": t.Refresh, "id_token": t.ID} {
		if token != "" {
			s.answer(name, identity.Redacted(token))
		}
	}
}

// traced keeps the step when the call has been answered, with err or without.
func (c *call) traced(err error) {
	s := c.step
	x := web.From(c.r.Context())
	if s == nil || x == nil {
		return
	}
	if s.Client == "" && bearer(c.r) != "" {
		s.Client, _ = c.Identity.TokenClient(c.r.Context(), bearer(c.r)) // it may be nobody's
	}
	if err != nil {
		body, _ := explain(err)
		s.answer("error", string(body.Code))
		s.answer("error_description", body.Why)
	}
	c.leads()
	refused := s.Origin != "" && !strings.HasSuffix(s.Path, "authorize") && !s.form && c.w.Header().Get("Access-Control-Allow-Origin") == "" && s.Origin != origin(c.Identity.Issuer())
	if refused {
		s.answer("cors", "refused")
	}
	if c.r.Method == http.MethodOptions && !refused {
		return
	}
	if s.Path == "/auth/authorize" && err != nil {
		if client, err := c.Identity.Client(c.r.Context(), s.Client); err == nil && !client.MatchRedirect(s.Sent["redirect_uri"]) {
			s.answer("registered", strings.Join(client.Redirects, "\n"))
		}
	}
	s.Status, s.Request, s.Millis = x.Status(), x.ID, time.Since(x.Started).Milliseconds()
	c.keep(c.r, s.Step, refused || s.Status >= 400)
}

// leads notes where a redirect leads, and what it carries.
func (c *call) leads() {
	to, err := url.Parse(c.w.Header().Get("Location"))
	if err != nil || to.String() == "" {
		return
	}
	query := to.Query()
	for _, name := range []string{"error", "error_description", "iss"} {
		c.step.answer(name, query.Get(name))
	}
	for _, name := range []string{"code", "state"} {
		if query.Has(name) {
			c.step.answer(name, identity.Redacted(query.Get(name)))
		}
	}
	to.RawQuery = ""
	address := to.String()
	if _, id, ok := strings.Cut(address, "/"+requestPath); ok {
		address = strings.Replace(address, id, identity.Redacted(id), 1)
	}
	c.step.answer("leads to", address)
}

// origin is the origin of an address.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// keep writes a step: of a request that does not tell its app only what went wrong.
// That a trace cannot be written stops nobody.
func (t *tenant) keep(r *http.Request, s identity.Step, failed bool) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
	defer stop()
	if client, ok := ctx.Value(simulatedKey{}).(string); ok && s.Client == "" {
		s.Client = client
	}
	_, unknown := t.Identity.Client(ctx, s.Client)
	if unknown != nil && failed {
		client, err := t.Identity.Stray(ctx, (&call{tenant: t, r: r}).address().String())
		if err != nil {
			t.server.config.Log.Warn("a request is not traced", "error", err)
			return
		}
		s.Client, s.Stray = client, true
	}
	if s.Client == "" {
		return
	}
	if err := t.Identity.Trace(ctx, s); err != nil {
		t.server.config.Log.Warn("a request is not traced", "error", err)
	}
}

// Traced keeps what an app asked of the FHIR API of a sandbox, below the base, with
// the status and the error that were answered: what fhirapi calls.
func (s *Server) Traced(r *http.Request, door *records.Door, path string, status int, failure error) {
	t := s.tenant(door.Name())
	if t == nil || !t.Identity.Sandbox() {
		return
	}
	x := web.From(r.Context())
	// Who has the answer may have gone.
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
	defer stop()
	r = r.WithContext(ctx)
	token := bearer(r)
	client, err := t.Identity.TokenClient(r.Context(), token)
	if err != nil || x == nil {
		return
	}
	step := tracing{Step: identity.Step{
		Time: s.config.Clock(), Client: client, Method: r.Method, Path: limited("/fhir/" + strings.TrimPrefix(path, "/")), Origin: limited(r.Header.Get("Origin")),
		Scheme: schemeOf(r), Status: status, Request: x.ID, Millis: time.Since(x.Started).Milliseconds(),
	}}
	if query := withoutTokens(r.URL.Query()); query != "" {
		step.Sent = map[string]string{"query": limited(query)}
	}
	if failure != nil {
		f := web.Explain(failure)
		step.answer("error", string(f.Issues[0].Code))
		step.answer("error_description", f.Issues[0].Message)
	}
	refused := step.Origin != "" && r.Header.Get("Origin") != origin(t.Identity.Issuer()) && !t.known(r)
	if refused {
		step.answer("cors", "refused")
	}
	if r.Method == http.MethodOptions && !refused {
		return
	}
	if m, err := t.Identity.Simulation(r.Context(), client); err == nil && m != nil {
		switch {
		case status == http.StatusUnauthorized && m.Fail == identity.FailExpired:
			step.inject("the simulation lets access tokens expire after " + strconv.Itoa(int(identity.ExpiredAfter.Seconds())) + " seconds")
		case status == http.StatusForbidden && m.ReadOnly:
			step.inject("the simulation lets nothing be written")
		case m.Slow:
			step.inject("the simulation answers slowly")
		}
	}
	t.keep(r, step.Step, refused || status >= 400 && fault.KindOf(failure) == fault.Unauthenticated)
}

// known says whether the origin of a request is that of an app's pages.
func (t *tenant) known(r *http.Request) bool {
	known, err := t.Identity.KnownOrigin(r.Context(), r.Header.Get("Origin"))
	return err == nil && known
}

// withoutTokens is a query without what some clients put there against the rules
// (RFC 6750 §2.3).
func withoutTokens(query url.Values) string {
	for name := range query {
		if strings.Contains(name, "token") || strings.Contains(name, "secret") {
			query[name] = []string{"redacted"}
		}
	}
	text, err := url.QueryUnescape(query.Encode())
	if err != nil {
		return query.Encode()
	}
	return text
}
