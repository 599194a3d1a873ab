package records_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestTenantsShareNothing(t *testing.T) {
	open := func(name string) *records.Door {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return must(records.Open(t.Context(), records.Config{
			Name: name, Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base + "/t/" + name,
		}))(t)
	}
	tenants := records.NewTenants(open(""), open("clinic"))
	t.Cleanup(func() {
		if err := tenants.Close(); err != nil {
			t.Error(err)
		}
	})
	main, _ := tenants.Door("")
	clinic, ok := tenants.Door("clinic")
	if !ok || strings.Join(tenants.Names(), ",") != ",clinic" {
		t.Fatalf("%q", tenants.Names())
	}
	patient(t, main.Session(records.Principal{}, nil), "p")
	_, err := clinic.Session(records.Principal{}, nil).Read(t.Context(), key("Patient/p"), records.ReadOptions{})
	refused(t, err, fault.NotFound)
	if _, ok := tenants.Door("none"); ok {
		t.Fatal("a tenant that was never opened is there")
	}
}
