package fhirapi

import (
	"net/http"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// read serves GET [base]/[type]/[id] (R4 §3.1.0.2).
func (c *call) read() error {
	if c.Type == "Binary" {
		if raw, err := c.rawBinary(); raw || err != nil {
			return err
		}
	}
	if err := c.only("_summary", "_elements"); err != nil {
		return err
	}
	part, err := c.part(c.Type)
	if err != nil {
		return err
	}
	res, err := c.session.Read(c.r.Context(), c.key(), c.readOptions())
	return c.answerRead(res, part, err)
}

// answerRead renders what Read and VRead return.
func (c *call) answerRead(res records.Resource, part part, err error) error {
	if err != nil {
		if fault.KindOf(err) == fault.Gone {
			c.stamp(res.Version, res.Updated)
		}
		return err
	}
	c.stamp(res.Version, res.Updated)
	if res.NotModified {
		c.notModified()
		return nil
	}
	return c.writeResource(http.StatusOK, res.JSON, res.Release, part)
}

// notModified answers that the client's copy is current, with what would tell of it
// anew (RFC 9110 §15.4.5).
func (c *call) notModified() {
	c.w.Header().Set("Cache-Control", c.cacheable())
	c.w.WriteHeader(http.StatusNotModified)
}
