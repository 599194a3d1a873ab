package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// browser keeps cookies, follows redirects and fills in forms.
type browser struct {
	t    *testing.T
	http *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar}}
}

// page is what the browser shows, with the values of a form on it.
type page struct {
	*browser
	address *url.URL
	text    string
	form    string // where its first form is sent, or the one that action chose
	values  url.Values
}

var (
	form      = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)".*?</form>`)
	input     = regexp.MustCompile(`<input ([^>]*)>`)
	attribute = regexp.MustCompile(`([a-z]+)(?:="([^"]*)")?`)
)

func (b *browser) open(address string) page {
	b.t.Helper()
	return b.do(http.MethodGet, address, nil)
}

func (b *browser) do(method, address string, values url.Values) page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p := page{browser: b, address: resp.Request.URL, text: string(body)}
	if m := form.FindStringSubmatch(p.text); m != nil {
		p.take(m)
	}
	return p
}

// take fills in what a form proposes: fields with values, and what is ticked.
func (p *page) take(found []string) {
	p.form, p.values = html.UnescapeString(found[1]), url.Values{}
	for _, m := range input.FindAllStringSubmatch(found[0], -1) {
		has := map[string]string{}
		for _, a := range attribute.FindAllStringSubmatch(m[1], -1) {
			has[a[1]] = html.UnescapeString(a[2])
		}
		_, checked := has["checked"]
		if choice := has["type"] == "checkbox" || has["type"] == "radio"; has["name"] != "" && (!choice || checked) {
			p.values.Add(has["name"], has["value"])
		}
	}
}

// fill sets fields: name, value, ...
func (p page) fill(pairs ...string) page {
	for i := 0; i < len(pairs); i += 2 {
		p.values.Set(pairs[i], pairs[i+1])
	}
	return p
}

// untick takes the tick from a scope.
func (p page) untick(scope string) page {
	p.t.Helper()
	before := len(p.values["scope"])
	p.values["scope"] = slices.DeleteFunc(p.values["scope"], func(s string) bool { return s == scope })
	if len(p.values["scope"]) == before {
		p.t.Fatalf("%s is not ticked in\n%s", scope, p.text)
	}
	return p
}

// action chooses one of several forms, by where it is sent.
func (p page) action(address string) page {
	p.t.Helper()
	for _, m := range form.FindAllStringSubmatch(p.text, -1) {
		if html.UnescapeString(m[1]) == address {
			p.take(m)
			return p
		}
	}
	p.t.Fatalf("there is no form for %s in\n%s", address, p.text)
	return p
}

// submit sends the form by the button of a name, "" for one without.
func (p page) submit(button string) page {
	p.t.Helper()
	if button != "" {
		p.values.Set(button, "1")
	}
	to, err := p.address.Parse(p.form)
	if err != nil || p.form == "" {
		p.t.Fatalf("there is no form to send at %s: %v\n%s", p.address, err, p.text)
	}
	return p.do(http.MethodPost, to.String(), p.values)
}

// has fails unless the page shows the texts.
func (p page) has(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(p.text), text) {
			p.t.Errorf("%s: no %q in\n%s", p.address, text, p.text)
		}
	}
}
