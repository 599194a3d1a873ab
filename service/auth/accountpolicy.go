package auth

import (
	"net/http"

	"github.com/inglehealth/ingle/identity"
)

// policyPage is what administrators decide for everybody.
type policyPage struct {
	frame
	Roles []roleChoice
}

// policy shows and sets which roles need a second factor.
func (v *visit) policy() error {
	ctx := v.r.Context()
	rules, err := v.Identity.Policy(ctx)
	if err != nil {
		return err
	}
	page := policyPage{frame: v.frame("Rules for signing in", "/account/policy")}
	if v.r.Method == http.MethodPost {
		rules.SecondFactor = nil
		for _, r := range v.form["role"] {
			rules.SecondFactor = append(rules.SecondFactor, identity.Role(r))
		}
		err := v.Identity.SetPolicy(ctx, rules)
		if err == nil {
			return v.done("/account/policy", "saved")
		}
		if page.Problems = problems(err); page.Problems == nil {
			return err
		}
	}
	page.Roles = roleChoices(rules.SecondFactor)
	return v.writeFrame(statusOfProblems(page.Problems), page.frame, policyTemplate, page)
}
