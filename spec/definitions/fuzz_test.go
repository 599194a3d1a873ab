package definitions

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

// FuzzLoadPackage feeds the content of package files, and whole packages: no
// input may make the loader panic, and what it loads can be used.
func FuzzLoadPackage(f *testing.F) {
	f.Add([]byte(`{"resourceType":"StructureDefinition","url":"http://example.org/p","type":"Patient","kind":"resource","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"id":"Patient.name:a.given","path":"Patient.name.given","min":1,"max":"2","patternString":"x"}]}}`))
	f.Add([]byte(`{"resourceType":"SearchParameter","url":"http://example.org/sp","code":"a","type":"token","base":["Patient"],"component":[{"definition":{"reference":"x"}}]}`))
	f.Add([]byte(`{"resourceType":"ValueSet","url":"http://example.org/vs","compose":{"include":[{"system":"a","concept":[{"code":"b"}],"filter":[{"property":"c","op":"=","value":"d"}]}]},"expansion":{"contains":[{"code":"e","contains":[{"code":"f"}]}]}}`))
	f.Add([]byte(`{"resourceType":"CodeSystem","url":"http://example.org/cs","content":"complete","concept":[{"code":"a","property":[{"code":"p","valueCoding":{"code":"x"}}],"concept":[{"code":"b"}]}]}`))
	f.Add([]byte(`{"resourceType":"OperationDefinition","url":"http://example.org/op","code":"x","parameter":[{"name":"a","use":"in","min":0,"max":"*","part":[{"name":"b","use":"in","min":0,"max":"1"}]}]}`))
	f.Add([]byte(`{"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/Resource","type":"Resource","kind":"resource","snapshot":{"element":[{"path":"Resource"},{"path":"Resource.id","type":[{"code":"id"}]}]}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		var whole bytes.Buffer
		gz := gzip.NewWriter(&whole)
		if _, err := gz.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := gz.Close(); err != nil {
			t.Fatal(err)
		}
		for _, r := range []io.Reader{
			tgz(t, "package/package.json", guideManifest, "package/a.json", string(content)),
			bytes.NewReader(content), &whole,
		} {
			for _, base := range []*Definitions{MustBuiltIn(R4), nil} {
				d, err := LoadPackage(r, base)
				if err != nil {
					continue
				}
				for _, p := range d.Profiles("Patient") {
					if root, err := p.Root(); err == nil && root == nil {
						t.Error("a profile without a tree")
					}
				}
			}
		}
	})
}
