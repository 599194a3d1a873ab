package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// Assets are files that pages refer to by names that change with what they hold, so
// that browsers keep them for good.
type Assets struct {
	byPath map[string]asset
	paths  map[string]string
}

type asset struct {
	kind    string
	content []byte
}

//go:embed asset/*
var files embed.FS

var shared = MakeAssets(files, "asset")

var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp",
}

// MakeAssets makes assets of the files in a folder. It panics when they cannot be
// read, which for embedded files is a fault of the build.
func MakeAssets(from fs.FS, folder string) *Assets {
	a := &Assets{byPath: map[string]asset{}, paths: map[string]string{}}
	entries, err := fs.ReadDir(from, folder)
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		content, err := fs.ReadFile(from, path.Join(folder, e.Name()))
		if err != nil {
			panic(err)
		}
		ext := path.Ext(e.Name())
		if kinds[ext] == "" {
			panic("pages: what kind of file is " + e.Name() + "?")
		}
		sum := sha256.Sum256(content)
		at := "/assets/" + strings.TrimSuffix(e.Name(), ext) + "-" + hex.EncodeToString(sum[:6]) + ext
		a.byPath[at], a.paths[e.Name()] = asset{kinds[ext], content}, at
	}
	return a
}

// Path is the address of a file, for the page of any tenant. It panics for one that
// there is not.
func (a *Assets) Path(name string) string {
	at, ok := a.paths[name]
	if !ok {
		panic("pages: there is no asset " + name)
	}
	return at
}

// Size is the length of a file in bytes.
func (a *Assets) Size(name string) int { return len(a.byPath[a.Path(name)].content) }

// Mount serves them.
func (a *Assets) Mount(site *web.Site) {
	for at := range a.byPath {
		site.Handle("GET "+at, a)
	}
}

// ServeHTTP implements http.Handler.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one, ok := a.byPath[r.URL.Path]
	if !ok {
		web.Fail(w, r, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such file."))
		return
	}
	h := w.Header()
	h.Set("Content-Type", one.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(one.content) // the client may be gone
}
