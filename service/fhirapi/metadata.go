package fhirapi

import (
	"net/http"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// metadata serves GET [base]/metadata (R4 §3.1.0.13).
func (c *call) metadata() error {
	if err := c.only("mode", "_summary", "_elements"); err != nil {
		return err
	}
	mode, _ := c.value("mode")
	t := fhir.Type("CapabilityStatement")
	if mode == "terminology" {
		t = "TerminologyCapabilities"
	}
	part, err := c.part(t)
	if err != nil {
		return err
	}
	body, err := c.capabilityStatement(mode)
	if err != nil {
		return err
	}
	return c.writeResource(http.StatusOK, body, c.format.release, part)
}

// capabilityKey is what a statement depends on; definitions and policy of a
// door never change.
type capabilityKey struct {
	tenant  string
	release definitions.Release
	mode    string
}

// capabilityStatement returns the statement that a mode ("": full) means, as
// JSON, made at the first request for it.
func (c *call) capabilityStatement(mode string) ([]byte, error) {
	switch mode {
	case "":
		mode = "full"
	case "full", "normative", "terminology":
	default:
		return nil, fault.New(fault.Invalid, fault.CodeValue, "", "mode is full, normative or terminology, not %q.", fault.Shorten(mode))
	}
	key := capabilityKey{c.door.Name(), c.format.release, mode}
	a := c.api
	a.mu.Lock()
	defer a.mu.Unlock()
	if body, ok := a.capabilities[key]; ok {
		return body, nil
	}
	var body []byte
	var err error
	if mode == "terminology" {
		body, err = c.terminologyCapabilities()
	} else {
		body, err = c.describe()
	}
	if err != nil {
		return nil, err
	}
	a.capabilities[key] = body
	return body, nil
}
