package fhirapi

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/inglehealth/ingle/limits"
)

// limitOperations are about who may ask for how much (docs/limits.md).
func limitOperations() []*operation {
	const at = "https://ingle.health/fhir/OperationDefinition/"
	return []*operation{
		{
			name: "limits", url: at + "limits", system: true, run: (*call).limits,
			doc: "Tells the limits that are in force, how much of them was used lately, and who was refused.",
		},
		{
			name: "limit-set", url: at + "limit-set", system: true, writes: true, run: (*call).setLimit,
			doc: "Sets a limit (parameter rule, such as 'user requests 100/s burst 1000').",
		},
		{
			name: "limit-remove", url: at + "limit-remove", system: true, writes: true, run: (*call).removeLimit,
			doc: "Removes a limit that was set (parameter rule, such as 'app growth-chart requests').",
		},
	}
}

// usesTold is how many limits that were used are told.
const usesTold = 500

func (c *call) limits(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op)
	}
	if err != nil {
		return nil, err
	}
	rules, err := c.session.Limits(ctx)
	if err != nil {
		return nil, err
	}
	uses, err := c.session.LimitUses(ctx, usesTold)
	if err != nil {
		return nil, err
	}
	all := []parameter{whole("version", rules.Version)}
	for _, r := range rules.Rules {
		all = append(all, texts("rule", r.String()))
	}
	for _, r := range rules.Defaults() {
		all = append(all, texts("default", r.String()))
	}
	for _, u := range uses {
		r := limits.Rule{Scope: u.Scope, ID: u.ID, Meter: u.Meter, Limit: u.Limit}
		all = append(all, parameter{Name: "use", Part: []parameter{
			texts("of", r.About()), texts("limit", u.Limit.String()), whole("used", u.Used), whole("refused", u.Refused), whole("secondsAgo", int64(u.Since.Seconds())),
		}})
	}
	return json.Marshal(parametersResource(all))
}

func (c *call) setLimit(ctx context.Context, in *invocation) ([]byte, error) {
	return c.changeLimit(ctx, in, limits.ParseRule, func(r limits.Rule) (limits.Rule, error) { return c.session.SetLimit(ctx, r) })
}

func (c *call) removeLimit(ctx context.Context, in *invocation) ([]byte, error) {
	return c.changeLimit(ctx, in, limits.ParseAbout, func(r limits.Rule) (limits.Rule, error) {
		r.Limit = limits.None()
		return r, c.session.RemoveLimit(ctx, r)
	})
}

func (c *call) changeLimit(_ context.Context, in *invocation, parse func(string) (limits.Rule, error), change func(limits.Rule) (limits.Rule, error)) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op, "rule")
	}
	if err != nil {
		return nil, err
	}
	r, err := parse(strings.TrimSpace(p.text("rule")))
	if err != nil {
		return nil, errParameter(p.node("rule"), "rule: %v", err)
	}
	if r, err = change(r); err != nil {
		return nil, err
	}
	return json.Marshal(parametersResource([]parameter{texts("rule", r.String())}))
}
