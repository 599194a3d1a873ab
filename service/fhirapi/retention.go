package fhirapi

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// retention performs $retention: the rules, or how far a job is that applies them.
func (c *call) retention(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op, "job")
	}
	if err != nil {
		return nil, err
	}
	if job := p.text("job"); job != "" {
		counts, ended, err := c.session.RetentionResult(ctx, job)
		if err != nil {
			return nil, err
		}
		return json.Marshal(parametersResource(append([]parameter{flag("running", !ended)}, countParts(counts)...)))
	}
	rules, err := c.session.Retention(ctx)
	if err != nil {
		return nil, err
	}
	return retentionRules(rules)
}

func retentionRules(rules []records.RetentionRule) ([]byte, error) {
	text, err := json.Marshal(append([]records.RetentionRule{}, rules...))
	if err != nil {
		return nil, err
	}
	return json.Marshal(parametersResource([]parameter{texts("rules", string(text))}))
}

// setRetention performs $retention-set.
func (c *call) setRetention(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op, "rules")
	}
	if err != nil {
		return nil, err
	}
	var rules []records.RetentionRule
	d := json.NewDecoder(strings.NewReader(p.text("rules")))
	d.DisallowUnknownFields()
	if err := d.Decode(&rules); err != nil {
		return nil, errParameter(p.node("rules"), "rules is a list of rules with name, type, filter, days and by, as JSON in a valueString: %v", err)
	}
	if err := c.session.SetRetention(ctx, rules); err != nil {
		return nil, err
	}
	return retentionRules(rules)
}

// runRetention performs $retention-run.
func (c *call) runRetention(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op, "dryRun")
	}
	if err != nil {
		return nil, err
	}
	switch dry := p.text("dryRun"); dry {
	case "true":
		counts, err := c.session.RetentionDryRun(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(parametersResource(countParts(counts)))
	case "", "false":
		job, err := c.session.ApplyRetention(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(parametersResource([]parameter{texts("job", job)}))
	default:
		return nil, fault.New(fault.Invalid, fault.CodeValue, "", "dryRun is true or false, not %q.", fault.Shorten(dry))
	}
}

func countParts(counts []records.RetentionCount) (all []parameter) {
	for _, n := range counts {
		all = append(all, parameter{Name: "rule", Part: []parameter{
			texts("name", n.Rule), whole("expunged", n.Expunged), whole("versions", n.Versions), whole("held", n.Held), whole("referred", n.Referred),
		}})
	}
	return all
}
