package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/inglehealth/ingle/cmd/ingle/sandbox"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// lastOfSandbox is a resource of the bundle that is loaded last: where it is,
// or was, the others are.
var lastOfSandbox = fhir.Key{Type: "Patient", ID: "walter"}

// fillSandbox puts the sandbox's patients into the default tenant, once: what
// a user deleted does not come back.
func fillSandbox(ctx context.Context, tenants *records.Tenants) (loaded bool, err error) {
	door, ok := tenants.Door("")
	if !ok {
		return false, errors.New("there is no default tenant to put the sandbox into")
	}
	session := door.Session(records.Principal{ID: "sandbox", Name: "Sandbox"}, nil)
	switch _, err := session.Read(ctx, lastOfSandbox, records.ReadOptions{}); {
	case err == nil || fault.KindOf(err) == fault.Gone:
		return false, nil
	case fault.KindOf(err) != fault.NotFound:
		return false, fmt.Errorf("sandbox: %w", err)
	}
	for i, bundle := range sandbox.Bundles() {
		content := records.Content{JSON: bundle, Release: "R4"}
		if _, err := session.Bundle(ctx, content, records.BundleOptions{}); err != nil {
			return false, fmt.Errorf("sandbox: bundle %d: %w", i+1, err)
		}
	}
	return true, nil
}
