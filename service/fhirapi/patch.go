package fhirapi

import (
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
)

// patchFormats are the media types of patches.
var patchFormats = []string{"application/json-patch+json", "application/xml-patch+xml", "application/fhir+json", "application/fhir+xml"}

// acceptPatch tells them where a patch is possible (RFC 5789 §3.1).
func (c *call) acceptPatch() { c.w.Header().Set("Accept-Patch", strings.Join(patchFormats, ", ")) }

// patch serves PATCH [base]/[type]/[id] (R4 §3.1.0.6).
func (c *call) patch() error {
	if err := c.only(); err != nil {
		return err
	}
	document, o, err := c.patching()
	if err != nil {
		return err
	}
	c.foretell(written)
	res, err := c.session.Patch(c.r.Context(), c.key(), document, o)
	if err != nil {
		return err
	}
	return c.writeResult(res)
}

// patchWhere serves PATCH [base]/[type]?criteria.
func (c *call) patchWhere() error {
	if len(c.pairs) == 0 {
		return errNoCriteria("PATCH", c.Type)
	}
	document, o, err := c.patching()
	if err != nil {
		return err
	}
	c.foretell(written)
	res, err := c.session.PatchWhere(c.r.Context(), c.Type, c.pairs, document, o)
	if err != nil {
		return err
	}
	return c.writeResult(res)
}

func (c *call) patching() (records.PatchContent, records.UpdateOptions, error) {
	var p records.PatchContent
	var o records.UpdateOptions
	m, err := c.mediaType()
	if err != nil {
		return p, o, err
	}
	switch m.name {
	case "application/json-patch+json":
		p.Format = records.JSONPatch
	case "application/xml-patch+xml":
		p.Format = records.XMLPatch
	case "application/fhir+json":
		p.Format = records.FHIRPathPatch
	case "application/fhir+xml":
		p.Format = records.FHIRPathPatchXML
	default:
		c.acceptPatch()
		return p, o, errContentType(m.name,
			"application/json-patch+json (JSON Patch), application/xml-patch+xml (XML Patch), or Parameters as application/fhir+json or application/fhir+xml (FHIRPath Patch)")
	}
	if p.Body, err = web.ReadBody(c.r); err != nil {
		return p, o, err
	}
	if o.Request, err = c.request(); err != nil {
		return p, o, err
	}
	o.Precondition, err = c.precondition()
	return p, o, err
}
