package fhirapi

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// countUse counts a request when it is answered, by who asked.
func (c *call) countUse(status int, bytes int64) {
	u := records.Usage{Resources: c.resources, Bytes: bytes}
	if c.session != nil {
		p := c.session.Principal()
		u.Client = p.Client
		if p.ID != p.Client {
			u.User = p.ID
		}
	}
	u.Answered(status)
	c.door.CountUse(u)
}

// usage performs $usage: who used how much on the last days (parameters days, 7 when
// it is not given, and client).
func (c *call) usage(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op, "days", "client")
	}
	if err != nil {
		return nil, err
	}
	days := 7
	if text := p.text("days"); text != "" {
		if days, err = strconv.Atoi(text); err != nil {
			return nil, fault.New(fault.Invalid, fault.CodeValue, "", "days is a number, not %q.", fault.Shorten(text))
		}
	}
	rows, err := c.session.Usage(ctx, days, strings.TrimSpace(p.text("client")))
	if err != nil {
		return nil, err
	}
	all := []parameter{}
	for _, u := range rows {
		part := []parameter{texts("day", u.Day)}
		if u.Client != "" {
			part = append(part, texts("client", u.Client))
		}
		if u.User != "" {
			part = append(part, texts("user", u.User))
		}
		all = append(all, parameter{Name: "usage", Part: append(part,
			whole("requests", u.Requests), whole("resources", u.Resources), whole("bytes", u.Bytes), whole("refused", u.Refused), whole("throttled", u.Throttled), whole("failed", u.Failed))})
	}
	return json.Marshal(parametersResource(all))
}
