package fhirapi

import (
	"fmt"
	"net/http"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// delete serves DELETE [base]/[type]/[id] (R4 §3.1.0.7).
func (c *call) delete() error {
	if err := c.only(); err != nil {
		return err
	}
	o, err := c.deleting()
	if err != nil {
		return err
	}
	c.foretell(c.deleted)
	res, err := c.session.Delete(c.r.Context(), c.key(), o)
	if err != nil {
		return err
	}
	c.stamp(res.Version, res.Updated)
	if status := c.deleted(false); status == http.StatusNoContent {
		c.w.WriteHeader(status)
		return nil
	}
	message := "Deleted."
	if !res.Existed {
		message = "There was nothing to delete."
	}
	return c.writeOutcome(http.StatusOK, append(res.Issues, note(message)))
}

// deleteWhere serves DELETE [base]/[type]?criteria (R4 §3.1.0.7.1).
func (c *call) deleteWhere() error {
	if len(c.pairs) == 0 {
		return errNoCriteria("DELETE", c.Type)
	}
	o, err := c.deleting()
	if err != nil {
		return err
	}
	c.foretell(c.deleted)
	deleted, err := c.session.DeleteWhere(c.r.Context(), c.Type, c.pairs, o)
	if err != nil {
		return err
	}
	if status := c.deleted(false); status == http.StatusNoContent {
		c.w.WriteHeader(status)
		return nil
	}
	return c.writeOutcome(http.StatusOK, []fault.Issue{note(fmt.Sprintf("Deleted %d.", len(deleted)))})
}

// deleted is the status of the answer to a delete.
func (c *call) deleted(bool) int {
	if c.prefer.returning == returnOutcome {
		return http.StatusOK
	}
	return http.StatusNoContent
}

func (c *call) deleting() (records.DeleteOptions, error) {
	var o records.DeleteOptions
	var err error
	if o.Request, err = c.request(); err != nil {
		return o, err
	}
	o.Precondition, err = c.precondition()
	return o, err
}

func note(message string) fault.Issue {
	return fault.Issue{Severity: fault.Information, Code: fault.CodeInformation, Message: message}
}
