package fhirapi

import (
	"context"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// validate performs $validate: the resource stands in the body, in the
// parameter "resource" of Parameters, or is the stored instance. The answer
// is an OperationOutcome, whatever is found.
func (c *call) validate(ctx context.Context, in *invocation) ([]byte, error) {
	req := records.ValidateRequest{Type: in.Type, ID: in.ID}
	for _, p := range in.pairs {
		switch p.Name {
		case "mode":
			req.Mode = p.Value
		case "profile":
			req.Profiles = append(req.Profiles, p.Value)
		default:
			if !c.lenient() {
				return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "$validate has no parameter %q; it has resource, mode and profile.", fault.Shorten(p.Name))
			}
		}
	}
	if in.content != nil {
		if err := c.unwrap(in, &req); err != nil {
			return nil, err
		}
	}
	if req.Content == nil && in.ID == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "There is nothing to validate: send a resource, or Parameters with the parameter 'resource'.")
	}
	switch req.Mode {
	case "", "create", "update", "delete", "profile":
	default:
		return nil, fault.New(fault.Invalid, fault.CodeValue, "", "mode is create, update, delete or profile, not %q.", fault.Shorten(req.Mode))
	}
	issues, err := c.session.Validate(ctx, req)
	if err != nil {
		return nil, err
	}
	if len(issues) == 0 {
		issues = []fault.Issue{note("No issues: the resource is valid.")}
	}
	return web.AppendOutcome(nil, issues, false, false), nil
}

// unwrap takes resource, mode and profile out of a Parameters body; any other
// body is the resource itself. A body that cannot be parsed is left to the
// validation, which explains it.
func (c *call) unwrap(in *invocation, req *records.ValidateRequest) error {
	req.Content = in.content
	if !strings.Contains(string(in.content.JSON), `"Parameters"`) && !strings.Contains(string(in.content.XML), "<Parameters") {
		return nil
	}
	// The parser keeps the bytes that it reads, and so does the door.
	tree, err := c.parse(records.Content{JSON: clone(in.content.JSON), XML: clone(in.content.XML), Release: in.content.Release})
	if err != nil || tree.Root().Name() != "Parameters" {
		return nil // the validation tells the same error as an issue
	}
	var resource fhir.Node
	named := false
	for n := range tree.Root().All("parameter") {
		switch n.Child("name").Text() {
		case "resource":
			resource, named = n.Child("resource"), true
		case "mode":
			req.Mode = n.Child("value").Text()
			named = true
		case "profile":
			req.Profiles = append(req.Profiles, n.Child("value").Text())
			named = true
		}
	}
	switch {
	case !resource.IsZero():
		req.Content = &records.Content{JSON: resource.AppendJSON(nil), Release: in.content.Release}
	case named:
		req.Content = nil
	}
	return nil
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte(nil), b...)
}
