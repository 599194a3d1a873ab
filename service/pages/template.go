package pages

import (
	"html/template"
	"io"
	"io/fs"
	"iter"
	"slices"
	"sync"
)

// Template is the template of a page. A server has a hundred, of which it shows few most
// of the time, and a command none, so that each is made at its first use and kept from
// then on. It is safe for concurrent use.
type Template struct{ get func() *template.Template }

var all []*Template

// All are the templates of the rooms that the program has: what a test makes, so that
// a fault of one does not wait for somebody to see the page.
func All() iter.Seq[*Template] { return slices.Values(all) }

// Made is the template that a function makes, for a variable of a room.
func Made(by func() *template.Template) *Template {
	t := &Template{sync.OnceValue(by)}
	all = append(all, t)
	return t
}

// Parse makes the template of a page of a room: its own file, and the shared
// components. It panics when that cannot be, which is a fault of the build.
func Parse(from fs.FS, name string, more ...string) *Template {
	return Made(func() *template.Template {
		t := template.Must(template.New(name).Funcs(Words).ParseFS(pageFiles, "page/components.html"))
		return template.Must(t.ParseFS(from, append([]string{"page/" + name}, more...)...))
	})
}

// Name is the name of its file. It panics when the template cannot be made.
func (t *Template) Name() string { return t.get().Name() }

// Execute writes what the template makes of data.
func (t *Template) Execute(w io.Writer, data any) error { return t.get().Execute(w, data) }

// Body makes the main part of a page of data: a Template, or one of html/template.
type Body interface {
	Execute(w io.Writer, data any) error
}
