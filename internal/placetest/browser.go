package placetest

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Browser keeps cookies as a browser does, and follows nothing by itself.
type Browser struct {
	T    testing.TB
	URL  string
	HTTP *http.Client
}

// Browser is a new one.
func (p *Place) Browser() Browser {
	p.T.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.T.Fatal(err)
	}
	return Browser{p.T, p.URL, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Do sends a request to a path of the place or to an address, with a form, which may be nil, and headers: name, value, ...
func (b Browser) Do(method, path string, form url.Values, header ...string) Answer {
	b.T.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.URL + path
	}
	var body io.Reader
	posted := form != nil || method == http.MethodPost
	if posted {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.T.Context(), method, path, body)
	if err != nil {
		b.T.Fatal(err)
	}
	if posted {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return Send(b.T, b.HTTP, r)
}

// Get asks for a page.
func (b Browser) Get(path string) Answer {
	b.T.Helper()
	return b.Do(http.MethodGet, path, nil, "Accept", "text/html")
}

// Send sends any request.
func Send(t testing.TB, client *http.Client, r *http.Request) Answer {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{t, resp.StatusCode, resp.Header, string(body), resp.Request.URL.Path}
}

// Answer is an answer that has been read.
type Answer struct {
	T      testing.TB
	Status int
	Header http.Header
	Body   string
	Path   string // from where it came in the end
}

// Want says which status it has.
func (a Answer) Want(status int) Answer {
	a.T.Helper()
	if a.Status != status {
		a.T.Fatalf("%s: status %d, not %d: %s %s", a.Path, a.Status, status, a.Header.Get("Location"), a.Body)
	}
	return a
}

// Text is the body with character references resolved.
func (a Answer) Text() string { return html.UnescapeString(a.Body) }

// Has says that all texts are in the body.
func (a Answer) Has(texts ...string) Answer {
	a.T.Helper()
	for _, text := range texts {
		if text == "" || !strings.Contains(a.Text(), text) {
			a.T.Errorf("%s: no %q in %s", a.Path, text, a.Body)
		}
	}
	return a
}

// Lacks says that none of the texts is in the body; those with markup may be there as mere text.
func (a Answer) Lacks(texts ...string) Answer {
	a.T.Helper()
	for _, text := range texts {
		if text == "" || strings.Contains(a.Body, text) || !strings.Contains(text, "<") && strings.Contains(a.Text(), text) {
			a.T.Errorf("%s: %q is in %s", a.Path, text, a.Body)
		}
	}
	return a
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// Hidden are the hidden fields of the body's forms.
func (a Answer) Hidden() url.Values {
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(a.Body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return form
}
