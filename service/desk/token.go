package desk

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
)

var tokenTemplate = pages.Parse(pageFiles, "token.html")

// tokenPage tells what a token is. It never shows the token.
type tokenPage struct {
	Token, Action string
	Field         pages.Field
	Verdict       *pages.Tag
	Title         string
	Facts         []fact
	Scopes        []scopeWords
	Header        string // of a JWT
	Claims        string
}

// scopeWords is a scope with what it means.
type scopeWords struct{ Scope, Words string }

// maxToken bounds what is looked at, in bytes.
const maxToken = 16 << 10

func showToken(v *pages.Visit) error { return writeToken(v, tokenPage{}, "") }

func writeToken(v *pages.Visit, page tokenPage, wrong string) error {
	f := frame(v, "Token inspector", "/tokens", pages.Wide)
	if wrong != "" {
		f.Problems = []pages.Problem{{Field: "secret", Message: wrong}}
	}
	page.Token, page.Action = f.Token, v.Path(Path+"/tokens")
	page.Field = pages.Field{ID: "secret", Label: "Access token, refresh token or id_token", Hint: "Of one of your own apps. It is looked at and not kept, and stands in no log.", Rows: 4, Code: true, Error: wrong, Complete: "off"}
	return v.Write(pages.StatusOf(f.Problems), f, tokenTemplate, page)
}

// inspect tells what a token of one of the visitor's apps is.
func inspect(v *pages.Visit) error {
	token := strings.TrimSpace(v.Form.Get("secret"))
	token = strings.TrimSpace(strings.TrimPrefix(token, "Bearer "))
	switch {
	case token == "":
		return writeToken(v, tokenPage{}, "Paste a token.")
	case len(token) > maxToken:
		return writeToken(v, tokenPage{}, "This is longer than a token is.")
	case strings.Count(token, ".") == 2:
		return inspectJWT(v, token)
	}
	found, err := v.Identity.Introspect(v.R.Context(), token)
	if errors.Is(err, identity.ErrToken) {
		return inspectDead(v, token)
	}
	if err != nil {
		return err
	}
	c, err := mine(v, found.Client)
	if err != nil {
		return err
	}
	if c == nil {
		return writeToken(v, tokenPage{}, notMine)
	}
	return writeToken(v, tokenPage{Verdict: &pages.Tag{Kind: "good", Text: "good"}, Title: kindOfToken(found) + " of " + c.Name, Facts: factsOf(v, found), Scopes: inWords(found.Scopes)}, "")
}

const notMine = "This is no token of an app that you registered, as far as anybody can tell."

// mine is an app that the visitor registered; nil for any other.
func mine(v *pages.Visit, id string) (*identity.Client, error) {
	c, err := v.Identity.Client(v.R.Context(), id)
	if errors.Is(err, identity.ErrNoClient) || err == nil && (c.Owner == "" || c.Owner != v.User.ID) {
		return nil, nil
	}
	return c, err
}

func kindOfToken(i *identity.Introspection) string {
	if i.Refresh {
		return "A refresh token"
	}
	return "An access token"
}

// inspectDead tells of an access token that is no longer good that it was one.
func inspectDead(v *pages.Visit, token string) error {
	id, err := v.Identity.TokenClient(v.R.Context(), token)
	if err != nil {
		return err
	}
	c, err := mine(v, id)
	if err != nil {
		return err
	}
	if c == nil {
		return writeToken(v, tokenPage{}, notMine)
	}
	return writeToken(v, tokenPage{Verdict: &pages.Tag{Kind: "bad", Text: "not good any more"}, Title: "An access token of " + c.Name,
		Facts: []fact{{"What happened", "It has expired, or it was revoked: by the app, the user, an administrator, a sign-out, or because its code or refresh token was used twice."}}}, "")
}

