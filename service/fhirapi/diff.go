package fhirapi

import (
	"context"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func diffOperation() *operation {
	return &operation{
		name: "diff", url: "https://ingle.health/fhir/OperationDefinition/diff",
		system: true, instance: true, version: true, run: (*call).diff,
		doc: "What makes the newer of two versions of the older one, as a FHIRPath Patch: of an instance its last two versions or from fromVersion on, " +
			"of a version the one before it or fromVersion, of the base the resources from and to; includeMeta for what the server sets.",
	}
}

// diff performs $diff. Its parameters are those that other servers understand:
// fromVersion, from, to, includeMeta.
func (c *call) diff(ctx context.Context, in *invocation) ([]byte, error) {
	pairs, err := c.simpleParameters(in)
	if err != nil {
		return nil, err
	}
	p := parameters{pairs: pairs}
	names := []string{"fromVersion", "includeMeta"}
	if in.ID == "" {
		names = []string{"from", "to", "includeMeta"}
	}
	if err := p.only("diff", names...); err != nil {
		return nil, err
	}
	req := records.DiffRequest{Key: in.key(), Version: in.Version, FromVersion: p.text("fromVersion"), From: p.text("from"), To: p.text("to")}
	if in.ID == "" && (req.From == "" || req.To == "") {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "$diff of the base needs from and to, such as Patient/1 and Patient/2/_history/3.")
	}
	if req.Everything, err = p.boolean("includeMeta"); err != nil {
		return nil, err
	}
	tree, err := c.session.Diff(ctx, req)
	if err != nil {
		return nil, err
	}
	in.release = tree.Definitions().Release
	return tree.Root().AppendJSON(nil), nil
}
