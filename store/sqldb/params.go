package sqldb

import (
	"slices"

	"github.com/inglehealth/ingle/engine/search"
)

// params are the numbers of the parameters under which p's values stand. Of
// references to resources see links.
func (c *compiler) params(p search.Param) []int64 {
	var ids []int64
	origins := p.Origins()
	if p.Type == search.System || len(origins) == 0 || origins[0].Target != "" {
		ids = c.own(p)
	}
	for _, o := range origins {
		if o.Target == "" {
			ids = append(ids, c.standsUnder(o.Type, o.Code)...)
		}
	}
	return ids
}

// link is parameters whose references, or those to one type (0: any), are a
// parameter's.
type link struct {
	params []int64
	target int64
}

// links are where p's references to resources stand.
func (c *compiler) links(p search.Param) []link {
	var any link
	var links []link
	origins := p.Origins()
	if p.Type == search.System || len(origins) == 0 {
		any.params = c.own(p)
	}
	targets := map[int64]int{}
	for _, o := range origins {
		if o.Target == "" {
			any.params = append(any.params, c.standsUnder(o.Type, o.Code)...)
			continue
		}
		target := c.typeNumber(o.Target)
		i, ok := targets[target]
		if !ok {
			i = len(links)
			targets[target] = i
			links = append(links, link{target: target})
		}
		links[i].params = append(links[i].params, c.standsUnder(o.Type, o.Code)...)
	}
	if any.params != nil {
		links = append(links, any)
	}
	return links
}

// linked is the condition that a row of reference is one of p's, given the
// column or number of the type that it refers to.
func (c *compiler) linked(p search.Param, reference, targetType string) fragment {
	var ways []fragment
	for _, k := range c.links(p) {
		way := in(reference+".param", k.params)
		if k.target != 0 {
			way = all(way, sql(targetType+" = ?", k.target))
		}
		ways = append(ways, way)
	}
	return either(ways...)
}

// own are the numbers that p itself has: one, or for type Resource those of
// every type.
func (c *compiler) own(p search.Param) []int64 {
	if p.Type != search.System {
		return c.standsUnder(p.Type, p.Code)
	}
	if c.former {
		return append(slices.Clip(c.every(p.Code)), c.every(formerCode(p.Code))...)
	}
	return c.every(p.Code)
}

// standsUnder are the numbers of a parameter: one, or with that of what deletes leave two.
func (c *compiler) standsUnder(resourceType, code string) []int64 {
	if c.former {
		return []int64{c.param(resourceType, code), c.param(resourceType, formerCode(code))}
	}
	return []int64{c.param(resourceType, code)}
}

func (c *compiler) param(resourceType, code string) int64 {
	id := c.number(ParamSpace, paramName(resourceType, code), c.names.Ask)
	c.trace.named(id, resourceType+"."+code)
	return id
}
