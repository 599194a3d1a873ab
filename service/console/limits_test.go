package console_test

import (
	"context"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/limits"
)

func TestAnAdministratorSetsLimitsAndSeesWhoReachesThem(t *testing.T) {
	o := newOffice(t)
	root, vera := o.enter("root"), o.enter("vera")
	vera.get("/console/limits").want(403)
	root.get("/console/limits").want(200).has("Nobody was refused", "None: the defaults hold", "each user", "failed sign-ins")
	set := func(rule string) answer { return root.fill("/console/limits", "/console/limits", "rule", rule) }
	set("user requests many").want(422).has("whole number", `value="user requests many"`)
	set("address <b> requests 5/s").want(422).lacks("<b>")
	set("app growth requests 2/h").want(422).has("There is no app with the client id")
	if _, err := o.identity.CreateClient(t.Context(), &identity.Client{ID: "growth", Name: "Growth", Auth: identity.AuthNone, Redirects: []string{"https://app.example/back"}, Grants: []identity.GrantType{identity.AuthorizationCode}, Scopes: []string{"openid"}}); err != nil {
		t.Fatal(err)
	}
	set("app growht requests 2/h").want(422).has("Did you mean growth?")
	set("app growth requests 2/h").want(200).has("The limit is in force", "app growth", "2/h", "Changed last by")
	for range 3 {
		o.door.Limits().Take(limits.Requests, limits.Who{App: "growth"}, 1)
	}
	set("user nobody-of-that-name requests 5/s").want(422).has("There is no user", "nobody-of-that-name")
	set("user vera requests 500/s").want(200).has("The limit is in force").lacks("A user who is gone")
	who, err := o.identity.UserByLogin(t.Context(), "vera")
	if err != nil {
		t.Fatal(err)
	}
	root.fill("/console/limits", "/console/limits/remove", "rule", "user "+who.ID+" requests").want(200).has("The limit is removed")
	root.get("/console/limits").want(200).has("Too many", "In use", "100 %").lacks("Nobody was refused")
	root.fill("/console/limits", "/console/limits/remove", "rule", "app growth requests").want(200).has("The limit is removed", "None: the defaults hold")
	// Pages count, too.
	r, err := limits.ParseRule("user requests 3/h")
	if err == nil {
		_, err = o.door.Limits().Put(context.WithoutCancel(t.Context()), r, "test")
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		vera.get("/console").want(200)
	}
	if a := vera.get("/console").want(429).has("Too many requests", "Wait "); a.header.Get("Retry-After") == "" {
		t.Error(a.header)
	}
}
