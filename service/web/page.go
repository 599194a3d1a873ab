package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
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
// request to anywhere.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// WritePage answers with an HTML page whose main part is what body makes of
// data. Nothing is written when that fails. The page is not to be cached.
func WritePage(w http.ResponseWriter, status int, title string, body *template.Template, data any) error {
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
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the client may be gone
	return nil
}
