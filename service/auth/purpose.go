package auth

import (
	"slices"

	"github.com/inglehealth/ingle/identity"
)

// purposeWords are common purposes of use (v3-ActReason) in words.
var purposeWords = map[string]string{
	"TREAT": "treatment", "ETREAT": "emergency treatment", "HPAYMT": "payment", "HOPERAT": "operations", "HRESCH": "research",
	"PATRQT": "what the patient asks for", "FAMRQT": "what the family asks for", "PUBHLTH": "public health", "HMARKT": "marketing",
}

// purpose is the purpose of a request as the consent page says it; "" for none.
func (p *progress) purpose() string {
	code := p.request.Purpose
	if words := purposeWords[code]; words != "" {
		return words + " (" + code + ")"
	}
	return code
}

// mayPursue says why the user may not allow the purpose that the app asks for. People
// who work here have those of their roles; patients and
// those who act for them ask for themselves.
func (p *progress) mayPursue() error {
	code, u := p.request.Purpose, p.session.User
	if code == "" {
		return nil
	}
	refused := identity.Refuse(identity.AccessDenied, "purpose_of_use: none of the roles of the user is for %s", code)
	if !isStaff(u.Roles) {
		if slices.Contains([]string{"PATRQT", "FAMRQT"}, code) {
			return nil
		}
		return refused
	}
	roles, err := p.Identity.AccessRoles(p.r.Context())
	if err != nil {
		return err
	}
	for _, r := range roles {
		if slices.Contains(u.Roles, identity.Role(r.Name)) && slices.Contains(r.Purposes, code) {
			return nil
		}
	}
	return refused
}
