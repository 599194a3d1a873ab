package access

import (
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
)

// checkMask says what is wrong with an element that a rule masks. Whose a resource is
// and what it tells about is not masked: access is decided by that.
func (o *Ownership) checkMask(r *RoleRule, p mask.Path) error {
	var all []*definitions.Definitions
	for _, c := range o.catalogs {
		all = append(all, c.Definitions())
	}
	if err := p.Check(all...); err != nil {
		return err
	}
	t := p.Type()
	if !r.covers(t) {
		return fmt.Errorf("%q: the rule is not about %s", p, t)
	}
	if classes[t] != owned && classes[t] != about {
		return nil
	}
	deciding := append(ownerCodes(t), aboutCodes[t])
	for _, param := range o.params(t, deciding) {
		if t != patientType && touches(o.catalogs, param, []mask.Path{p}) {
			return fmt.Errorf("%q cannot be masked: it says whose the %s is", p, t)
		}
	}
	return nil
}

// touches says whether a parameter tells of an element that one of paths names.
func touches(catalogs []*search.Catalog, p search.Param, paths []mask.Path) bool {
	return slices.ContainsFunc(catalogs, func(c *search.Catalog) bool { return c.Touches(p, paths) })
}

// Masks are the elements that the asker does not see. Of several rules by which
// resources of a type are seen one that masks an element is enough, unless another one
// shows it of all resources of the type.
func (r *Rules) Masks() []mask.Path { return r.masks }

func (a *Asker) masks() []mask.Path {
	var all []mask.Path
	for _, role := range a.Roles {
		for _, rule := range role.Rules {
			for _, p := range rule.Mask {
				if !slices.Contains(all, p) && slices.ContainsFunc(a.allowing(p.Type(), smart.Read|smart.Search), func(one RoleRule) bool { return slices.Contains(one.Mask, p) }) {
					all = append(all, p)
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(p mask.Path) bool {
		for _, i := range []smart.Interactions{smart.Read, smart.Search} {
			if !slices.ContainsFunc(a.allowing(p.Type(), i), func(one RoleRule) bool {
				return one.Reach == ReachAll && one.Filter == "" && !slices.ContainsFunc(one.Mask, p.In)
			}) {
				return false
			}
		}
		return true
	})
}

// asksMasked says whether the query of a scope asks for what is masked, so that what it
// shows would tell of that.
func (r *Rules) asksMasked(s smart.Scope) bool {
	if s.Query == "" || r.masks == nil {
		return false
	}
	typeName := s.Type
	if typeName == smart.Any {
		typeName = ""
	}
	x, err := r.dictionary.query(typeName, s.Query)
	return err == nil && slices.ContainsFunc(search.ParamsOf(x), func(p search.Param) bool { return touches(r.dictionary.catalogs, p, r.masks) })
}
