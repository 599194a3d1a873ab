package clinic

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// ask asks an app whether it is there and lets itself be shown in a page of an origin.
// down says in words why it is not there; "" when it is.
func (c *Clinic) ask(ctx context.Context, address, by string) (down string, refused bool) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "its address is not one", false
	}
	r.Header.Set("Accept", "text/html")
	answer, err := c.asking.Do(r)
	if err != nil {
		return "it does not answer", false
	}
	_ = answer.Body.Close() // nothing of it is read
	switch answer.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "it says that it cannot answer now", false
	}
	return "", !mayFrame(answer.Header, origin(address), by)
}

// mayFrame says whether an answer of an origin may be shown in a frame of another's
// page (CSP 3 §6.4.2, HTML §7.7).
func mayFrame(h http.Header, own, by string) bool {
	said := false
	for _, policy := range h.Values("Content-Security-Policy") {
		for one := range strings.SplitSeq(policy, ",") {
			for directive := range strings.SplitSeq(one, ";") {
				words := strings.Fields(directive)
				if len(words) == 0 || !strings.EqualFold(words[0], "frame-ancestors") {
					continue
				}
				said = true
				if !anySource(words[1:], own, by) {
					return false
				}
			}
		}
	}
	if said {
		return true // it goes before X-Frame-Options
	}
	for _, value := range h.Values("X-Frame-Options") {
		switch strings.ToUpper(strings.TrimSpace(value)) {
		case "DENY":
			return false
		case "SAMEORIGIN":
			return own == by
		}
	}
	return true
}

// anySource says whether one of some sources is an origin.
func anySource(sources []string, own, by string) bool {
	u, err := url.Parse(by)
	if err != nil {
		return false
	}
	for _, s := range sources {
		s = strings.ToLower(strings.TrimSuffix(s, "/"))
		switch {
		case s == "*", s == "'self'" && own == by, s == u.Scheme+":":
			return true
		case strings.HasPrefix(s, "'"):
			continue
		}
		scheme, host, ok := strings.Cut(s, "://")
		if !ok {
			scheme, host = u.Scheme, s
		}
		if scheme == u.Scheme && sameHost(host, u) {
			return true
		}
	}
	return false
}

// sameHost compares host[:port], which may begin with "*." and have "*" as port.
func sameHost(pattern string, u *url.URL) bool {
	host, port := pattern, ""
	if i := strings.LastIndexByte(pattern, ':'); i > strings.LastIndexByte(pattern, ']') {
		host, port = pattern[:i], pattern[i+1:]
	}
	usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	have := u.Port()
	if have == "" {
		have = usual
	}
	if port == "" {
		port = usual
	}
	if port != "*" && port != have {
		return false
	}
	if suffix, ok := strings.CutPrefix(host, "*"); ok {
		return strings.HasSuffix(strings.ToLower(u.Hostname()), suffix)
	}
	return strings.EqualFold(strings.Trim(host, "[]"), u.Hostname())
}
