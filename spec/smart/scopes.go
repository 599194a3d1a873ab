package smart

import (
	"fmt"
	"slices"
	"strings"
)

// Scopes that are not about resources.
const (
	OpenID          = "openid"
	FHIRUser        = "fhirUser"
	Profile         = "profile" // an older name of FHIRUser
	Launch          = "launch"
	LaunchPatient   = "launch/patient"
	LaunchEncounter = "launch/encounter"
	OnlineAccess    = "online_access"
	OfflineAccess   = "offline_access"
)

// Limits of what a client may ask for.
const (
	MaxScopes    = 200
	MaxScopeText = 16 << 10
)

// Scopes is what was asked for or granted, in its order, without repetitions.
type Scopes []string

// ParseScopes reads the scope parameter (RFC 6749 §3.3). Unknown scopes stay: see
// Known.
func ParseScopes(text string) (Scopes, error) {
	if len(text) > MaxScopeText {
		return nil, fmt.Errorf("more than %d bytes of scopes", MaxScopeText)
	}
	var all Scopes
	for one := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' }) {
		if err := checkToken(one); err != nil {
			return nil, err
		}
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
		if len(all) > MaxScopes {
			return nil, fmt.Errorf("more than %d scopes", MaxScopes)
		}
	}
	return all, nil
}

// checkToken refuses characters that a scope cannot have (RFC 6749 §3.3).
func checkToken(scope string) error {
	for i := range len(scope) {
		if c := scope[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return fmt.Errorf("the scope %q has a character that scopes cannot have", scope)
		}
	}
	return nil
}

// String writes them as the scope parameter has them.
func (s Scopes) String() string { return strings.Join(s, " ") }

// Has says whether one of them is text.
func (s Scopes) Has(text string) bool { return slices.Contains(s, text) }

// Resources are those about resources.
func (s Scopes) Resources() []Scope {
	var out []Scope
	for _, text := range s {
		if one, err := ParseScope(text); err == nil {
			out = append(out, one)
		}
	}
	return out
}

// Level says whether some are about resources at a level.
func (s Scopes) Level(l Level) bool {
	return slices.ContainsFunc(s.Resources(), func(one Scope) bool { return one.Level == l })
}

// LaunchContext splits a scope that asks for context: launch/patient, or
// launch/imagingstudy?role=x. The type is in lower case as written.
func LaunchContext(scope string) (resourceType, role string, ok bool) {
	rest, ok := strings.CutPrefix(scope, "launch/")
	if !ok {
		return "", "", false
	}
	resourceType, query, _ := strings.Cut(rest, "?")
	role, named := strings.CutPrefix(query, "role=")
	if resourceType == "" || query != "" && (!named || role == "") {
		return "", "", false
	}
	return resourceType, role, true
}

// Known says whether a scope is one of SMART's, whether or not a server grants it.
func Known(scope string) bool {
	switch scope {
	case OpenID, FHIRUser, Profile, Launch, OnlineAccess, OfflineAccess:
		return true
	}
	if _, _, ok := LaunchContext(scope); ok {
		return true
	}
	_, err := ParseScope(scope)
	return err == nil
}

// Covered says whether all that o allows s allows, too. Scopes that are not about
// resources cover themselves only, but for those that ask for context: without a
// role they are for every role.
func (s Scopes) Covered(o string) bool {
	asked, err := ParseScope(o)
	if err != nil {
		return s.Has(o) || s.coversRole(o)
	}
	return slices.ContainsFunc(s.Resources(), func(one Scope) bool { return one.Covers(asked) })
}

// coversRole says whether o asks in a role for context that s asks for in any.
func (s Scopes) coversRole(o string) bool {
	_, role, ok := LaunchContext(o)
	context, _, _ := strings.Cut(o, "?")
	return ok && role != "" && s.Has(context)
}

// Within keeps those of s that limit covers. What a limit covers in part, because
// it is of one type where s asks for all, or allows fewer interactions, is
// replaced by that part.
func (s Scopes) Within(limit Scopes) Scopes {
	var out Scopes
	add := func(text string) {
		if !out.Has(text) {
			out = append(out, text)
		}
	}
	allowed := limit.Resources()
	for _, text := range s {
		if limit.Covered(text) {
			add(text)
			continue
		}
		asked, err := ParseScope(text)
		if err != nil {
			continue
		}
		for _, l := range allowed {
			if part, ok := asked.meet(l); ok {
				add(part.String())
			}
		}
	}
	return out
}

// meet is what two scopes both allow. Of two that restrict to different
// parameters both apply.
func (s Scope) meet(o Scope) (Scope, bool) {
	m := Scope{Level: s.Level, Type: s.Type, Interactions: s.Interactions & o.Interactions, Query: s.Query, V1: s.V1}
	switch {
	case s.Level != o.Level || m.Interactions == 0:
		return m, false
	case s.Type == Any:
		m.Type = o.Type
	case o.Type != Any && o.Type != s.Type:
		return m, false
	}
	for _, pair := range strings.Split(o.Query, "&") {
		if pair != "" && !slices.Contains(strings.Split(m.Query, "&"), pair) {
			if m.Query != "" {
				m.Query += "&"
			}
			m.Query += pair
		}
	}
	if strings.Count(m.Query, "&") >= maxQuery {
		return m, false // no scope can say it
	}
	if m.Query != "" || m.Interactions != s.Interactions {
		m.V1 = false
	}
	return m, true
}
