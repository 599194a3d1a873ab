package main

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestTheCapabilityStatementTellsOfBulkExports(t *testing.T) {
	p := startServer(t, "--data", t.TempDir())
	_, body := send(t.Context(), client, "GET", p.url+"/metadata", "")
	type operation struct{ Name, Definition string }
	var s struct {
		Instantiates []string
		Rest         []struct {
			Operation []operation
			Resource  []struct {
				Type      string
				Operation []operation
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(s.Instantiates, "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data") {
		t.Errorf("instantiates %v", s.Instantiates)
	}
	const of = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
	for _, want := range []operation{{"export", of + "export"}, {"patient-export", of + "patient-export"}, {"group-export", of + "group-export"}} {
		if !slices.Contains(s.Rest[0].Operation, want) {
			t.Errorf("no %v", want)
		}
	}
	for _, r := range s.Rest[0].Resource {
		for typ, want := range map[string]operation{"Patient": {"export", of + "patient-export"}, "Group": {"export", of + "group-export"}} {
			if has := slices.Contains(r.Operation, want); has != (typ == r.Type) {
				t.Errorf("%s: %v", r.Type, r.Operation)
			}
		}
	}
}
