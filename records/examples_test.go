package records_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/label"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestOfficialExamplesAreStoredAndReadBack(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{AllowDangling: true, Validation: records.ValidateStructure})
		if err := d.SetLabeling(t.Context(), &label.Rules{}); err != nil {
			t.Fatal(err)
		}
		s := d.Session(records.Principal{ID: "tester"}, nil)
		var contents []records.Content
		var names []string
		var originals [][]byte
		for name, json := range testdata.Zipped(t, testdata.Dir(t, "examples", "examples-r4.zip")) {
			if strings.HasSuffix(name, ".json") {
				originals = append(originals, bytes.Clone(json))
				contents = append(contents, records.Content{JSON: json})
				names = append(names, name)
			}
		}
		for i, l := range must(s.Load(t.Context(), contents, records.LoadOptions{}))(t) {
			if l.Err != nil {
				t.Errorf("%s: %v", names[i], l.Err)
				continue
			}
			if l.Version != 1 {
				continue // another file has the same id
			}
			got := must(s.VRead(t.Context(), l.Key, "1", records.ReadOptions{}))(t)
			defs := definitions.MustBuiltIn(definitions.R4)
			want := must(fhir.ParseJSON(defs, originals[i], fhir.Limits{}))(t)
			if err := want.Stamp(l.Key.ID, 1, got.Updated); err != nil {
				t.Fatal(err)
			}
			if data := want.Root().Child("data"); l.Key.Type == "Binary" && data.HasValue() {
				// White space in base64 says nothing and is not kept.
				if err := data.SetText(strings.Join(strings.Fields(data.Text()), "")); err != nil {
					t.Fatal(err)
				}
			}
			back := must(fhir.ParseJSON(defs, got.JSON, fhir.Limits{}))(t)
			if l.Key.Type == "Subscription" { // of which the status is the server's
				for _, r := range []*fhir.Tree{back, want} {
					r.Root().RemoveAll("status")
					r.Root().RemoveAll("error")
				}
			}
			if !back.Root().Equal(want.Root()) {
				t.Errorf("%s: another content is read back", names[i])
			}
		}
	})
}
