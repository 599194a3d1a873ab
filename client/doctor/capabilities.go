package doctor

import (
	"context"
	"slices"
	"strings"
)

// sets are SMART's capability sets; of an inner list one suffices.
var sets = []struct {
	name  string
	needs [][]string
}{
	{"Patient access for standalone apps", [][]string{{"launch-standalone"}, {"client-public", "client-confidential-symmetric", "client-confidential-asymmetric"}, {"context-standalone-patient"}, {"permission-patient"}}},
	{"Patient access for EHR launch (from a portal)", [][]string{{"launch-ehr"}, {"client-public", "client-confidential-symmetric", "client-confidential-asymmetric"}, {"context-ehr-patient"}, {"permission-patient"}}},
	{"Clinician access for standalone apps", [][]string{{"launch-standalone"}, {"client-public", "client-confidential-symmetric", "client-confidential-asymmetric"}, {"permission-user"}, {"permission-patient"}}},
	{"Clinician access for EHR launch", [][]string{{"launch-ehr"}, {"client-public", "client-confidential-symmetric", "client-confidential-asymmetric"}, {"context-ehr-patient"}, {"context-ehr-encounter"}, {"permission-user"}, {"permission-patient"}}},
	{"Sign-in with OpenID Connect", [][]string{{"sso-openid-connect"}}},
	{"Access while the user is away", [][]string{{"permission-offline"}}},
	{"Granular scopes (v2)", [][]string{{"permission-v2"}}},
	{"Look of the EHR for apps in it", [][]string{{"context-banner"}, {"context-style"}}},
	{"Backend services", [][]string{{"client-confidential-asymmetric"}}},
}

// capabilities looks at which of SMART's sets are whole.
func (e *examination) capabilities(context.Context) {
	if e.configuration == nil {
		e.skip("SMART's capability sets", "there is no smart-configuration")
		return
	}
	has := texts(e.configuration, "capabilities")
	e.check(len(has) > 0, Fail, "The server says what it can", smartSection, strings.Join(has, " "), "")
	for _, set := range sets {
		s := Set{Name: set.name}
		for _, oneOf := range set.needs {
			if !slices.ContainsFunc(oneOf, func(c string) bool { return slices.Contains(has, c) }) {
				s.Lacks = append(s.Lacks, strings.Join(oneOf, " or "))
			}
		}
		e.report.Sets = append(e.report.Sets, s)
		e.check(len(s.Lacks) == 0, Warn, set.name, "SMART App Launch 2.2 §8.1.3", lacking(s.Lacks), "Apps of this kind cannot be used.")
	}
	grants := texts(e.configuration, "grant_types_supported")
	if slices.Contains(has, "launch-ehr") || slices.Contains(has, "launch-standalone") {
		e.check(slices.Contains(grants, "authorization_code"), Fail, "Launches and authorization_code go together", smartSection, strings.Join(grants, " "), "")
	}
	for _, old := range []string{"password", "implicit"} {
		e.check(!slices.Contains(grants, old), Fail, "The grant "+old+" is not offered", "RFC 9700 §2", strings.Join(grants, " "), "It gives away passwords or tokens.")
	}
}

// scopes looks at which scopes are announced.
func (e *examination) scopes(context.Context) {
	if e.configuration == nil {
		e.skip("Scopes", "there is no smart-configuration")
		return
	}
	const section = "SMART App Launch 2.2 §3"
	has, can := texts(e.configuration, "scopes_supported"), texts(e.configuration, "capabilities")
	if len(has) == 0 {
		e.skip("Scopes", "the server announces none")
		return
	}
	level := func(prefix string, v2 bool) bool {
		return slices.ContainsFunc(has, func(s string) bool {
			rest, ok := strings.CutPrefix(s, prefix+"/")
			_, permission, dot := strings.Cut(rest, ".")
			permission, _, _ = strings.Cut(permission, "?")
			old := permission == "read" || permission == "write" || permission == "*"
			return ok && dot && old != v2
		})
	}
	for _, one := range []struct{ prefix, capability string }{{"patient", "permission-patient"}, {"user", "permission-user"}} {
		if slices.Contains(can, one.capability) {
			e.check(level(one.prefix, true) || level(one.prefix, false), Warn, one.prefix+"/ scopes are announced as "+one.capability+" promises", section, "", "")
		}
	}
	if slices.Contains(can, "permission-v2") {
		e.check(level("patient", true) || level("user", true) || level("system", true), Warn, "Scopes of version 2 are announced as permission-v2 promises", section, "", "")
	}
	if slices.Contains(can, "permission-v1") {
		e.check(level("patient", false) || level("user", false) || level("system", false), Warn, "Scopes of version 1 are announced as permission-v1 promises", section, "", "")
	}
	for _, one := range []struct{ scope, capability string }{
		{"openid", "sso-openid-connect"}, {"fhirUser", "sso-openid-connect"}, {"launch", "launch-ehr"}, {"launch/patient", "context-standalone-patient"},
		{"offline_access", "permission-offline"}, {"online_access", "permission-online"},
	} {
		if slices.Contains(can, one.capability) {
			e.check(slices.Contains(has, one.scope), Warn, one.scope+" is announced as "+one.capability+" promises", section, "", "")
		}
	}
}
