package fhirapi

import (
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// create serves POST [base]/[type] with If-None-Exist (R4 §3.1.0.8).
func (c *call) create() error {
	if err := c.only(); err != nil {
		return err
	}
	if c.Type == "Binary" {
		if raw, err := c.createBinary(); raw || err != nil {
			return err
		}
	}
	content, err := c.content()
	if err != nil {
		return err
	}
	o := records.CreateOptions{}
	if o.Request, err = c.request(); err != nil {
		return err
	}
	if o.IfNoneExist, err = c.ifNoneExist(); err != nil {
		return err
	}
	c.foretell(written)
	res, err := c.session.Create(c.r.Context(), c.Type, content, o)
	if err != nil {
		return err
	}
	return c.writeResult(res)
}

// ifNoneExist reads the criteria of a conditional create. Some clients send
// them with a question mark or the type before it.
func (c *call) ifNoneExist() ([]search.Pair, error) {
	if c.r.Header["If-None-Exist"] == nil {
		return nil, nil
	}
	if len(c.r.Header["If-None-Exist"]) > 1 {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "If-None-Exist is given twice; join the criteria by &.")
	}
	header := strings.TrimSpace(c.r.Header.Get("If-None-Exist"))
	if err := records.CheckCriteria(c.Type, header); err != nil {
		return nil, err
	}
	if _, after, ok := strings.Cut(header, "?"); ok {
		header = after
	}
	pairs, err := parseQuery(header)
	if err != nil {
		return nil, err
	}
	if len(pairs) == 0 {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "If-None-Exist holds no search criteria; it looks like this: identifier=http://my.org/mrn|123")
	}
	return pairs, nil
}
