package fhirapi

// vread serves GET [base]/[type]/[id]/_history/[vid] (R4 §3.1.0.3).
func (c *call) vread() error {
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
	res, err := c.session.VRead(c.r.Context(), c.key(), c.Version, c.readOptions())
	return c.answerRead(res, part, err)
}
