package auth

import (
	"context"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fhir"
)

// extensions are what a token says of the purpose of use and the consents of its
// patient (IHE IUA, ITI-71 JWT extension; IHE PCF, ITI-71 §3.71.4.2.2.1.4).
type extensions struct {
	IUA iuaExtension  `json:"ihe_iua,omitzero"`
	PCF *pcfExtension `json:"ihe_pcf,omitempty"`
}

type iuaExtension struct {
	Purpose []tokenCoding `json:"purpose_of_use,omitempty"`
	Person  string        `json:"person_id,omitempty"` // the patient
}

type pcfExtension struct {
	Patient  string         `json:"patient_id"`
	Consents []string       `json:"doc_id,omitempty"`
	Policies []string       `json:"acp,omitempty"`
	Residual []residualRule `json:"residual,omitempty"`
}

type residualRule struct {
	Type   string          `json:"type"` // forbid or permit
	Labels []tokenCoding   `json:"securityLabel,omitempty"`
	Data   []residualDatum `json:"data,omitempty"`
}

type residualDatum struct {
	Meaning   string `json:"meaning"`
	Reference string `json:"reference"`
}

type tokenCoding struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

// extensionsOf are those of an access token; nil without a patient in context. What
// consents come to tells of what is hidden: it is for who enforces them, and not for the app
// that has the token.
func (t *tenant) extensionsOf(ctx context.Context, a *identity.Access, enforces bool) (*extensions, error) {
	patient := a.Context.Patient
	if patient == "" {
		return nil, nil
	}
	s, err := t.session(ctx, a)
	if err != nil {
		return nil, err
	}
	base := t.Identity.FHIRBase() + "/"
	e := &extensions{IUA: iuaExtension{Person: base + "Patient/" + patient}}
	if purpose := s.Principal().Agent.Purpose; purpose != "" {
		e.IUA.Purpose = []tokenCoding{{"http://terminology.hl7.org/CodeSystem/v3-ActReason", purpose}}
	}
	if !enforces {
		return e, nil
	}
	c, err := s.Consented(ctx, fhir.ID(patient))
	if err != nil {
		return nil, err
	}
	if c.Consents == nil && c.Residual == nil {
		return e, nil
	}
	e.PCF = &pcfExtension{Patient: base + "Patient/" + patient, Policies: c.Policies}
	for _, key := range c.Consents {
		e.PCF.Consents = append(e.PCF.Consents, base+key.String())
	}
	for _, r := range c.Residual {
		one := residualRule{Type: "permit"}
		if r.Forbid {
			one.Type = "forbid"
		}
		for _, l := range r.Labels {
			system, code, _ := strings.Cut(l, "|")
			one.Labels = append(one.Labels, tokenCoding{system, code})
		}
		for _, d := range r.Data {
			one.Data = append(one.Data, residualDatum{d.Meaning, base + d.Key})
		}
		e.PCF.Residual = append(e.PCF.Residual, one)
	}
	return e, nil
}
