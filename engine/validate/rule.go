package validate

import (
	"fmt"
	"sync"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// rule is an invariant, compiled when it is first asked.
type rule struct {
	*definitions.Invariant
	expression string // what is evaluated: the invariant's own, or the corrected one
	always     bool   // it always holds: something else sees to it
	direct     func(*run, fhir.Node) (holds, known bool)
	compile    func() (*fhirpath.Expression, error)
}

type ruleKey struct{ key, expression string }

func (v *Validator) rule(inv *definitions.Invariant) *rule {
	k := ruleKey{inv.Key, inv.Expression}
	if r, ok := v.rules.Load(k); ok {
		return r.(*rule)
	}
	r := &rule{Invariant: inv, expression: inv.Expression, always: inv.Key == "txt-1" || inv.Expression == "true"}
	if c, ok := correctedInvariants[k]; ok {
		r.expression = c.expression
	}
	r.direct = directly(inv.Key, r.expression)
	r.compile = sync.OnceValues(func() (*fhirpath.Expression, error) { return fhirpath.Compile(r.expression) })
	actual, _ := v.rules.LoadOrStore(k, r)
	return actual.(*rule)
}

// obey reports the rule when the element breaks it. An expression that cannot
// be evaluated breaks nothing: Validate warns of it.
//
// An invariant that stands on the place of a resource (Bundle.entry.resource)
// speaks for the resource around it, which is then %resource.
func (r *run) obey(n fhir.Node, rule *rule, profile string, place bool) {
	if r.done() {
		return
	}
	if rule.direct != nil {
		if holds, known := rule.direct(r, n); known {
			if !holds {
				r.broken(n, rule, profile)
			}
			return
		}
	}
	x, err := rule.compile()
	holds := true
	if err == nil {
		env := r.env
		if place && n.IsResource() && !n.Parent().IsZero() {
			around := *r.env
			around.Resource = holder(n.Parent())
			around.RootResource = container(n.Parent())
			env = &around
		}
		holds, err = x.Holds(r.ctx, env, n)
	}
	if err != nil {
		if r.full {
			r.add(fault.Warning, fault.CodeProcessing, n, fmt.Sprintf("invariant %s could not be evaluated: %v", rule.Key, err))
		}
		return
	}
	if !holds {
		r.broken(n, rule, profile)
	}
}

// holder is the innermost resource around n, n itself included.
func holder(n fhir.Node) fhir.Node {
	for !n.IsZero() && !n.IsResource() {
		n = n.Parent()
	}
	return n
}

func (r *run) broken(n fhir.Node, rule *rule, profile string) {
	severity := fault.ErrorLevel
	if rule.BestPractice || rule.Severity != "error" {
		severity = fault.Warning
	}
	message := fmt.Sprintf("%s (invariant %s: %s)", rule.Human, rule.Key, rule.Expression)
	if profile != "" {
		message += " of profile " + profile
	}
	r.add(severity, fault.CodeInvariant, n, message)
}
