package validate

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

const (
	vitalSignsProfile = "http://hl7.org/fhir/StructureDefinition/vitalsigns"
	loinc             = "http://loinc.org"
)

// imposed checks a resource against profiles that it need not claim: those that guides
// set for all resources of its type, and of the release that for the vital sign it is by
// its LOINC code. What claims a guide's own profile of vital signs, which need not be as
// narrow, is only warned of the latter. R4 §10.1.12 Vital Signs, §5.5
// ImplementationGuide.global.
func (r *run) imposed(n fhir.Node, claimed map[string]bool) {
	for _, url := range r.v.definitions.GlobalProfiles(n.Type().Name) {
		if bare, _, _ := strings.Cut(url, "|"); !claimed[bare] {
			r.impose(n, url, "a guide that is loaded asks for that of every "+n.Type().Name)
		}
	}
	if n.Type().Name != "Observation" {
		return
	}
	for coding := range n.Child("code").All("coding") {
		if coding.Child("system").Text() != loinc {
			continue
		}
		code := coding.Child("code").Text()
		if url := r.v.vitals()[code]; url != "" && !claimed[url] {
			r.mild = r.v.claimsVitalSigns(claimed)
			r.impose(n, url, "its code, LOINC "+code+", is that of a vital sign")
			r.mild = false
		}
	}
}

// impose is conform to a profile that is not claimed; what is found is told why.
func (r *run) impose(n fhir.Node, url, why string) {
	before := len(r.issues)
	r.conform(n, url, false)
	if len(r.issues) > before {
		r.add(fault.Information, fault.CodeInformation, n, "is checked against profile "+url+", which it does not claim: "+why)
	}
}

// claimsVitalSigns says whether one of the profiles is made from that of vital signs.
func (v *Validator) claimsVitalSigns(profiles map[string]bool) bool {
	for url := range profiles {
		for range maxDepth {
			p := v.definitions.Profile(url)
			if p == nil {
				break
			}
			if url, _, _ = strings.Cut(p.Base, "|"); url == vitalSignsProfile {
				return true
			}
		}
	}
	return false
}

// vitalSigns reads the profiles of the release's vital signs: each asks for one code of
// LOINC.
func (v *Validator) vitalSigns() map[string]string {
	codes := map[string]string{}
	for _, p := range v.definitions.Profiles("Observation") {
		if p.Base != vitalSignsProfile || !strings.HasPrefix(p.URL, "http://hl7.org/fhir/StructureDefinition/") {
			continue
		}
		root, err := p.Root()
		if err != nil {
			continue
		}
		if code := root.Child("code"); code != nil {
			if coding := code.Child("coding"); coding != nil {
				for _, s := range coding.Slices {
					if text := magic(s); text != "" {
						codes[text] = p.URL
					}
				}
			}
		}
	}
	return codes
}

// magic is the LOINC code that a slice of codings must have.
func magic(s *definitions.ProfileElement) string {
	system, code := s.Child("system"), s.Child("code")
	var a, b string
	if s.Min < 1 || system == nil || code == nil || unquote(system.Fixed, &a) != nil || unquote(code.Fixed, &b) != nil || a != loinc {
		return ""
	}
	return b
}
