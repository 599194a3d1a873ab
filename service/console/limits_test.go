package console_test

import (
	"context"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/limits"
)

func TestAnAdministratorSetsLimitsAndSeesWhoReachesThem(t *testing.T) {
	o := newOffice(t)
	root, vera := o.enter("root"), o.enter("vera")
	vera.get("/console/limits").Want(403)
	root.get("/console/limits").Want(200).Has("Nobody was refused", "None: the defaults hold", "each user", "failed sign-ins")
	set := func(rule string) placetest.Answer {
		return root.fill("/console/limits", "/console/limits", "rule", rule)
	}
	set("user requests many").Want(422).Has("whole number", `value="user requests many"`)
	set("address <b> requests 5/s").Want(422).Lacks("<b>")
	set("app growth requests 2/h").Want(422).Has("There is no app with the client id")
	if _, err := o.Identity.CreateClient(t.Context(), &identity.Client{ID: "growth", Name: "Growth", Auth: identity.AuthNone, Redirects: []string{"https://app.example/back"}, Grants: []identity.GrantType{identity.AuthorizationCode}, Scopes: []string{"openid"}}); err != nil {
		t.Fatal(err)
	}
	set("app growht requests 2/h").Want(422).Has("Did you mean growth?")
	set("app growth requests 2/h").Want(200).Has("The limit is in force", "app growth", "2/h", "Changed last by")
	for range 3 {
		o.Door.Limits().Take(limits.Requests, limits.Who{App: "growth"}, 1)
	}
	set("user nobody-of-that-name requests 5/s").Want(422).Has("There is no user", "nobody-of-that-name")
	set("user vera requests 500/s").Want(200).Has("The limit is in force").Lacks("A user who is gone")
	who, err := o.Identity.UserByLogin(t.Context(), "vera")
	if err != nil {
		t.Fatal(err)
	}
	root.fill("/console/limits", "/console/limits/remove", "rule", "user "+who.ID+" requests").Want(200).Has("The limit is removed")
	root.get("/console/limits").Want(200).Has("Too many", "In use", "100 %").Lacks("Nobody was refused")
	root.fill("/console/limits", "/console/limits/remove", "rule", "app growth requests").Want(200).Has("The limit is removed", "None: the defaults hold")
	// Pages count, too.
	r, err := limits.ParseRule("user requests 3/h")
	if err == nil {
		_, err = o.Door.Limits().Put(context.WithoutCancel(t.Context()), r, "test")
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		vera.get("/console").Want(200)
	}
	if a := vera.get("/console").Want(429).Has("Too many requests", "Wait "); a.Header.Get("Retry-After") == "" {
		t.Error(a.Header)
	}
}