func factsOf(v *pages.Visit, i *identity.Introspection) []fact {
	all := []fact{{"Issued", moment(i.Issued)}, {"Expires", moment(i.Expires) + ", " + until(i.Expires.Sub(v.Now))}}
	add := func(name, value string) {
		if value != "" {
			all = append(all, fact{name, value})
		}
	}
	add("User", i.UserName)
	add("User's resource", string(v.Identity.FHIRUserURL(i.FHIRUser)))
	add("Patient in context", i.Context.Patient)
	add("Encounter in context", i.Context.Encounter)
	add("Intent", i.Context.Intent)
	for _, item := range i.Context.Items {
		add("fhirContext", item.Reference+item.Canonical+" "+item.Role)
	}
	add("Purpose of use", i.Purpose)
	add("For the server", i.Resource)
	if i.User == "" {
		add("User", "none: the service acts by itself")
	}
	if i.Simulated != nil {
		add("Simulation", "one runs for the app, which may narrow what the token allows")
	}
	return all
}

// inWords are scopes with what they mean.
func inWords(all smart.Scopes) []scopeWords {
	var list []scopeWords
	for _, s := range all {
		list = append(list, scopeWords{s, pages.ScopeText(s, false)})
	}
	return list
}

// inspectJWT takes a JWT apart, if it is for one of the visitor's apps.
func inspectJWT(v *pages.Visit, token string) error {
	parts := strings.Split(token, ".")
	header, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	payload, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Audience any     `json:"aud"`
		Client   string  `json:"client_id"`
		Expires  float64 `json:"exp"`
		Issuer   string  `json:"iss"`
	}
	if err1 != nil || err2 != nil || json.Unmarshal(payload, &claims) != nil || !json.Valid(header) {
		return writeToken(v, tokenPage{}, "This looks like a JWT and is none: header and claims are JSON in base64url.")
	}
	var c *identity.Client
	ids := []string{claims.Client}
	switch aud := claims.Audience.(type) {
	case string:
		ids = append(ids, aud)
	case []any:
		for _, one := range aud[:min(len(aud), 10)] {
			ids = append(ids, fmt.Sprint(one))
		}
	}
	for _, id := range ids {
		found, err := mine(v, id)
		if err != nil {
			return err
		}
		if found != nil {
			c = found
		}
	}
	if c == nil {
		return writeToken(v, tokenPage{}, notMine)
	}
	page := tokenPage{Title: "A JWT for " + c.Name, Header: indented(header), Claims: indented(payload)}
	hint, err := v.Identity.ReadIDHint(v.R.Context(), token)
	if err != nil && !errors.Is(err, identity.ErrToken) {
		return err
	}
	if err == nil && hint.Client == c.ID {
		page.Title = "An id_token for " + c.Name
		page.Facts = append(page.Facts, fact{"Signature", "of this server, and right"})
	} else {
		_, err = v.Identity.Introspect(v.R.Context(), token)
		if err != nil && !errors.Is(err, identity.ErrToken) {
			return err
		}
		known := err == nil
		words := "not that of an id_token of this server: never believe what it says"
		if known {
			words = "the token is one that this server issued for another resource server"
		}
		page.Facts = append(page.Facts, fact{"Signature", words})
		if !known {
			page.Verdict = &pages.Tag{Kind: "bad", Text: "not to be believed"}
		}
	}
	expires := time.Unix(int64(claims.Expires), 0)
	if claims.Expires > 0 && claims.Expires < 1<<40 {
		page.Facts = append(page.Facts, fact{"Expires", moment(expires) + ", " + until(expires.Sub(v.Now))})
	}
	if page.Verdict == nil {
		page.Verdict = &pages.Tag{Kind: "good", Text: "good"}
		if !v.Now.Before(expires) {
			page.Verdict = &pages.Tag{Kind: "bad", Text: "expired"}
		}
	}
	if claims.Issuer != v.Identity.Issuer() {
		page.Facts = append(page.Facts, fact{"Issuer", "it names another than this server, " + v.Identity.Issuer()})
	}
	return writeToken(v, page, "")
}

func indented(text []byte) string {
	var value any
	if json.Unmarshal(text, &value) != nil {
		return ""
	}
	out, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return ""
	}
	return string(out)
}

func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05") + " UTC" }

func until(d time.Duration) string {
	if d <= 0 {
		return "that is over"
	}
	return "in " + d.Round(time.Second).String()
}
