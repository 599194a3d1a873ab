package bulk

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// kickOff begins an export (§Bulk Data Kick-off Request).
func (c *call) kickOff() error {
	k := &kick{call: c, Request: bulkjob.Request{For: c.Session.Principal().Standing, URL: c.requestURL()}}
	var err error
	if k.Level, err = c.level(); err != nil {
		return err
	}
	if c.Session.Principal().Standing.User != "" {
		return fault.Wrap(records.ErrScope, fault.Forbidden, fault.CodeForbidden, "", "an export is for services without a user: it takes system/ scopes")
	}
	if !prefersAsync(c.r.Header.Values("Prefer")) {
		return fault.New(fault.Invalid, fault.CodeRequired, "", "an export takes its time: send the header 'Prefer: respond-async'")
	}
	if k.Level == bulkjob.Group {
		k.Group = c.Key.ID
		if err := c.isGroup(); err != nil {
			return err
		}
	}
	if err := k.read(); err != nil {
		return err
	}
	if wait, err := c.Session.MayExport(); err != nil {
		c.w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(wait.Seconds())), 10))
		return err
	}
	if k.At, k.Time, err = c.Door.Mark(c.r.Context()); err != nil {
		return err
	}
	id, err := c.exports.Start(c.r.Context(), k.Request)
	if err != nil {
		if fault.KindOf(err) == fault.Throttled {
			c.w.Header().Set("Retry-After", "60")
		}
		return err
	}
	c.w.Header().Set("Content-Location", c.url(id))
	return c.accepted("The export is being made. The address in Content-Location tells how far it is.")
}

// level is whose data the address asks for.
func (c *call) level() (bulkjob.Level, error) {
	switch key := c.Key; {
	case key == fhir.Key{}:
		return bulkjob.System, nil
	case key == fhir.Key{Type: "Patient"}:
		return bulkjob.Patients, nil
	case key.Type == "Group" && key.ID != "":
		return bulkjob.Group, nil
	}
	return "", fault.New(fault.NotFound, fault.CodeNotSupported, "", "$export is called on the base, on Patient or on a Group, as in Group/123/$export")
}

// requestURL is the address of the request by the base that the server is known by.
func (c *call) requestURL() string {
	url := c.Door.Base()
	if c.Key.Type != "" {
		url += "/" + string(c.Key.Type)
	}
	if c.Key.ID != "" {
		url += "/" + string(c.Key.ID)
	}
	url += "/$" + Operation
	if c.r.URL.RawQuery != "" {
		url += "?" + c.r.URL.RawQuery
	}
	return url
}

func prefersAsync(headers []string) bool {
	for _, header := range headers {
		for item := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ',' || r == ';' }) {
			if strings.EqualFold(strings.TrimSpace(item), "respond-async") {
				return true
			}
		}
	}
	return false
}

// parseInstant reads a FHIR instant from a query, in which a plus sign may have become a
// space.
func parseInstant(name, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(text, " ", "+"))
	if err != nil {
		return t, fault.New(fault.Invalid, fault.CodeValue, "", "%s is an instant such as 2026-03-01T12:00:00Z, not %q", name, fault.Shorten(text))
	}
	return t.UTC(), nil
}
