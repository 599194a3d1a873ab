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
	consent := b.open(b.ask(c, "patient/*.rs")).signIn("ann")
	consent.want(200).has("Allow Growth Chart access?")
	for dest, want := range map[string]string{"iframe": "frame-ancestors 'self'", "document": "frame-ancestors 'none'"} {
		page := b.do(b.http, "GET", consent.address, nil, "Sec-Fetch-Dest", dest, "Sec-Fetch-Site", "same-origin").want(200)
		if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("%s: %s", dest, policy)
		}
	}
	if policy := again.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'self'") {
		t.Error(policy)
	}
}
