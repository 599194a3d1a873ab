package testpackage

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

// Parameters packs a package of search parameters for R4, each given as "code
// type expression", the type that its expression begins with being its base.
func Parameters(t testing.TB, parameters ...string) []byte {
	t.Helper()
	files := map[string]string{"package.json": `{"name":"example.guide","version":"1.0.0","fhirVersions":["4.0.1"]}`}
	for _, p := range parameters {
		f := strings.SplitN(p, " ", 3)
		base, _, _ := strings.Cut(f[2], ".")
		files[f[0]+".json"] = fmt.Sprintf(`{"resourceType":"SearchParameter","id":%[1]q,"url":"http://example.org/SearchParameter/%[1]s",
			"name":%[1]q,"status":"active","description":"d","code":%[1]q,"base":[%[4]q],"type":%[2]q,"expression":%[3]q}`, f[0], f[1], f[2], base)
	}
	return Pack(t, files)
}

// Pack packs files by the names that they have directly under package/.
func Pack(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	w := tar.NewWriter(zipped)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o600, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
