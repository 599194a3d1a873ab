package pages

import (
	"html/template"
	"io"
	"io/fs"
	"sync"
)

// Template is the template of a page. A server has a hundred, of which it shows few most
// of the time, so that each is kept from its first use on. It is safe for concurrent use.
type Template struct{ get func() *template.Template }

// Made is the template that a function makes. It is called at once, so that a fault of the
// build does not wait for somebody to see the page, and again at the first use.
func Made(by func() *template.Template) *Template {
	by()
	return &Template{sync.OnceValue(by)}
}

// Parse makes the template of a page of a room: its own file, and the shared
// components. It panics when that cannot be, which is a fault of the build.
func Parse(from fs.FS, name string, more ...string) *Template {
	return Made(func() *template.Template {
		t := template.Must(template.New(name).Funcs(Words).ParseFS(pageFiles, "page/components.html"))
		return template.Must(t.ParseFS(from, append([]string{"page/" + name}, more...)...))
	})
}

// Execute writes what the template makes of data.
func (t *Template) Execute(w io.Writer, data any) error { return t.get().Execute(w, data) }

// Body makes the main part of a page of data: a Template, or one of html/template.
type Body interface {
	Execute(w io.Writer, data any) error
}
