package validate

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
)

// packed lays resources over base, as a package.
func packed(t testing.TB, base *definitions.Definitions, resources ...string) *definitions.Definitions {
	t.Helper()
	d, err := pack(t, base, resources...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// pack is packed that lets the caller see to the error.
func pack(t testing.TB, base *definitions.Definitions, resources ...string) (*definitions.Definitions, error) {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	tw := tar.NewWriter(gz)
	files := map[string]string{"package/package.json": `{"name":"example","version":"1","fhirVersions":["` + base.Version + `"]}`}
	for i, r := range resources {
		files[fmt.Sprintf("package/%d.json", i)] = r
	}
	for name, content := range files {
		if err := tw.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return definitions.LoadPackage(&b, base)
}

// eachPackedExample calls f with each resource in package/example.
func eachPackedExample(t *testing.T, name string, f func(file string, content []byte)) {
	t.Helper()
	in, err := os.Open(testdata.Dir(t, "packages", name))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	gz, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(gz); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		file, ok := strings.CutPrefix(h.Name, "package/example/")
		if !ok || file[0] == '.' || !strings.HasSuffix(file, ".json") {
			continue
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		f(file, content)
	}
}
