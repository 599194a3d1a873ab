package auth_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/inglehealth/ingle/identity"
)

var typedSecret = regexp.MustCompile(`<code>([A-Z2-7]{16,})</code>`)

func TestASecondFactorIsSetUpAndAskedFor(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	if err := p.identity.SetPolicy(t.Context(), identity.Policy{SecondFactor: []identity.Role{identity.Practitioner}}); err != nil {
		t.Fatal(err)
	}
	b := p.browser()
	g := b.open(p.ask(c, "openid user/*.rs")).signIn("noor")
	found := typedSecret.FindStringSubmatch(g.want(200).has("Set up a second factor").body)
	if found == nil {
		t.Fatal("no secret")
	}
	code := func() string { return must(totp.GenerateCode(found[1], p.clock.Time())) }
	// A wrong code shows the page again, with a new secret or the same.
	g = g.send("code", "000000")
	found = typedSecret.FindStringSubmatch(g.want(422).has("The code is wrong").body)
	g = g.send("code", code())
	g.want(200).has("Recovery codes")
	g = b.follow(b.do(b.http, "GET", strings.Split(strings.SplitAfter(g.body, `<a class="button" href="`)[1], `"`)[0], nil))
	g.want(200).has("Allow Growth Chart access?")

	p.clock.Pass(time.Minute)
	b = p.browser()
	g = b.open(p.ask(c, "openid user/*.rs")).signIn("noor")
	g.want(200).has("Second factor", "User noor")
	if a := b.open(p.ask(c, "openid user/*.rs")); !strings.Contains(a.body, "Second factor") {
		t.Error("a password alone signs in")
	}
	g.send("restart", "1").want(200).has("Sign in")
	g = b.open(p.ask(c, "openid user/*.rs")).signIn("noor")
	g.send("code", "000000").want(422).has("The code is wrong")
	used := code()
	g.send("code", used).want(200).has("Allow Growth Chart access?")
	// The code was used, and serves nobody else.
	p.browser().open(p.ask(c, "openid user/*.rs")).signIn("noor").send("code", used).want(422).has("used before")
}
