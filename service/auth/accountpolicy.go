package auth

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/identity"
)

// policyPage is what administrators decide for everybody.
type policyPage struct {
	frame
	Roles    []roleChoice
	Glass    int // minutes
	Purposes []purposeChoice
	Sealed   string // one a line
}

// purposeChoice is a purpose for which data may be shown where no consent decides.
type purposeChoice struct {
	Code, Name string
	Chosen     bool
}

// policy shows and sets which roles need a second factor, how long the glass stays
// broken, and what holds where no consent decides.
func (v *visit) policy() error {
	ctx := v.r.Context()
	rules, err := v.Identity.Policy(ctx)
	if err != nil {
		return err
	}
	page := policyPage{frame: v.frame("Rules", "/account/policy")}
	if v.r.Method == http.MethodPost && v.form.Get("do") == "consents" {
		err := v.saveDefaults()
		if err == nil {
			return v.done("/account/policy", "saved")
		}
		if page.Problems = problems(err); page.Problems == nil {
			return err
		}
		for i := range page.Problems {
			page.Problems[i].Field, _, _ = strings.Cut(page.Problems[i].Field, "[")
		}
	} else if v.r.Method == http.MethodPost {
		rules.SecondFactor = nil
		for _, r := range v.form["role"] {
			rules.SecondFactor = append(rules.SecondFactor, identity.Role(r))
		}
		if text := v.form.Get("glass"); text != "" {
			minutes, err := strconv.Atoi(text)
			if err != nil {
				minutes = -1 // which is refused
			}
			rules.GlassFor = time.Duration(minutes) * time.Minute
		}
		if err := v.Identity.SetPolicy(ctx, rules); err == nil {
			return v.done("/account/policy", "saved")
		} else if page.Problems = problems(err); page.Problems == nil {
			return err
		}
	}
	page.Glass = int(cmp.Or(rules.GlassFor, identity.GlassFor) / time.Minute)
	if page.Roles, err = v.roleChoices(rules.SecondFactor); err != nil {
		return err
	}
	if err := v.showDefaults(&page); err != nil {
		return err
	}
	return v.writeFrame(statusOfProblems(page.Problems), page.frame, policyTemplate, page)
}
