package web

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/spec/fault"
)

// What limits say to clients (draft-ietf-httpapi-ratelimit-headers-11).
const (
	policyHeader = "Ratelimit-Policy"
	limitHeader  = "Ratelimit"
)

// LimitHeaders are those that scripts of other origins may read.
const LimitHeaders = "RateLimit, RateLimit-Policy, Retry-After"

// Limit says in the answer what a limit has to say, and refuses the request when that
// does: the error is Throttled.
func (x *Exchange) Limit(v limits.Verdict) error {
	if !v.Limited() {
		return nil
	}
	h := x.response.Header()
	h[policyHeader] = v.RateLimitPolicy()
	h[limitHeader] = []string{v.RateLimit()}
	if !v.Refused {
		return nil
	}
	h.Set("Retry-After", v.RetryAfter())
	return Throttled(v)
}

// Throttled is the error of what a limit refuses.
func Throttled(v limits.Verdict) error {
	return fault.New(fault.Throttled, fault.CodeThrottled, "", "Too much was asked for: there is a limit to %s. Wait as long as Retry-After says; an administrator can raise it.", v.Reason())
}

// Client is where the request comes from, as limits count addresses.
func (x *Exchange) Client() limits.Who { return x.client }

// limit counts a request by where it comes from.
func (s *Site) limit(x *Exchange, r *http.Request) error {
	x.client = limits.Who{Address: limits.AddressOf(AddressOf(r))}
	if s.Limits == nil || r.URL.Path == healthPath || r.URL.Path == readyPath {
		return nil
	}
	tenant := tenantOf(r.URL.Path)
	l := s.Limits(tenant)
	if l == nil {
		return nil
	}
	v := l.Take(limits.Requests, x.client, 1)
	x.client.Counted = true
	err := x.Limit(v)
	if err != nil && s.Refused != nil {
		s.Refused(r, tenant, x.ID)
	}
	return err
}

// tenantOf is the tenant that a path names; "" for the default one.
func tenantOf(path string) string {
	rest, ok := strings.CutPrefix(path, "/t/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

var limitTemplate = template.Must(template.New("limit").Parse(`<h1>Too many requests</h1><p>{{.Message}}</p><p>Try again in {{.Wait}} seconds.</p>`))

// refuse answers a request that is refused before anybody looked at it: a browser with
// a page, a client of the authorization server as RFC 6749 §5.2 has it.
func (s *Site) refuse(w *response, r *http.Request, err error) {
	x := w.exchange
	x.Route = "limited"
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*") // it tells nothing of anybody
	h.Set("Access-Control-Expose-Headers", LimitHeaders)
	e := Explain(err)
	switch {
	case strings.Contains(r.Header.Get("Accept"), "text/html"):
		page := struct{ Message, Wait string }{e.Issues[0].Message, h.Get("Retry-After")}
		if WritePage(w, http.StatusTooManyRequests, "Too many requests", limitTemplate, page) == nil {
			return
		}
	case strings.Contains(r.URL.Path, "/auth/"):
		body, err := json.Marshal(map[string]string{"error": "temporarily_unavailable", "error_description": e.Issues[0].Message})
		if err == nil {
			h.Set("Content-Type", "application/json; charset=utf-8")
			h.Set("Content-Length", strconv.Itoa(len(body)))
			h.Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write(body) // the client may be gone
			return
		}
	}
	Fail(w, r, err)
}

// Begin counts the request as one of those at once of who sends it, until it has ended.
func (x *Exchange) Begin(l *limits.Limiter, who limits.Who) error {
	flight, v := l.Begin(who)
	if v.Refused {
		return x.Limit(v)
	}
	x.flight = flight
	return nil
}

// Enter waits for a turn at a gate, which the request has until its answer begins to
// leave: who reads slowly keeps nobody waiting. Without a key turns go by where the request
// comes from, as limits count addresses. It is called at most once.
func (x *Exchange) Enter(r *http.Request, g *limits.Gate, key string) error {
	if g == nil {
		return nil
	}
	if key == "" {
		key = x.client.Address.String()
	}
	leave, err := g.Enter(r.Context(), key)
	switch {
	case errors.Is(err, limits.ErrQueue):
		return fault.Wrap(err, fault.Throttled, fault.CodeThrottled, "", "Too many of your requests wait for each other. Send fewer at once.")
	case errors.Is(err, limits.ErrBusy):
		return fault.Wrap(err, fault.Unavailable, fault.CodeThrottled, "", "The server is busy with other requests. Try again in a moment.")
	case err != nil:
		return err
	}
	x.leave = leave
	return nil
}

// left gives back the turn at a gate.
func (x *Exchange) left() {
	if x.leave != nil {
		x.leave()
		x.leave = nil
	}
}
