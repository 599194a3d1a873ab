package notify_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"testing"

	"github.com/inglehealth/ingle/engine/validate"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// guide is the Backport guide over a release. It is published for R4, and has the
// profile of R4B in it.
func guide(t *testing.T, release definitions.Release) *definitions.Definitions {
	t.Helper()
	f, err := os.Open(testdata.Dir(t, "packages", "hl7.fhir.uv.subscriptions-backport.r4-1.2.0-ballot.repacked.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	base := definitions.MustBuiltIn(release)
	files := map[string]string{"package.json": `{"name":"guide","version":"1","fhirVersions":["` + base.Version + `"]}`}
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		dir, name := path.Split(h.Name)
		if dir != "package/" || name == "package.json" || path.Ext(name) != ".json" {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(content)
	}
	all, err := definitions.LoadPackage(bytes.NewReader(testpackage.Pack(t, files)), base)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestNotificationsAreValidByTheGuidesProfiles also shows that the profiles tell the two
// forms apart.
func TestNotificationsAreValidByTheGuidesProfiles(t *testing.T) {
	profiles := map[definitions.Release]string{definitions.R4: notify.BundleProfileR4, definitions.R4B: notify.BundleProfileR4B}
	status := map[definitions.Release]string{definitions.R4: "Parameters", definitions.R4B: "SubscriptionStatus"}
	for release, profile := range profiles {
		defs := guide(t, release)
		v := validate.New(defs, validate.Options{})
		for _, content := range []notify.Content{notify.Empty, notify.IDOnly, notify.FullResource} {
			n := admission(content)
			n.Release = release
			body, err := n.Bundle()
			if err != nil {
				t.Fatal(err)
			}
			tree, err := fhir.ParseJSON(defs, body, fhir.Limits{MaxBytes: 1 << 20, MaxNodes: 1 << 20})
			if err != nil {
				t.Fatalf("%s %s: %v\n%s", release, content, err, body)
			}
			if !slices.Equal(tree.Profiles(), []string{profile}) {
				t.Errorf("%s claims %v", release, tree.Profiles())
			}
			for _, i := range v.Validate(t.Context(), tree, nil) {
				if i.Severity == fault.ErrorLevel || i.Severity == fault.Fatal {
					t.Errorf("%s %s: %v\n%s", release, content, i, body)
				}
			}
			if first := tree.Root().Child("entry").Child("resource"); first.Type().Name != status[release] {
				t.Errorf("%s begins with a %s", release, first.Type().Name)
			}
		}
	}
	// What has the profile of one form and is of the other is not valid.
	n := admission(notify.IDOnly)
	body, err := n.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	var wrong map[string]any
	if err := json.Unmarshal(body, &wrong); err != nil {
		t.Fatal(err)
	}
	wrong["meta"] = map[string]any{"profile": []string{notify.BundleProfileR4B}}
	if body, err = json.Marshal(wrong); err != nil {
		t.Fatal(err)
	}
	defs := guide(t, definitions.R4B)
	tree, err := fhir.ParseJSON(defs, body, fhir.Limits{MaxBytes: 1 << 20, MaxNodes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	issues := validate.New(defs, validate.Options{}).Validate(t.Context(), tree, nil)
	if !slices.ContainsFunc(issues, func(i fault.Issue) bool { return i.Severity == fault.ErrorLevel }) {
		t.Errorf("a Parameters passes for a SubscriptionStatus: %v", issues)
	}
}
