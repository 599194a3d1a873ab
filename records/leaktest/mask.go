package leaktest

import (
	"slices"
	"strings"
)

// Masks are the elements that the principal is not shown, such as Patient.name: those that
// a rule by which the type is seen masks. One that shows all of them, whoever's they
// are, shows them also to who has another one.
func (s *Sight) Masks() []string {
	if s.masks != nil {
		return *s.masks
	}
	all := []string{}
	for _, role := range s.p.Roles {
		for _, rule := range role.Rules {
			for _, mask := range rule.Mask {
				if !slices.Contains(all, mask) && s.isMasked(mask) {
					all = append(all, mask)
				}
			}
		}
	}
	s.masks = &all
	return all
}

func (s *Sight) isMasked(element string) bool {
	typeName, _, _ := strings.Cut(element, ".")
	reading, searching := s.roleRules(typeName, 'r'), s.roleRules(typeName, 's')
	masking := func(rule RoleRule) bool {
		return slices.ContainsFunc(rule.Mask, func(m string) bool { return within(strings.Split(element, "."), m) })
	}
	showing := func(rule RoleRule) bool { return rule.Reach == "organization" && !masking(rule) }
	return slices.ContainsFunc(append(reading, searching...), masking) &&
		!(slices.ContainsFunc(reading, showing) && slices.ContainsFunc(searching, showing))
}

// within says whether an element is that of a mask, or in it.
func within(names []string, mask string) bool {
	masked := strings.Split(mask, ".")
	return len(names) >= len(masked) && isMeant(names[:len(masked)], masked)
}

// Choices are elements whose names end in the type of their value.
var Choices = []string{"deceased", "effective", "medication", "multipleBirth", "occurrence", "onset", "performed", "value"}

// isMeant says whether properties are the elements of a mask.
func isMeant(names, masked []string) bool {
	for i, name := range names {
		of, chosen := strings.CutPrefix(name, masked[i])
		if name != masked[i] && (!chosen || !slices.Contains(Choices, masked[i]) || of[0] < 'A' || of[0] > 'Z') {
			return false
		}
	}
	return true
}

// Hides says whether the value of an element tells something of one that is masked: it is one
// of them, in one, or holds one.
func (s *Sight) Hides(typeName, path string) bool {
	names := strings.Split(path, ".")
	return slices.ContainsFunc(s.Masks(), func(mask string) bool {
		masked := strings.Split(mask, ".")
		n := min(len(names), len(masked)-1)
		return masked[0] == typeName && isMeant(names[:n], masked[1:n+1])
	})
}

// HidesNames says whether references to one of types do not tell a part of what they refer to:
// its display, or its identifier.
func (s *Sight) HidesNames(part string, types ...string) bool {
	return slices.ContainsFunc(s.Masks(), func(mask string) bool {
		names := strings.Split(mask, ".")
		if !slices.Contains(naming, names[1]) || part == "identifier" && names[1] != part {
			return false
		}
		borrowed := part == "display" && (names[0] == "Practitioner" || names[0] == "Organization") && slices.Contains(types, "PractitionerRole")
		return borrowed || slices.Contains(types, names[0])
	})
}

// naming are the elements that make displays.
var naming = []string{"alias", "class", "code", "description", "deviceName", "identifier", "medication", "name", "title", "type", "vaccineCode"}

// Refuses says whether a search by some parameters would tell of what is masked.
func (s *Sight) Refuses(params ...Param) bool {
	return slices.ContainsFunc(params, func(p Param) bool {
		return slices.ContainsFunc(p.Paths, func(path string) bool { return s.Hides(p.Type, path) })
	})
}

// Asked are the parameters that criteria ask.
func Asked(criteria ...Criterion) (all []Param) {
	for _, c := range criteria {
		switch c := c.(type) {
		case *Own:
			all = append(all, c.Param)
		case *Chain:
			all = append(append(all, c.Param), Asked(c.Of)...)
		case *Has:
			all = append(append(all, c.Param), Asked(c.Of)...)
		case *Listed:
			all = append(all, Param{Type: "List", Code: "item", Kind: "reference", Paths: []string{"entry.item"}})
		}
	}
	return all
}
