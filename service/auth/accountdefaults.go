package auth

import (
	"cmp"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
)

// purposeNames are the purposes that administrators choose among, in words; those that
// they comprise come with them.
var purposeNames = []purposeChoice{
	{Code: "TREAT", Name: "Treatment"}, {Code: "HPAYMT", Name: "Payment"}, {Code: "HOPERAT", Name: "Operations"},
	{Code: "PATRQT", Name: "What patients and their families ask for"}, {Code: "PUBHLTH", Name: "Public health"},
	{Code: "HRESCH", Name: "Research"}, {Code: "HMARKT", Name: "Marketing"}, {Code: access.BreakGlass, Name: "Breaking the glass"},
}

// keeper is the session in which an administrator says what is kept and shown.
func (v *visit) keeper() *records.Session {
	u := v.session.User
	return v.Door.Session(records.Principal{ID: u.ID, Name: cmp.Or(u.Name, u.Login)}, nil)
}

// showDefaults shows what holds where no consent decides: as it is, or as the form
// has it that was wrong.
func (v *visit) showDefaults(page *policyPage) error {
	d, err := v.keeper().ConsentDefaults(v.r.Context())
	if err != nil {
		return err
	}
	if page.Problems != nil && v.form.Get("do") == "consents" {
		d = v.formDefaults()
	}
	page.Purposes, page.Sealed = slices.Clone(purposeNames), strings.Join(d.Sealed, "\n")
	for _, code := range d.Permit {
		i := slices.IndexFunc(page.Purposes, func(p purposeChoice) bool { return p.Code == code })
		if i < 0 { // which a command named
			i = len(page.Purposes)
			page.Purposes = append(page.Purposes, purposeChoice{Code: code, Name: code})
		}
		page.Purposes[i].Chosen = true
	}
	return nil
}

func (v *visit) formDefaults() access.Defaults {
	return access.Defaults{Permit: append([]string{}, v.form["permit"]...), Sealed: append([]string{}, strings.Fields(v.form.Get("sealed"))...)}
}

// saveDefaults sets them, or makes them those of a new server.
func (v *visit) saveDefaults() error {
	if v.form.Get("reset") != "" {
		v.note("as on a new server")
		return v.keeper().ResetConsentDefaults(v.r.Context())
	}
	d := v.formDefaults()
	err := v.keeper().SetConsentDefaults(v.r.Context(), d)
	if err == nil {
		v.note("permit " + cmp.Or(strings.Join(d.Permit, " "), "nothing"))
		v.note("sealed " + cmp.Or(strings.Join(d.Sealed, " "), "nothing"))
	}
	return err
}
