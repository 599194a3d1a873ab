package fhirapi

import (
	"context"
	"strconv"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// expunge performs $expunge. Its parameters are those that other servers
// understand: limit, expungeDeletedResources, expungePreviousVersions,
// expungeEverything. The answer counts the versions that went.
func (c *call) expunge(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err != nil {
		return nil, err
	}
	if err := p.only("expunge", "limit", "expungeDeletedResources", "expungePreviousVersions", "expungeEverything"); err != nil {
		return nil, err
	}
	req := records.ExpungeRequest{Key: in.key()}
	for name, field := range map[string]*bool{
		"expungeDeletedResources": &req.Deleted, "expungePreviousVersions": &req.OldVersions, "expungeEverything": &req.Everything,
	} {
		if *field, err = p.boolean(name); err != nil {
			return nil, err
		}
	}
	if v := p.text("limit"); v != "" {
		if req.Limit, err = strconv.Atoi(v); err != nil || req.Limit < 1 {
			return nil, errParameter(p.node("limit"), "limit must be a number above 0, not %q.", fault.Shorten(v))
		}
	}
	if !req.Deleted && !req.OldVersions && !req.Everything {
		return nil, errParameter(p.root, "Nothing to expunge: set expungeDeletedResources, expungePreviousVersions or expungeEverything to true.")
	}
	n, err := c.session.Expunge(ctx, req)
	if err != nil {
		return nil, err
	}
	return []byte(`{"resourceType":"Parameters","parameter":[{"name":"count","valueInteger":` + strconv.FormatInt(n, 10) + `}]}`), nil
}
