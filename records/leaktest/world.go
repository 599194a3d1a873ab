package leaktest

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Version is one version of a resource. It does not change once it is in a World.
type Version struct {
	Type, ID string
	Number   int64
	Deleted  bool
	Body     map[string]any
}

// Reference is how others refer to the resource.
func (v *Version) Reference() string { return v.Type + "/" + v.ID }

// World is everything that a server holds.
type World struct {
	base     string
	versions map[string][]*Version // by reference, oldest first
	order    []string              // references, in the order of creation
	pointed  map[string][]string   // who refers to a reference now
}

// NewWorld makes an empty World of a server with a base URL.
func NewWorld(base string) *World {
	return &World{base: strings.TrimRight(base, "/") + "/", versions: map[string][]*Version{}}
}

// Add adds the newest version of a resource; text is its JSON, nothing for a delete.
func (w *World) Add(typeName, id string, number int64, text []byte) error {
	v := &Version{Type: typeName, ID: id, Number: number, Deleted: text == nil}
	if text != nil {
		if err := json.Unmarshal(text, &v.Body); err != nil {
			return fmt.Errorf("leaktest: %s: %w", v.Reference(), err)
		}
	}
	if w.versions[v.Reference()] == nil {
		w.order = append(w.order, v.Reference())
	}
	w.versions[v.Reference()] = append(w.versions[v.Reference()], v)
	w.pointed = nil
	return nil
}

// Has says whether there is a resource, or was one.
func (w *World) Has(reference string) bool { return w.versions[reference] != nil }

// Versions are those of a resource, oldest first.
func (w *World) Versions(reference string) []*Version { return w.versions[reference] }

// Version is one version of a resource; nil when there is none of that number.
func (w *World) Version(reference string, number int64) *Version {
	for _, v := range w.versions[reference] {
		if v.Number == number {
			return v
		}
	}
	return nil
}

// Newest is the last version of a resource, which may be a delete; nil when there
// never was one.
func (w *World) Newest(reference string) *Version {
	all := w.versions[reference]
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// Current is a resource as it is now; nil when it is not there.
func (w *World) Current(reference string) *Version {
	if v := w.Newest(reference); v != nil && !v.Deleted {
		return v
	}
	return nil
}

// Before is a resource as it was before its delete; nil when it is not deleted.
func (w *World) Before(reference string) *Version {
	v := w.Newest(reference)
	if v == nil || !v.Deleted {
		return nil
	}
	for v != nil && v.Deleted {
		v = w.Version(reference, v.Number-1)
	}
	return v
}

// All yields the resources that are there, of a type, "" for all, in the order of
// their creation.
func (w *World) All(typeName string) iter.Seq[*Version] {
	return func(yield func(*Version) bool) {
		for _, reference := range w.order {
			if typeName != "" && !strings.HasPrefix(reference, typeName+"/") {
				continue
			}
			if v := w.Current(reference); v != nil && !yield(v) {
				return
			}
		}
	}
}

// References are those of everything that is or was there, in the order of creation.
func (w *World) References() []string { return w.order }

// Referrers are the resources that refer to one, by whatever element.
func (w *World) Referrers(reference string) []*Version {
	if w.pointed == nil {
		w.pointed = map[string][]string{}
		for v := range w.All("") {
			for _, to := range w.Mentioned(v.Body) {
				if !slices.Contains(w.pointed[to], v.Reference()) {
					w.pointed[to] = append(w.pointed[to], v.Reference())
				}
			}
		}
	}
	var all []*Version
	for _, r := range w.pointed[reference] {
		all = append(all, w.Current(r))
	}
	return all
}

// Mentioned are the references to resources of the server anywhere in some JSON.
func (w *World) Mentioned(node any) (all []string) {
	switch node := node.(type) {
	case []any:
		for _, one := range node {
			all = append(all, w.Mentioned(one)...)
		}
	case map[string]any:
		for name, one := range node {
			if text, ok := one.(string); ok {
				to := w.local(text)
				linked := strings.HasPrefix(to, "Binary/") && (name == "valueUri" || name == "valueUrl")
				if to != "" && (name == "reference" || name == "url" || linked) {
					all = append(all, to)
				}
				continue
			}
			all = append(all, w.Mentioned(one)...)
		}
	}
	return all
}

// attaches says whether a version takes along what it refers to when it is hidden: not what
// a Consent merely says something about.
func (w *World) attaches(v *Version, reference string) bool {
	if v.Type != "Consent" {
		return true
	}
	rest := maps.Clone(v.Body)
	delete(rest, "provision")
	return slices.Contains(w.Mentioned(rest), reference)
}

// local is a reference to a resource of the server without base URL and version;
// "" when it is none.
func (w *World) local(text string) string {
	parts := strings.Split(strings.TrimPrefix(text, w.base), "/")
	if len(parts) == 4 && parts[2] == "_history" {
		parts = parts[:2]
	}
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" || strings.ContainsAny(parts[0], ":#.?") || strings.ToUpper(parts[0][:1]) != parts[0][:1] {
		return ""
	}
	return parts[0] + "/" + parts[1]
}

// at are the values at a path of names, such as participant.actor, lists taken apart.
func at(node any, path string) []any {
	nodes := flat(node)
	for name := range strings.SplitSeq(path, ".") {
		var next []any
		for _, n := range nodes {
			if m, ok := n.(map[string]any); ok && m[name] != nil {
				next = append(next, flat(m[name])...)
			}
		}
		nodes = next
	}
	return nodes
}

func flat(node any) []any {
	if list, ok := node.([]any); ok {
		return list
	}
	return []any{node}
}

// text is the string at a path, "" for none.
func text(node any, path string) string {
	for _, one := range at(node, path) {
		if s, ok := one.(string); ok {
			return s
		}
	}
	return ""
}

// referred are the resources of the server that References at a path name.
func (w *World) referred(node any, path string) (all []string) {
	for _, one := range at(node, path) {
		if to := w.local(text(one, "reference")); to != "" {
			all = append(all, to)
		}
	}
	return all
}
