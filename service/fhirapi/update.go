package fhirapi

import (
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// update serves PUT [base]/[type]/[id] (R4 §3.1.0.4).
func (c *call) update() error {
	if err := c.only(); err != nil {
		return err
	}
	if c.Type == "Binary" {
		if raw, err := c.updateBinary(); raw || err != nil {
			return err
		}
	}
	content, o, err := c.updating()
	if err != nil {
		return err
	}
	c.foretell(written)
	res, err := c.session.Update(c.r.Context(), c.key(), content, o)
	if err != nil {
		return err
	}
	return c.writeResult(res)
}

// updateWhere serves PUT [base]/[type]?criteria (R4 §3.1.0.4.3).
func (c *call) updateWhere() error {
	if len(c.pairs) == 0 {
		return errNoCriteria("PUT", c.Type)
	}
	content, o, err := c.updating()
	if err != nil {
		return err
	}
	c.foretell(written)
	res, err := c.session.UpdateWhere(c.r.Context(), c.Type, c.pairs, content, o)
	if err != nil {
		return err
	}
	return c.writeResult(res)
}

func (c *call) updating() (records.Content, records.UpdateOptions, error) {
	var o records.UpdateOptions
	content, err := c.content()
	if err != nil {
		return content, o, err
	}
	if o.Request, err = c.request(); err != nil {
		return content, o, err
	}
	o.Precondition, err = c.precondition()
	return content, o, err
}

func errNoCriteria(method string, t any) error {
	return fault.New(fault.Invalid, fault.CodeRequired, "",
		"%s %v needs an id in the path (%[2]v/123) or search criteria (%[2]v?identifier=...); without them it would touch every %[2]v.", method, t)
}
