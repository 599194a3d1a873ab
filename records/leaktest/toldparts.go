package leaktest

import (
	"maps"
	"slices"
	"strings"
)

// staying are the resources contained in one that do not go with what refers to them: when that is
// masked, or the narrative, and nothing else refers to them, they do.
func (t *telling) staying(container map[string]any, path []string) (all []any) {
	pointed, left := t.pointed(container, path, false), t.pointed(container, path, true)
	for _, one := range at(container, "contained") {
		if id := text(one, "id"); !pointed[id] || left[id] {
			all = append(all, one)
		}
	}
	return all
}

// pointed are the ids of the contained resources that a resource refers to, itself or by
// another one of them; with shown, in what is shown.
func (t *telling) pointed(container map[string]any, path []string, shown bool) map[string]bool {
	own, ids := maps.Clone(container), map[string]bool{}
	delete(own, "contained")
	t.point(own, path, shown, ids)
	for n := -1; n < len(ids); {
		n = len(ids)
		for _, one := range at(container, "contained") {
			if ids[text(one, "id")] {
				inside := telling{s: t.s, resource: text(one, "resourceType"), depth: len(path) + 1}
				inside.point(one, append(slices.Clone(path), "contained"), shown, ids)
			}
		}
	}
	return ids
}

// point notes the ids that some JSON refers to. What is shown has no narrative: there is none
// where something is masked.
func (t *telling) point(node any, path []string, shown bool, ids map[string]bool) {
	switch node := node.(type) {
	case []any:
		for _, one := range node {
			t.point(one, path, shown, ids)
		}
	case map[string]any:
		for name, one := range node {
			further := append(slices.Clone(path), strings.TrimPrefix(name, "_"))
			if !shown || name != "div" && !t.isMasked(further) {
				t.point(one, further, shown, ids)
			}
		}
	case string:
		for part := range strings.SplitSeq(node, `"`) {
			if id, ok := strings.CutPrefix(part, "#"); ok {
				ids[id] = true
			}
		}
	}
}
