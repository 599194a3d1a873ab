package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

//go:embed page/page.css
var pageStyle string

var layout = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>{{.Style}}</style>
</head>
<body>
<main>
{{.Body}}
</main>
</body>
</html>
`))

// pagePolicy lets a page have the one style and nothing else: no script, no
// request to anywhere. What forms may lead to follows it.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; frame-ancestors 'none'; form-action "
}()

// WritePage answers with an HTML page whose main part is what body makes of
// data. Nothing is written when that fails. The page is not to be cached.
func WritePage(w http.ResponseWriter, status int, title string, body *template.Template, data any) error {
	return write(w, status, title, body, data, "'none'")
}

// WriteForm is WritePage for a page whose forms are sent to its own origin, from
// where they may lead on to the sources target, as Content-Security-Policy writes
// them. Its forms tell their origin, by which it is seen that they are its own.
func WriteForm(w http.ResponseWriter, status int, title string, body *template.Template, data any, target ...string) error {
	w.Header().Set("Referrer-Policy", "same-origin")
	return write(w, status, title, body, data, strings.Join(append([]string{"'self'"}, target...), " "))
}

func write(w http.ResponseWriter, status int, title string, body *template.Template, data any, forms string) error {
	var inner, page bytes.Buffer
	if err := body.Execute(&inner, data); err != nil {
		return err
	}
	err := layout.Execute(&page, struct {
		Title string
		Style template.CSS
		Body  template.HTML
	}{title, template.CSS(pageStyle), template.HTML(inner.String())}) //nolint:gosec // it was made by a template
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy+forms)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the client may be gone
	return nil
}
