package auth_test

import (
	"strings"
	"testing"
)

func TestOnlyPagesOfThisOriginFrameAConsentPage(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	address := p.url + "/auth/authorize?" + b.ask(c, "patient/*.rs").Encode()
	again := b.do(b.http, "GET", address, nil, "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site").want(200)
	if to := again.header.Get("Refresh"); !strings.HasPrefix(to, "0; url=/auth/authorize?") {
		t.Errorf("the browser is not asked to come again: %q", to)
	}
	for dest, want := range map[string]string{"iframe": "frame-ancestors 'self'", "document": "frame-ancestors 'none'"} {
		first := b.do(b.http, "GET", address, nil, "Sec-Fetch-Dest", dest, "Sec-Fetch-Site", "same-origin").want(303)
		page := b.do(b.http, "GET", first.header.Get("Location"), nil, "Sec-Fetch-Dest", dest, "Sec-Fetch-Site", "same-origin").want(200)
		if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("%s: %s", dest, policy)
		}
	}
	if policy := again.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'self'") {
		t.Error(policy)
	}
}
