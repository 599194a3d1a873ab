package definitions

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

const guideManifest = `{"name":"example.guide","version":"1.0.0","fhirVersions":["4.0.1"]}`

// tgz packs files, given as name and content by turns.
func tgz(t testing.TB, files ...string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	tw := tar.NewWriter(gz)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Name: files[i], Typeflag: tar.TypeReg, Size: int64(len(files[i+1])), Mode: 0o644}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(tw, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestABadPackageIsRefusedWithItsReason(t *testing.T) {
	manifest := []string{"package/package.json", guideManifest}
	with := func(files ...string) io.Reader { return tgz(t, append(manifest, files...)...) }
	whole := tgz(t, append(manifest, "package/a.json", strings.Repeat(" ", 5000))...).Bytes()
	for _, c := range []struct {
		name string
		in   io.Reader
		base *Definitions
		want []string
	}{
		{"text", strings.NewReader("hello"), MustBuiltIn(R4), []string{"no FHIR package", "gzip"}},
		{"empty", strings.NewReader(""), MustBuiltIn(R4), []string{"no FHIR package"}},
		{"cut off", bytes.NewReader(whole[:len(whole)/2]), MustBuiltIn(R4), []string{"cannot be read"}},
		{"no manifest", tgz(t, "package/a.json", "{}"), MustBuiltIn(R4), []string{"package/package.json"}},
		{"bad manifest", tgz(t, "package/package.json", "{"), MustBuiltIn(R4), []string{"package/package.json"}},
		{"path outside", with("../../etc/passwd", "x"), MustBuiltIn(R4), []string{"../../etc/passwd", "outside"}},
		{"absolute path", with("/etc/passwd", "x"), MustBuiltIn(R4), []string{"/etc/passwd", "outside"}},
		{"malformed JSON", with("package/ValueSet-a.json", `{"resourceType":"ValueSet",}`), MustBuiltIn(R4), []string{"package/ValueSet-a.json"}},
		{"malformed list", with("package/list.json", `[1,]`), MustBuiltIn(R4), []string{"package/list.json"}},
		{"wrong type of value", with("package/SearchParameter-a.json", `{"resourceType":"SearchParameter","code":1}`), MustBuiltIn(R4), []string{"package/SearchParameter-a.json"}},
		{"bad cardinality", with("package/StructureDefinition-a.json", `{"resourceType":"StructureDefinition","url":"http://example.org/a","snapshot":{"element":[{"path":"Patient","max":"many"}]}}`), MustBuiltIn(R4), []string{"StructureDefinition-a.json", "many"}},
		{"other release", tgz(t, "package/package.json", `{"name":"g","version":"1","fhirVersions":["5.0.0"]}`), MustBuiltIn(R4), []string{"5.0.0", "R4"}},
		{"guide without base", with(), nil, []string{"on top of"}},
		{"core over core", with("package/StructureDefinition-Resource.json", `{"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/Resource"}`), MustBuiltIn(R4), []string{"release of its own"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := LoadPackage(c.in, c.base)
			if err == nil {
				t.Fatal("it was loaded")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// bomb gives a gzipped tar of files that each hold size zeros.
func bomb(t *testing.T, name string, size int64, files int) io.Reader {
	t.Helper()
	r, w := io.Pipe()
	go func() {
		gz := gzip.NewWriter(w)
		tw := tar.NewWriter(gz)
		for range files {
			if tw.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: size}) != nil {
				break
			}
			if _, err := io.CopyN(tw, zeros{}, size); err != nil {
				break
			}
		}
		w.CloseWithError(io.ErrUnexpectedEOF)
	}()
	t.Cleanup(func() { _ = r.Close() })
	return r
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestAZipBombIsRefused(t *testing.T) {
	_, err := LoadPackage(bomb(t, "package/ValueSet-a.json", maxPackageFile+1, 1), MustBuiltIn(R4))
	if err == nil || !strings.Contains(err.Error(), "64 MiB") {
		t.Errorf("one huge file: %v", err)
	}
	_, err = LoadPackage(bomb(t, "package/other/filler.bin", maxPackageBytes+1, 1), MustBuiltIn(R4))
	if err == nil || !strings.Contains(err.Error(), "512 MiB") {
		t.Errorf("too much in all: %v", err)
	}
}

func TestAFileOfAPackageMayBeginWithAByteOrderMarkOrBeNoResource(t *testing.T) {
	d, err := LoadPackage(tgz(t, "package/package.json", "\uFEFF"+guideManifest,
		"package/ValueSet-a.json", "\uFEFF"+`{"resourceType":"ValueSet","url":"http://example.org/a"}`,
		"package/ValueSet-b.json", " \n"+`{"resourceType":"ValueSet","url":"http://example.org/b"}`,
		"package/list.json", `[{"resourceType":"ValueSet"}]`,
		"package/other.json", `{"a":1}`,
	), MustBuiltIn(R4))
	if err != nil {
		t.Fatal(err)
	}
	if d.ValueSet("http://example.org/a") == nil || d.ValueSet("http://example.org/b") == nil {
		t.Error("a value set is missing")
	}
}

func TestAGuideIsLaidOverItsReleaseWithoutChangingIt(t *testing.T) {
	base := MustBuiltIn(R4)
	d, err := LoadPackage(tgz(t, "package/package.json", guideManifest,
		"package/SearchParameter-a.json", `{"resourceType":"SearchParameter","url":"http://example.org/sp","code":"eye-colour","type":"token","base":["Patient"],"expression":"Patient.extension.value.ofType(CodeableConcept)"}`,
		"package/SearchParameter-b.json", `{"resourceType":"SearchParameter","url":"http://example.org/name","code":"name","type":"string","base":["Patient"],"expression":"Patient.name.text"}`,
		"package/OperationDefinition-a.json", `{"resourceType":"OperationDefinition","url":"http://example.org/op","code":"greet","resource":["Patient"],"instance":true,"system":false,"type":false}`,
		"package/ValueSet-a.json", `{"resourceType":"ValueSet","url":"http://example.org/vs","compose":{"include":[{"system":"http://example.org/cs","concept":[{"code":"a"}]}]}}`,
		"package/StructureDefinition-a.json", `{"resourceType":"StructureDefinition","url":"http://example.org/p","type":"Patient","kind":"resource","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"id":"Patient","path":"Patient"},{"id":"Patient.name","path":"Patient.name","min":1}]}}`,
	), base)
	if err != nil {
		t.Fatal(err)
	}
	if d.SearchParameter("Patient", "eye-colour") == nil || base.SearchParameter("Patient", "eye-colour") != nil {
		t.Error("the parameter must be in the guide's definitions only")
	}
	if p := d.SearchParameter("Patient", "name"); p.URL == "http://example.org/name" {
		t.Error("the release's own parameter name must stay")
	}
	if d.SearchParameterByURL("http://example.org/name") == nil || d.SearchParameterByURL("http://hl7.org/fhir/SearchParameter/individual-birthdate") == nil {
		t.Error("parameters must be found by URL in every layer")
	}
	if d.Operation("Patient", "greet") == nil || d.Operation("Patient", "everything") == nil || base.Operation("Patient", "greet") != nil {
		t.Error("operations are not layered")
	}
	if d.ValueSet("http://example.org/vs") == nil || d.ValueSet("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1") == nil {
		t.Error("value sets are not layered")
	}
	root, err := d.Profile("http://example.org/p").Root()
	if err != nil || root.Child("name").Min != 1 || root.Child("name").Max != Unstated {
		t.Errorf("profile: %v", err)
	}
	if n := len(d.Packages()); n != 2 {
		t.Errorf("%d packages", n)
	}
}
