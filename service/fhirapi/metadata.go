package fhirapi

import (
	"net/http"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
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

// capabilityKey is what a statement depends on besides its search parameters;
// the policy of a door never changes.
type capabilityKey struct {
	tenant  string
	release definitions.Release
	mode    string
}

// capability is a statement as JSON, and the search parameters and topics that it
// lists.
type capability struct {
	catalog *search.Catalog
	topics  []string
	body    []byte
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
	lacking, err := c.lacking()
	if err != nil {
		return nil, err
	}
	catalog := c.door.Catalog(c.definitions(c.format.release).Release)
	topics, err := c.topics()
	if err != nil {
		return nil, err
	}
	if made := a.capabilities[key]; made.catalog == catalog && len(lacking) == 0 && slices.Equal(made.topics, topics) {
		return made.body, nil
	}
	var body []byte
	if mode == "terminology" {
		body, err = c.terminologyCapabilities()
	} else {
		body, err = c.describe(catalog, lacking, topics)
	}
	if err != nil {
		return nil, err
	}
	if len(lacking) > 0 {
		return body, nil // it changes
	}
	a.capabilities[key] = capability{catalog, topics, body}
	return body, nil
}

// topics are the canonicals of what subscriptions may name; none where nobody is told
// of changes.
func (c *call) topics() (canonicals []string, err error) {
	if c.door.Subscriptions() == nil {
		return nil, nil
	}
	all, err := c.door.Topics(c.r.Context())
	for _, t := range all {
		canonicals = append(canonicals, t.Canonical())
	}
	return canonicals, err
}

// lacking are the search parameters that are not completely indexed, by name.
func (c *call) lacking() (map[string]records.Incomplete, error) {
	list, err := c.door.Incomplete(c.r.Context())
	if err != nil || len(list) == 0 {
		return nil, err
	}
	lacking := make(map[string]records.Incomplete, len(list))
	for _, i := range list {
		lacking[i.Param] = i
	}
	return lacking, nil
}
