package records_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store/sqlite"
)

// What was erased is not even to be found by who reads the bytes of the files.
func TestTheFilesHoldNothingOfWhatWasErased(t *testing.T) {
	dir := t.TempDir()
	st := opened(t, must(sqlite.Open(context.Background(), dir))(t))
	log := must(audit.Open(t.Context(), audit.Config{Store: st, Secret: unsealed{}, Origin: base}))(t)
	defer func() { _ = log.Close() }()
	d := must(records.Open(t.Context(), records.Config{Store: st, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Audit: log}))(t)
	in := must(identity.Open(t.Context(), identity.Config{Store: st, Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key")), Issuer: "https://ehr.example"}))(t)
	s := d.Session(records.Principal{ID: "tester"}, nil)
	shared(t, s)
	long := strings.Repeat("zebedeus was here. ", 400) // of many pages
	for n := range 20 {
		put(t, s, "Patient/gone", `{"resourceType":"Patient","id":"gone","name":[{"family":"Zebedeus","given":["n%d"]}]}`, n)
	}
	for n := range 400 { // so that the index of texts gives up pages
		put(t, s, fmt.Sprintf("Observation/o%d", n), `{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"other thing %d of weight %d"}}`, n, n, n*7919)
		if n%20 == 0 {
			put(t, s, fmt.Sprintf("Observation/z%d", n), `{"resourceType":"Observation","id":"z%d","status":"final","code":{"text":"seen zebedeus %d today"},"subject":{"reference":"Patient/gone"}}`, n, n)
		}
	}
	observation(t, s, "long", "Patient/gone")
	put(t, s, "Observation/long", `{"resourceType":"Observation","id":"long","status":"final","code":{"text":%q},"subject":{"reference":"Patient/gone"},"note":[{"text":%q}]}`, long[:200], long)
	u := must(in.CreateUser(t.Context(), identity.User{Login: "nurse", Roles: []identity.Role{identity.Nurse}}))(t)
	must(in.BreakGlass(t.Context(), u, "", "gone", "Zebedeus was brought in unconscious"))(t)
	for range 20 {
		if err := log.Record(t.Context(), &audit.Event{Kind: audit.Read, Target: "Patient/gone", Query: "_zebedeus", Patients: []audit.Patient{{Key: "Patient/gone"}}}); err != nil {
			t.Fatal(err)
		}
	}
	found := func() (names []string) {
		err := filepath.WalkDir(dir, func(name string, f fs.DirEntry, err error) error {
			if err != nil || f.IsDir() {
				return err
			}
			text, err := os.ReadFile(name)
			if bytes.Contains(bytes.ToLower(text), []byte("zebedeus")) {
				names = append(names, f.Name())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if names := strings.Join(found(), " "); !strings.Contains(names, "ingle.db") || !strings.Contains(names, "audit.journal") {
		t.Errorf("before: %s", names)
	}
	working(t, d)
	must(s.Erase(t.Context(), "gone", "asked"))(t)
	if e := erased(t, s, "gone"); e.Error != "" || e.Accesses != 1 || e.Events != 20 {
		t.Errorf("%+v", e)
	}
	for range 2 { // what the erasure left has its numbers, and then nothing waits
		if err := log.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if names := found(); names != nil {
		t.Errorf("it is still in %v", names)
	}
	if report, err := audit.Verify(t.Context(), st, audit.Verification{}); err != nil || report.Problems > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
