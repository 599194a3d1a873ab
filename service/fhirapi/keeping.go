package fhirapi

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// keepingOperations are about what is kept and what goes for good. Who may call them
// is said by roles (docs/keeping.md).
func keepingOperations() []*operation {
	const at = "https://ingle.health/fhir/OperationDefinition/"
	return []*operation{
		{
			name: "hold", url: at + "hold", instance: true, writes: true, run: (*call).hold,
			doc: "Puts a resource, or all that a Patient owns, under a legal hold: it is not deleted, expunged or erased (parameter reason).",
		},
		{
			name: "lift-hold", url: at + "lift-hold", instance: true, writes: true, run: (*call).liftHold,
			doc: "Ends the legal hold of a resource or Patient.",
		},
		{
			name: "holds", url: at + "holds", system: true, run: (*call).holds,
			doc: "Lists the legal holds (parameters _count, after).",
		},
		{
			name: "erase", url: at + "erase", instance: true, writes: true, types: []fhir.Type{"Patient"}, run: (*call).erase,
			doc: "Orders the erasure of a Patient: all versions of all that the patient owns, in the background (parameter reason).",
		},
		{
			name: "erasure", url: at + "erasure", instance: true, types: []fhir.Type{"Patient"}, run: (*call).erasure,
			doc: "Says how far the erasure of a Patient is, and what went.",
		},
		{
			name: "retention", url: at + "retention", system: true, run: (*call).retention,
			doc: "Tells the retention rules, as JSON, or, with the parameter job, what $retention-run did.",
		},
		{
			name: "retention-set", url: at + "retention-set", system: true, writes: true, run: (*call).setRetention,
			doc: "Replaces the retention rules (parameter rules, a list as JSON).",
		},
		{
			name: "retention-run", url: at + "retention-run", system: true, writes: true, run: (*call).runRetention,
			doc: "Applies the retention rules in the background, or counts what they are about (parameter dryRun).",
		},
		{
			name: "usage", url: at + "usage", system: true, run: (*call).usage,
			doc: "Tells who used how much, by day, app and user (parameters days, client).",
		},
	}
}

func (c *call) reason(in *invocation) (string, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op, "reason")
	}
	return p.text("reason"), err
}

func (c *call) hold(ctx context.Context, in *invocation) ([]byte, error) {
	reason, err := c.reason(in)
	if err != nil {
		return nil, err
	}
	h, err := c.session.SetHold(ctx, in.key(), reason)
	if err != nil {
		return nil, err
	}
	return json.Marshal(parametersResource([]parameter{holdPart(h)}))
}

func (c *call) liftHold(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op)
	}
	if err == nil {
		err = c.session.LiftHold(ctx, in.key())
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(parametersResource([]parameter{texts("lifted", in.key().String())}))
}

// holdsListed is how many holds are listed at a time.
const holdsListed = 500

func (c *call) holds(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op, "after")
	}
	if err != nil {
		return nil, err
	}
	holds, err := c.session.Holds(ctx, p.text("after"), holdsListed)
	if err != nil {
		return nil, err
	}
	all := []parameter{}
	for _, h := range holds {
		all = append(all, holdPart(h))
	}
	if len(holds) == holdsListed {
		all = append(all, texts("after", holds[len(holds)-1].Key.String()))
	}
	return json.Marshal(parametersResource(all))
}

func holdPart(h records.Hold) parameter {
	return parameter{Name: "hold", Part: []parameter{
		texts("resource", h.Key.String()), texts("reason", h.Reason), texts("by", h.By), texts("since", h.Since.UTC().Format(time.RFC3339)),
	}}
}

func (c *call) erase(ctx context.Context, in *invocation) ([]byte, error) {
	reason, err := c.reason(in)
	if err != nil {
		return nil, err
	}
	e, err := c.session.Erase(ctx, in.ID, reason)
	if err != nil {
		return nil, err
	}
	return json.Marshal(parametersResource(erasurePart(e)))
}

func (c *call) erasure(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op)
	}
	if err != nil {
		return nil, err
	}
	e, err := c.session.Erasure(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return json.Marshal(parametersResource(erasurePart(e)))
}

func erasurePart(e records.Erasure) []parameter {
	all := []parameter{
		texts("patient", "Patient/"+string(e.Patient)), flag("running", e.Running), texts("reason", e.Reason), texts("by", e.By),
		texts("ordered", e.Ordered.UTC().Format(time.RFC3339)),
		whole("resources", e.Resources), whole("versions", e.Versions), whole("contents", e.Contents), whole("rewritten", e.Rewritten),
		whole("appStates", e.AppStates), whole("accesses", e.Accesses), whole("auditEvents", e.Events), whole("users", e.Users),
	}
	if !e.Ended.IsZero() {
		all = append(all, texts("ended", e.Ended.UTC().Format(time.RFC3339)))
	}
	if e.Error != "" {
		all = append(all, texts("error", e.Error))
	}
	for _, t := range slices.Sorted(maps.Keys(e.Types)) {
		all = append(all, parameter{Name: "type", Part: []parameter{texts("name", string(t)), whole("resources", e.Types[t])}})
	}
	for _, key := range e.Changed {
		all = append(all, texts("changed", key))
	}
	for _, key := range e.Left {
		all = append(all, texts("left", key))
	}
	return all
}
