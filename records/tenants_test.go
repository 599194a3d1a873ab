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
	config := func(name string) records.Config {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return records.Config{Name: name, Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base + "/t/" + name}
	}
	tenants, err := records.OpenTenants(t.Context(), config(""), config("clinic"))
	if err != nil {
		t.Fatal(err)
	}
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
	_, err = clinic.Session(records.Principal{}, nil).Read(t.Context(), key("Patient/p"), records.ReadOptions{})
	refused(t, err, fault.NotFound)
	if _, ok := tenants.Door("none"); ok {
		t.Fatal("a tenant that was never opened is there")
	}
	if _, err := records.OpenTenants(t.Context(), config("a"), config("a")); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Fatalf("two of one name: %v", err)
	}
}
