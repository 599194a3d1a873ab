package auth_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/store"
)

// overtaken is a store in which something else comes before the next write of a kind of items.
type overtaken struct {
	store.Identity
	kind string
	by   func() // nil for nothing
}

func (o *overtaken) WriteItems(ctx context.Context, epoch bool, all ...store.ItemChange) error {
	if by := o.by; by != nil && slices.ContainsFunc(all, func(c store.ItemChange) bool { return c.Kind == o.kind }) {
		o.by = nil
		by()
	}
	return o.Identity.WriteItems(ctx, epoch, all...)
}

// over puts it under a place.
func (o *overtaken) over(c *identity.Config, _ *auth.Config) { o.Identity, c.Store = c.Store, o }

func TestWhatIsRevokedWhileASilentRequestRunsGivesNoCode(t *testing.T) {
	o := &overtaken{kind: "code"}
	p := practice(t, o.over)
	c, _ := p.register()
	b := p.browser()
	b.code(c, "patient/*.rs", "ann")
	o.by = func() {
		grants, err := p.identity.ClientGrants(t.Context(), c.ID)
		if err != nil || len(grants) != 1 {
			t.Fatal(grants, err)
		}
		if err := p.identity.RevokeGrant(t.Context(), grants[0].ID, "by hand"); err != nil {
			t.Fatal(err)
		}
	}
	got := b.silently(p.ask(c, "patient/*.rs"))
	if got.Get("error") != "temporarily_unavailable" || !strings.Contains(got.Get("error_description"), "try again") || got.Has("code") {
		t.Error(got)
	}
	if got := b.silently(p.ask(c, "patient/*.rs")).Get("error"); got != "consent_required" {
		t.Error(got)
	}
}

func TestALaunchServesOneOfTwoSilentRequestsAtOnce(t *testing.T) {
	o := &overtaken{kind: "request"}
	p := practice(t, o.over)
	c, _ := p.register()
	launch := p.ehr()
	ask := func() url.Values {
		v := p.ask(c, "launch patient/*.rs")
		v.Set("launch", launch(`{"client_id":"` + c.ID + `","user":"noor","patient":"ann"}`).want(201).json()["launch"].(string))
		return v
	}
	b := p.browser()
	p.token(codeForm(c, b.open(ask()).signIn("noor").allow().Get("code"))).want(200)
	again := ask()
	var first url.Values
	o.by = func() { first = b.silently(again) }
	second := b.silently(again)
	if first.Get("code") == "" {
		t.Error(first)
	}
	if second.Get("error") != "invalid_request" || !strings.Contains(second.Get("error_description"), "launch was used before") || second.Has("code") {
		t.Error(second)
	}
}
