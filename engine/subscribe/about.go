package subscribe

import "github.com/inglehealth/ingle/engine/search"

// About says whether nothing but what refers to a patient, or is that Patient, can be
// matched.
func (c *Criteria) About(patient string) bool {
	for _, r := range c.rules {
		if !about(r.resource, r.demand(), patient) {
			return false
		}
	}
	return true
}

func about(resource string, x search.Expr, patient string) bool {
	switch x := x.(type) {
	case search.And:
		for _, one := range x {
			if t, ok := one.(search.TypeIs); ok && len(t) == 1 {
				resource = t[0]
			}
		}
		for _, one := range x {
			if about(resource, one, patient) {
				return true
			}
		}
	case search.Or:
		for _, one := range x {
			if !about(resource, one, patient) {
				return false
			}
		}
		return len(x) > 0
	case search.Reference:
		return x.URL == "" && x.ID == patient && (x.Type == "Patient" || x.Type == "")
	case search.IDs:
		return resource == "Patient" && len(x) == 1 && x[0] == patient
	}
	return false
}
