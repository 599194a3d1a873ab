package synth

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
)

// profile is what the test reads of a StructureDefinition.
type profile struct {
	URL, Type, Kind, Derivation string
	Abstract                    bool
	Snapshot                    struct{ Element []element }
}

type element struct {
	ID          string
	Min         int
	MustSupport bool
	Type        []struct {
		Code    string
		Profile []string
	}
	Binding struct{ Strength, ValueSet string }
	wanted  any // of fixed[x] or pattern[x]
}

func (e *element) UnmarshalJSON(b []byte) error {
	type plain element
	if err := json.Unmarshal(b, (*plain)(e)); err != nil {
		return err
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for k, v := range all {
		if strings.HasPrefix(k, "pattern") || strings.HasPrefix(k, "fixed") {
			e.wanted = v
		}
	}
	return nil
}

func TestTwoPatientsHaveEveryMustSupportElementOfUSCore(t *testing.T) {
	claimed := map[string][]map[string]any{} // by profile
	for record := range Generate(1, 2, asOf) {
		for _, r := range record.Resources {
			var tree map[string]any
			if err := json.Unmarshal(r.JSON, &tree); err != nil {
				t.Fatal(err)
			}
			meta, _ := tree["meta"].(map[string]any)
			claims, _ := meta["profile"].([]any)
			for _, url := range claims {
				claimed[url.(string)] = append(claimed[url.(string)], tree)
			}
		}
	}
	for _, file := range []string{"hl7.fhir.us.core-6.1.0.tgz", "hl7.fhir.us.core-7.0.0.tgz"} {
		terms := terminology.New(testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), file))
		profiles, elements := 0, 0
		for _, p := range readProfiles(t, file) {
			here := finder{terms, p}
			counted := false
			for _, e := range p.Snapshot.Element {
				if !e.MustSupport {
					continue
				}
				counted = true
				elements++
				if !slices.ContainsFunc(claimed[p.URL], func(tree map[string]any) bool { return here.has(tree, e.ID) }) {
					t.Errorf("%s: none of %d resources that claim it has %s", p.URL[strings.LastIndexByte(p.URL, '/')+1:], len(claimed[p.URL]), e.ID)
				}
			}
			if counted {
				profiles++
			}
		}
		t.Logf("%s: %d elements of %d profiles", file, elements, profiles)
		if profiles < 45 || elements < 500 {
			t.Errorf("%s: only %d elements of %d profiles were found", file, elements, profiles)
		}
	}
}

// finder looks for elements of a profile in resources.
type finder struct {
	terms *terminology.Catalog
	profile
}

// has tells whether a resource has the element of an id of the profile, whose
// parts are names, with the slice after a colon.
func (f finder) has(resource map[string]any, id string) bool {
	parts := strings.Split(id, ".")
	found := []any{any(resource)}
	beside := []any{nil} // of a primitive: its extensions
	for i, part := range parts[1:] {
		name, slice, _ := strings.Cut(part, ":")
		var next, nextBeside []any
		for j, at := range found {
			object, ok := at.(map[string]any)
			if !ok {
				if object, ok = beside[j].(map[string]any); !ok {
					continue
				}
			}
			values, others := children(object, name, slice)
			for k, v := range values {
				if slice == "" || f.inSlice(v, strings.Join(parts[:i+2], ".")) {
					next, nextBeside = append(next, v), append(nextBeside, others[k])
				}
			}
		}
		found, beside = next, nextBeside
	}
	return len(found) > 0
}

// children are the values of a property, and what stands beside those that are
// primitive. A choice of types has one property for each type.
func children(object map[string]any, name, slice string) (values, beside []any) {
	names := []string{name}
	if base, choice := strings.CutSuffix(name, "[x]"); choice {
		names = nil
		for _, k := range slices.Sorted(maps.Keys(object)) {
			if rest, ok := strings.CutPrefix(k, base); ok && rest != "" && unicode.IsUpper(rune(rest[0])) && (!strings.HasPrefix(slice, base) || slice == k) {
				names = append(names, k)
			}
		}
	}
	for _, n := range names {
		of := func(v any) []any {
			if l, ok := v.([]any); ok {
				return l
			}
			return []any{v}
		}
		if v, ok := object[n]; ok {
			values = append(values, of(v)...)
			beside = append(beside, make([]any, len(values)-len(beside))...)
			if b, ok := object["_"+n]; ok {
				copy(beside[len(beside)-len(of(v)):], of(b))
			}
		}
	}
	return values, beside
}

// inSlice tells whether an item is in the slice that an id names: it has what
// the slice and what is below it fix, and is of its extension.
func (f finder) inSlice(item any, id string) bool {
	optional := "\x00"
	for _, e := range f.Snapshot.Element {
		below, ok := strings.CutPrefix(e.ID, id)
		switch {
		case e.ID == id:
			if !f.fits(item, e) {
				return false
			}
		case !ok || below[0] != '.' || strings.Contains(below, ":") || strings.HasPrefix(e.ID, optional):
		case e.Min == 0:
			optional = e.ID + "."
		case e.wanted != nil && !f.fitsBelow(item, strings.Split(below[1:], "."), e.wanted):
			return false
		}
	}
	return true
}

func (f finder) fits(item any, e element) bool {
	for _, t := range e.Type {
		if t.Code == "Extension" && len(t.Profile) > 0 {
			object, _ := item.(map[string]any)
			return object["url"] == t.Profile[0]
		}
	}
	if e.wanted != nil {
		return holds(item, e.wanted)
	}
	object, _ := item.(map[string]any)
	if codings, ok := object["coding"].([]any); ok && e.Binding.Strength == "required" {
		set := f.terms.Set(e.Binding.ValueSet)
		return slices.ContainsFunc(codings, func(c any) bool {
			coding, _ := c.(map[string]any)
			system, _ := coding["system"].(string)
			code, _ := coding["code"].(string)
			return set != nil && set.Has(system, code) == terminology.Yes
		})
	}
	return true
}

// fitsBelow tells whether some value at a path below an item holds what is
// wanted.
func (f finder) fitsBelow(item any, path []string, wanted any) bool {
	if len(path) == 0 {
		return holds(item, wanted)
	}
	object, ok := item.(map[string]any)
	if !ok {
		return false
	}
	values, _ := children(object, path[0], "")
	return slices.ContainsFunc(values, func(v any) bool { return f.fitsBelow(v, path[1:], wanted) })
}

// holds tells whether a value has at least what a pattern has.
func holds(value, pattern any) bool {
	switch p := pattern.(type) {
	case map[string]any:
		v, ok := value.(map[string]any)
		for k, want := range p {
			if !ok || !holds(v[k], want) {
				return false
			}
		}
		return ok
	case []any:
		v, _ := value.([]any)
		for _, want := range p {
			if !slices.ContainsFunc(v, func(have any) bool { return holds(have, want) }) {
				return false
			}
		}
		return true
	}
	return value == pattern
}

// readProfiles are the profiles of resources in a package.
func readProfiles(t *testing.T, file string) []profile {
	in, err := os.Open(testdata.Dir(t, "packages", file))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	gz, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	var out []profile
	for tr := tar.NewReader(gz); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(h.Name, "package/StructureDefinition-") || !strings.HasSuffix(h.Name, ".json") {
			continue
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		var p profile
		if err := json.Unmarshal(content, &p); err != nil {
			t.Fatalf("%s: %v", h.Name, err)
		}
		if p.Kind == "resource" && p.Derivation == "constraint" {
			out = append(out, p)
		}
	}
}
