package auth_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/auth"
)

// household is a practice with an administrator.
func household(t *testing.T, options ...option) *place {
	p := practice(t, options...)
	p.user("root", identity.Administrator)
	p.user("vera", identity.PrivacyOfficer)
	return p
}

// visit signs somebody in at a page of the account.
func (p *place) visit(login, path string) page {
	p.t.Helper()
	b := p.browser()
	g := b.follow(b.do(b.http, "GET", p.url+path, nil))
	g.want(200).has("Sign in")
	return g.send("login", login, "password", password)
}

// get is another page in the same browser.
func (g page) get(path string) page {
	g.t.Helper()
	next := g.b.follow(g.b.do(g.b.http, "GET", g.b.url+path, nil))
	if next.address == "" {
		next.address = g.b.url + path
	}
	return next
}

// to sends the page's form, of which the first token is taken, to another place.
func (g page) to(path string, pairs ...string) page {
	g.t.Helper()
	form := url.Values{"token": {formToken.FindStringSubmatch(g.body)[1]}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	next := g.b.follow(g.b.do(g.b.http, "POST", g.b.url+path, form))
	if next.address == "" {
		next.address = g.b.url + path
	}
	return next
}

var formToken = regexp.MustCompile(`name="token" value="([^"]*)"`)

// The routes of the account, with a role that may use each.
var accountRoutes = []struct {
	method, path string
	role         string
}{
	{"GET", "/account", "ann"}, {"POST", "/account/apps/end", "ann"}, {"GET", "/account/sessions", "ann"}, {"POST", "/account/sessions/end", "ann"},
	{"GET", "/account/security", "ann"}, {"POST", "/account/password", "ann"}, {"POST", "/account/totp", "ann"},
	{"POST", "/account/passkeys/begin", "ann"}, {"POST", "/account/passkeys/finish", "ann"}, {"POST", "/account/passkeys/remove", "ann"},
	{"POST", "/account/outside/link", "ann"}, {"POST", "/account/outside/unlink", "ann"}, {"POST", "/account/sign-out", "ann"},
	{"GET", "/account/users", "root"}, {"GET", "/account/users/new", "root"}, {"POST", "/account/users/new", "root"},
	{"GET", "/account/users/user/x", "root"}, {"POST", "/account/users/user/x", "root"},
	{"GET", "/account/clients", "root"}, {"GET", "/account/clients/app/x", "root"}, {"POST", "/account/clients/app/x", "root"},
	{"GET", "/account/privacy", "vera"}, {"POST", "/account/privacy", "vera"},
	{"GET", "/account/policy", "root"}, {"POST", "/account/policy", "root"},
}

func TestNoPageOfTheAccountIsShownToWhoeverIsNotSignedIn(t *testing.T) {
	p := household(t)
	for _, r := range accountRoutes {
		if r.method == "GET" {
			to := p.do(p.client, "GET", p.url+r.path, nil).location()
			if to.Path != "/account/sign-in" || to.Query().Get("next") != r.path {
				t.Errorf("GET %s leads to %s", r.path, to)
			}
			continue
		}
		p.do(p.client, "POST", p.url+r.path, url.Values{"token": {"x"}}).want(401)
	}
}

func TestNoPageOfTheAccountIsShownToAnotherRole(t *testing.T) {
	p := household(t)
	signedIn := map[string]page{}
	for _, login := range []string{"ann", "noor", "dev"} {
		signedIn[login] = p.visit(login, "/account")
	}
	for _, r := range accountRoutes {
		for login, g := range signedIn {
			if r.role == "ann" || r.role == login {
				continue
			}
			if r.method == "GET" {
				g.get(r.path).want(403).has("another role")
			} else {
				g.to(r.path).want(403).has("another role")
			}
		}
	}
}

func TestNoFormOfTheAccountIsTakenWithoutItsToken(t *testing.T) {
	p := household(t)
	for _, login := range []string{"ann", "dev", "root"} {
		g := p.visit(login, "/account")
		other := p.visit(login, "/account")
		foreign := formToken.FindStringSubmatch(other.body)[1]
		for _, r := range accountRoutes {
			if r.method != "POST" || r.role != login {
				continue
			}
			for _, token := range []string{"", "x", foreign} {
				p.do(g.b.http, "POST", p.url+r.path, url.Values{"token": {token}}).want(403)
			}
			own := formToken.FindStringSubmatch(g.body)[1]
			p.do(g.b.http, "POST", p.url+r.path, url.Values{"token": {own}}, "Origin", "https://evil.example").want(403)
			p.do(g.b.http, "POST", p.url+r.path, url.Values{"token": {own}}, "Sec-Fetch-Site", "cross-site").want(403)
		}
	}
}

// Every route that is mounted is in accountRoutes, so that none is forgotten.
func TestEveryRouteOfTheAccountIsTestedForAuthorization(t *testing.T) {
	tested := map[string]bool{}
	for _, r := range accountRoutes {
		path := strings.TrimSuffix(r.path, "/x")
		if path != r.path {
			path += "/{id}"
		}
		tested[r.method+" "+path] = true
	}
	for _, r := range auth.AccountRoutes() {
		if !tested[r] {
			t.Errorf("%s is not tested", r)
		}
	}
}

func TestAPageOfTheAccountIsNotKeptNorFramedAndRunsNothing(t *testing.T) {
	p := household(t)
	g := p.visit("ann", "/account")
	for _, path := range []string{"/account", "/account/sessions", "/account/security"} {
		h := g.get(path).want(200).header
		policy := h.Get("Content-Security-Policy")
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Frame-Options") != "DENY" || !strings.Contains(policy, "default-src 'none'") ||
			!strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestAUserSeesWhatAppsMayDoAndEndsIt(t *testing.T) {
	p := household(t)
	c, _ := p.register()
	b := p.browser()
	tokens := p.token(codeForm(c, b.code(c, "launch/patient offline_access patient/Observation.rs", "ann"))).want(200).json()
	refresh, _ := tokens["refresh_token"].(string)
	access, _ := tokens["access_token"].(string)
	g := page{b.do(b.http, "GET", p.url+"/account", nil), b, p.url + "/account"}
	g.want(200).has("Growth Chart", "In the record of Ann Archer", "See test results and measurements", "1 March 2026", "also when you are signed out", "half a year")
	id := html.UnescapeString(regexp.MustCompile(`name="grant" value="([^"]*)"`).FindStringSubmatch(g.body)[1])
	p.visit("noor", "/account").to("/account/apps/end", "grant", id).want(404)
	p.introspected(access, true)
	g.to("/account/apps/end", "grant", id).want(200).has("no longer has access", "No app may use your data")
	p.introspected(access, false)
	p.token(refreshForm(c, refresh)).refused(400, identity.InvalidGrant)
}

// introspected says whether a token is good.
func (p *place) introspected(token string, want bool) {
	p.t.Helper()
	_, err := p.identity.CheckToken(p.t.Context(), token)
	if (err == nil) != want {
		p.t.Errorf("the token is good: %v, want %v", err == nil, want)
	}
}

func TestAnAppThatHasAccessOnlineOnlyGoesWithTheSession(t *testing.T) {
	p := household(t)
	c, _ := p.register()
	b := p.browser()
	p.token(codeForm(c, b.code(c, "launch/patient online_access patient/Observation.rs", "ann"))).want(200)
	g := page{b.do(b.http, "GET", p.url+"/account", nil), b, ""}
	g.want(200).has("only as long as you are signed in")
	g.to("/account/sign-out").want(200).has("Sign in")
	p.visit("ann", "/account").want(200).has("No app may use your data")
}

func TestAUserSeesAndEndsSessions(t *testing.T) {
	p := household(t)
	here, there := p.visit("ann", "/account"), p.visit("ann", "/account")
	stranger := p.visit("noor", "/account")
	g := here.get("/account/sessions")
	ids := regexp.MustCompile(`name="session" value="([^"]*)"`).FindAllStringSubmatch(g.body, -1)
	if len(ids) != 2 {
		t.Fatalf("%d sessions", len(ids))
	}
	stranger.to("/account/sessions/end", "session", ids[0][1]).want(404)
	g.to("/account/sessions/end", "all", "1").want(200).has("All other devices are signed out")
	there.get("/account").want(200).has("Sign in")
	g = here.get("/account/sessions").want200(t)
	id := regexp.MustCompile(`name="session" value="([^"]*)"`).FindStringSubmatch(g.body)[1]
	g.to("/account/sessions/end", "session", id).want(200).has("Sign in")
	here.get("/account").want(200).has("Sign in")
}

func (g page) want200(t *testing.T) page {
	t.Helper()
	g.want(200)
	return g
}

func TestAPasswordIsChangedByWhoeverKnowsIt(t *testing.T) {
	p := household(t)
	g, there := p.visit("ann", "/account/security"), p.visit("ann", "/account")
	const fresh = "seven otters in a row"
	g.to("/account/password", "old", "wrong", "password", fresh, "repeated", fresh).want(422).has("not your present password", `href="#old"`)
	g.to("/account/password", "old", password, "password", fresh, "repeated", "other").want(422).has("passwords differ", `href="#repeated"`)
	g.to("/account/password", "old", password, "password", "short", "repeated", "short").want(422).has("too short", `href="#password"`)
	g.to("/account/password", "old", password, "password", fresh, "repeated", fresh).want(200).has("Your password is changed")
	there.get("/account").want(200).has("Sign in")
	if _, err := p.identity.SignIn(t.Context(), "ann", fresh, identity.Origin{}); err != nil {
		t.Error(err)
	}
}

func TestAnAuthenticatorAppIsSetUpUsedAndRemoved(t *testing.T) {
	p := household(t)
	g := p.visit("ann", "/account/security")
	shown := g.to("/account/totp", "do", "begin")
	shown.want(200).has("data:image/png;base64,", "type this key")
	secret := regexp.MustCompile(`<p class="secret"><code>([A-Z2-7]+)</code>`).FindStringSubmatch(shown.body)[1]
	shown.to("/account/totp", "do", "confirm", "code", "000000").want(422).has("code is wrong")
	code := func() string {
		text, err := totp.GenerateCode(secret, p.clock.Time())
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	codes := shown.to("/account/totp", "do", "confirm", "code", code())
	codes.want(200).has("recovery codes")
	recovery := regexp.MustCompile(`<li><code>([a-z2-7-]+)</code>`).FindStringSubmatch(codes.body)[1]

	p.clock.Pass(time.Minute)
	again := p.visit("ann", "/account/security")
	again.want(200).has("Second factor")
	again.send("code", "000000").want(422).has("code is wrong")
	again = again.send("code", code())
	again.want(200).has("10 recovery codes are left")
	third := p.visit("ann", "/account/security").send("code", recovery)
	third.want(200).has("9 recovery codes are left")
	third.to("/account/totp", "do", "codes").want(200).has("recovery codes")
	third.to("/account/totp", "do", "remove").want(200).has("signed out everywhere", "Sign in")
	p.visit("ann", "/account").want(200).has("Apps that may use your data")
}

func TestSignInGoesOnToThePageThatWasAskedForAndToNoOther(t *testing.T) {
	p := household(t)
	p.visit("root", "/account/users?role=nurse").want(200).has("Users")
	for _, next := range []string{"https://evil.example", "//evil.example", "/account/../auth/x", `/account\evil`, "/accountant", "/account//evil.example"} {
		b := p.browser()
		a := b.do(b.http, "POST", p.url+"/account/sign-in", url.Values{"login": {"ann"}, "password": {password}, "next": {next}})
		if to := a.header.Get("Location"); to != p.url+"/account" {
			t.Errorf("%s leads to %s", next, to)
		}
	}
	b := p.browser()
	b.do(b.http, "POST", p.url+"/account/sign-in", url.Values{"login": {"ann"}, "password": {password}}, "Sec-Fetch-Site", "cross-site").want(403)
}

func TestARoleThatNeedsASecondFactorSetsOneUpAtSignIn(t *testing.T) {
	p := household(t)
	g := p.visit("root", "/account/policy")
	nurse := p.user("nick", identity.Nurse)
	g.to("/account/policy", "role", "nurse").want(200).has("Saved.")
	in := p.visit(nurse.Login, "/account")
	in.want(200).has("Your role needs a second factor", "data:image/png;base64,")
	secret := regexp.MustCompile(`<p class="secret"><code>([A-Z2-7]+)</code>`).FindStringSubmatch(in.body)[1]
	code, err := totp.GenerateCode(secret, p.clock.Time())
	if err != nil {
		t.Fatal(err)
	}
	in.send("code", code).want(200).has("Recovery codes")
	in.get("/account/security").want(200).has("recovery codes are left")
	g.to("/account/policy", "role", "king").want(422).has("no role")
}

func TestAnAdministratorMakesUsersWhoChooseTheirPassword(t *testing.T) {
	p := household(t)
	g := p.visit("root", "/account/users/new")
	g.send("login", "", "links", "").want(422).has(`href="#login"`)
	g.send("login", "ann").want(422).has("is taken")
	g.send("login", "x", "links", "Patient").want(422).has("each line is a resource")
	g.send("login", "x", "links", "Group/1").want(422).has("no resource that a user can be")
	made := g.send("login", "otto@clinic.example", "name", "Otto", "role", "practitioner", "links", "Practitioner/noor PractitionerRole/gp\r\n")
	made.want(200).has("A link for otto@clinic.example", "only now")
	link := regexp.MustCompile(p.url + `/account/invitation/[\w-]+`).FindString(made.body)

	b := p.browser()
	in := page{b.do(b.http, "GET", link, nil), b, link}
	in.want(200).has("Choose a password for", "otto@clinic.example")
	in.send("password", "short", "repeated", "short").want(422).has("too short")
	in.send("password", "a long walk home", "repeated", "another").want(422).has("differ")
	p.do(b.http, "POST", link, url.Values{"password": {"a long walk home"}, "repeated": {"a long walk home"}}, "Sec-Fetch-Site", "cross-site").want(403)
	in.send("password", "a long walk home", "repeated", "a long walk home").want(200).has("Apps that may use your data", "Otto")
	p.do(p.client, "GET", link, nil).want(404).has("was used before")
	u, err := p.identity.UserByLogin(t.Context(), "otto@clinic.example")
	if err != nil || u.Links[0].PractitionerRole != "gp" {
		t.Errorf("%+v, %v", u, err)
	}
	g.get("/account/users?login=otto@clinic.example").want(200).has("Otto", "Practitioner/noor (PractitionerRole/gp)")
	// Who is disabled before the link is opened chooses nothing.
	made = p.visit("root", "/account/users/new").send("login", "ida", "role", "practitioner")
	link = regexp.MustCompile(p.url + `/account/invitation/[\w-]+`).FindString(made.body)
	if u, err = p.identity.UserByLogin(t.Context(), "ida"); err != nil {
		t.Fatal(err)
	}
	u.Disabled = true
	if _, err := p.identity.UpdateUser(t.Context(), *u); err != nil {
		t.Fatal(err)
	}
	p.do(p.client, "GET", link, nil).want(403).has("This account is disabled")
}

func TestAnAdministratorChangesAndDisablesUsersButNotOneself(t *testing.T) {
	p := household(t)
	ann, err := p.identity.UserByLogin(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	root, err := p.identity.UserByLogin(t.Context(), "root")
	if err != nil {
		t.Fatal(err)
	}
	patient := p.visit("ann", "/account")
	g := p.visit("root", "/account/users/user/"+ann.ID)
	g.want(200).has("ann", "Patient/ann", "on 1 device")
	g.send("do", "sign-out").want(200).has("signed out everywhere")
	patient.get("/account").want(200).has("Sign in")
	g.send("do", "unlock").want(200).has("try to sign in again")
	g.send("do", "invite").want(200).has("/account/invitation/")
	g.send("do", "fly").want(400)
	key := must(p.identity.BeginTOTP(t.Context(), ann.ID))
	must(p.identity.ConfirmTOTP(t.Context(), ann.ID, must(totp.GenerateCode(key.Secret, p.clock.Time()))))
	g = g.get("/account/users/user/" + ann.ID)
	g.want(200).has("yes, 10 recovery codes left", "Remove authenticator app and passkeys")
	g.send("do", "factors").want(200).has("are removed from the user")
	p.visit("ann", "/account").want(200).has("Apps that may use your data")
	g = g.get("/account/users/user/" + ann.ID)
	g.send("do", "save", "login", "ann", "name", "Ann A.", "role", "patient", "links", "Patient/ann", "disabled", "1").want(200).has("Saved.", "disabled")
	b := p.browser()
	b.follow(b.do(b.http, "GET", p.url+"/account", nil)).send("login", "ann", "password", password).want(422).has("disabled")
	own := g.get("/account/users/user/" + root.ID)
	own.send("do", "save", "login", "root", "name", "Root").want(422).has("cannot take administration from yourself")
	own.send("do", "save", "login", "root", "role", "administrator", "disabled", "1").want(422)
}

func TestAnAdministratorSuspendsExceptsAndDeletesApps(t *testing.T) {
	p := household(t)
	c, _ := p.register(func(c *identity.Client) { c.Auth = identity.AuthBasic })
	g := p.visit("root", "/account/clients")
	g.want(200).has("Growth Chart", c.ID)
	g = g.get("/account/clients/app/" + c.ID)
	g.send("do", "suspend").want(200).has("nothing of it works any more", "suspended")
	if c, err := p.identity.Client(t.Context(), c.ID); err != nil || !c.Suspended {
		t.Errorf("%+v %v", c, err)
	}
	g.send("do", "resume").want(200).has("works again")
	for _, day := range []string{"2026-02-28", "2028-01-01", "tomorrow"} {
		g.send("do", "exception", "until", day).want(422).has(`href="#until"`)
	}
	g.send("do", "exception", "until", "2026-06-30").want(200).has("Saved.", `value="2026-06-30"`)
	kept, err := p.identity.Client(t.Context(), c.ID)
	if err != nil || kept.NeedsPKCE(time.Date(2026, 6, 30, 23, 0, 0, 0, time.UTC)) || !kept.NeedsPKCE(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%v until %v", err, kept.NoPKCEUntil)
	}
	g.send("do", "exception", "until", "").want(200)
	g.send("do", "delete", "confirm", "1").want(200).has("deleted", "No app is registered")
}

func TestTheFirstAdministratorIsMadeByALinkOnce(t *testing.T) {
	p := newPlace(t)
	secret, err := p.identity.FirstLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	link := auth.FirstURL(p.url, secret)
	b := p.browser()
	g := page{b.do(b.http, "GET", link, nil), b, link}
	g.want(200).has("no administrator yet")
	g.send("login", "", "password", password, "repeated", password).want(422).has(`href="#login"`)
	g.send("login", "root", "name", "Rita", "password", password, "repeated", password).want(200).has("Rita", "Rules")
	p.do(p.client, "GET", link, nil).want(404).has("was used before")
	p.do(p.client, "GET", auth.FirstURL(p.url, "igl_li_guess"), nil).want(404)
}

func TestABrowserThatSignedInBeforeIsNotLockedOutByOthers(t *testing.T) {
	p := household(t)
	ann := p.visit("ann", "/account")
	ann.to("/account/sign-out").want(200).has("Sign in")
	var known *http.Cookie
	for _, c := range ann.b.http.Jar.Cookies(must(url.Parse(p.url + "/account/sign-in"))) {
		if c.Name == "ingle-known" {
			known = c
		}
	}
	if known == nil || strings.Contains(known.Value, "ann") {
		t.Fatalf("%v", known)
	}
	stranger := p.browser()
	g := stranger.follow(stranger.do(stranger.http, "GET", p.url+"/account", nil))
	for range 10 {
		g = g.send("login", "ann", "password", "not the password")
	}
	g.send("login", "ann", "password", password).want(429).has("Too many sign-ins failed. Try again in a minute.")
	p.clock.Pass(time.Minute)
	g.send("login", "ann", "password", "not the password").want(422)
	g.send("login", "ann", "password", password).want(429).has("Try again in 2 minutes.")
	ann.get("/account").send("login", "ann", "password", password).want(200).has("Apps that may use your data")
	p.visit("noor", "/account").want(200) // others are not touched
}

func TestWhoSignedInLongAgoDoesNotChangeHow(t *testing.T) {
	p := household(t)
	g := p.visit("ann", "/account/security")
	p.clock.Pass(16 * time.Minute)
	for _, path := range []string{"/account/totp", "/account/passkeys/begin", "/account/passkeys/remove"} {
		for _, do := range []string{"begin", "confirm", "codes", "remove"} {
			g.to(path, "do", do, "passkey", "x").want(403).has("sign in again")
		}
	}
	g = g.get("/account/sign-in").send("login", "ann", "password", password).get("/account/security")
	g.to("/account/totp", "do", "begin").want(200).has("type this key")
}

func TestPasskeysAreOfferedWhereBrowsersHaveThem(t *testing.T) {
	local := func(ic *identity.Config, _ *auth.Config) {
		ic.Issuer = strings.Replace(ic.Issuer, "127.0.0.1", "localhost", 1)
	}
	p := household(t, local)
	p.url = strings.Replace(p.url, "127.0.0.1", "localhost", 1)
	g := p.visit("ann", "/account/security")
	g.want(200).has("Add a passkey")
	policy := g.header.Get("Content-Security-Policy")
	script := regexp.MustCompile(`<script src="([^"]*/auth/[^"]*)" defer></script>`).FindStringSubmatch(g.body)[1]
	if !strings.HasPrefix(script, p.url+"/") || !strings.HasSuffix(policy, "script-src 'self'; connect-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %s, script %s", policy, script)
	}
	js := p.do(p.client, "GET", script, nil).want(200).has("navigator.credentials.create")
	if !strings.HasPrefix(js.header.Get("Content-Type"), "text/javascript") {
		t.Errorf("%v", js.header)
	}
	begun := g.to("/account/passkeys/begin").want(200).json()
	if begun["token"] == "" || begun["options"].(map[string]any)["publicKey"] == nil {
		t.Errorf("%v", begun)
	}
	g.to("/account/passkeys/finish", "ceremony", begun["token"].(string), "answer", "{}").want(400).has("not accepted")
	g.to("/account/passkeys/remove", "passkey", "x").want(404)

	b := p.browser()
	begun = b.do(b.http, "POST", p.url+"/auth/passkey/begin", url.Values{}).want(200).json()
	b.do(b.http, "POST", p.url+"/auth/passkey/finish", url.Values{"ceremony": {begun["token"].(string)}, "answer": {"{}"}}).want(400)
	for _, path := range []string{"/auth/passkey/begin", "/auth/passkey/finish"} {
		b.do(b.http, "POST", p.url+path, url.Values{}, "Sec-Fetch-Site", "cross-site").want(403)
	}
	if status := household(t).visit("ann", "/account/security").to("/account/passkeys/begin").status; status != http.StatusBadRequest {
		t.Errorf("without https: %d", status)
	}
}

func TestPasskeysAreOfferedInTheFlowOfAnApp(t *testing.T) {
	p := household(t, func(ic *identity.Config, _ *auth.Config) {
		ic.Issuer = strings.Replace(ic.Issuer, "127.0.0.1", "localhost", 1)
	})
	p.url = strings.Replace(p.url, "127.0.0.1", "localhost", 1)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "patient/*.rs"))
	g.want(200).has("Sign in with a passkey", `data-begin="`+p.url+`/auth/passkey/begin"`, `data-next="`+g.address+`"`, "Growth Chart")
	if !strings.Contains(g.header.Get("Content-Security-Policy"), "form-action 'self' https://app.example") {
		t.Errorf("%v", g.header)
	}
}
