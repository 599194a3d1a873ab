package desk

import (
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var appTemplate = pages.Parse(pageFiles, "app.html", "page/head.html", "page/settings.html", "page/snippets.html")

// appPage is what an app is, how it is used from code, and what can be changed of it.
type appPage struct {
	head
	settings
	Kind, FHIR      string
	May             []string // its scopes in words
	Secret, KeyPair bool
	ConfirmProblem  string
	Snippets        []snippet
}

func showApp(v *pages.Visit, c *identity.Client) error { return writeApp(v, c, settingsOf(c), nil) }

// settingsOf are the settings that an app has.
func settingsOf(c *identity.Client) settings {
	banner := "chart"
	if c.OwnBanner {
		banner = "app"
	}
	return settings{
		Banner: banner, Name: c.Name, Redirects: strings.Join(c.Redirects, "\n"), Launch: c.LaunchURI, Home: c.URI, Policy: c.PolicyURI, Scope: c.Scopes.String(),
		Keys: string(c.JWKS), URI: c.JWKSURI,
	}
}

var notices = map[string]string{"saved": "Saved.", "started": "It runs: the requests of the app are traced.", "ended": "It has ended.", "tested": "The test was taken.", "forgotten": "The trace is empty.", "added": "The address is registered. Launch the app again."}

func writeApp(v *pages.Visit, c *identity.Client, s settings, problems []pages.Problem) error {
	h, err := heading(v, c, "")
	if err != nil {
		return err
	}
	f := frame(v, c.Name, "", pages.Wide)
	f.Problems, f.Notice = problems, notices[v.Query.Get("done")]
	s.frame = &f
	page := appPage{
		head: h, settings: s, Kind: kindOf(c), FHIR: v.Identity.FHIRBase(), May: pages.ScopeTexts(c.Scopes, false), Secret: c.SecretHash != "",
		KeyPair: c.Auth == identity.AuthAsymmetric, ConfirmProblem: f.Problem("confirm"), Snippets: snippets(v, c),
	}
	return v.Write(pages.StatusOf(problems), f, appTemplate, page)
}

// changeApp saves the settings, replaces the secret or the keys, or deletes the app.
func changeApp(v *pages.Visit, c *identity.Client) error {
	ctx := v.R.Context()
	switch v.Form.Get("do") {
	case "save":
		s := readSettings(v)
		s.Keys, s.URI = string(c.JWKS), c.JWKSURI
		changed := *c
		err := s.apply(&changed)
		if err == nil && c.Approved && !v.Identity.Sandbox() && !within(&changed, c) {
			err = fault.New(fault.Unprocessable, fault.CodeBusinessRule, "", "an administrator approved this app as it is; with another name, another address or more scopes it is registered anew")
		}
		if err == nil {
			err = v.Identity.UpdateClient(ctx, &changed)
		}
		if list := problemsOf(err); list != nil {
			return writeApp(v, c, s, list)
		}
		if err != nil {
			return err
		}
		return done(v, c, "", "saved")
	case "secret":
		secret, err := v.Identity.ReplaceSecret(ctx, c.ID)
		if err != nil {
			return err
		}
		return showSecret(v, secretPage{Title: "The new secret", Client: c, Secret: secret})
	case "keys":
		return replaceKeys(v, c)
	case "generate":
		private, public, err := generate()
		if err == nil {
			err = v.Identity.ReplaceKeys(ctx, c.ID, public, "")
		}
		if err != nil {
			return err
		}
		return showSecret(v, secretPage{Title: "The new key pair", Client: c, Private: private})
	case "delete":
		if v.Form.Get("confirm") == "" {
			return writeApp(v, c, settingsOf(c), []pages.Problem{{Field: "confirm", Message: "Tick that the app is to be deleted for good."}})
		}
		if err := v.Identity.DeleteClient(ctx, c.ID); err != nil {
			return err
		}
		return v.See(v.Path(Path) + "?done=deleted")
	}
	return fault.New(fault.Invalid, fault.CodeInvalid, "", "do is save, secret, keys, generate or delete.")
}

// within says whether an app has no scope and no address that it did not have before,
// nor another name.
func within(now, before *identity.Client) bool {
	return now.Name == before.Name && now.LaunchURI == before.LaunchURI &&
		!slices.ContainsFunc(now.Scopes, func(s string) bool { return !before.Scopes.Covered(s) }) &&
		!slices.ContainsFunc(now.Redirects, func(r string) bool { return !slices.Contains(before.Redirects, r) })
}

func replaceKeys(v *pages.Visit, c *identity.Client) error {
	s := settingsOf(c)
	s.Keys, s.URI = strings.TrimSpace(v.Form.Get("jwks")), strings.TrimSpace(v.Form.Get("jwks_uri"))
	err := v.Identity.ReplaceKeys(v.R.Context(), c.ID, json.RawMessage(s.Keys), s.URI)
	if list := problemsOf(err); list != nil {
		return writeApp(v, c, s, list)
	}
	if err != nil {
		return err
	}
	return done(v, c, "", "saved")
}

// done leads to a page of the app that says what was done.
func done(v *pages.Visit, c *identity.Client, tab, what string) error {
	return v.See(v.Path(Path+"/app/"+c.ID+tab) + "?" + url.Values{"done": {what}}.Encode())
}

// address is where the visitor is, on the network.
func address(v *pages.Visit) string {
	host, _, err := net.SplitHostPort(v.R.RemoteAddr)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); ip != nil {
		return ip.String()
	}
	return host
}
