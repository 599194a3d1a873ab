package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// load returns the definitions of each release that may be stored, the
// primary one first, with the packages laid over the release they are for.
func (f definitionFlags) load() ([]*definitions.Definitions, error) {
	byRelease := map[definitions.Release]*definitions.Definitions{}
	var order []definitions.Release
	for _, name := range f.FHIR {
		r := definitions.Release(strings.ToUpper(name))
		if slices.Contains(order, r) {
			return nil, usage("--fhir names %s twice", r)
		}
		order = append(order, r)
		if r == definitions.R4 || r == definitions.R4B {
			d, err := definitions.BuiltIn(r)
			if err != nil {
				return nil, err
			}
			byRelease[r] = d
		}
	}
	for _, name := range f.Package {
		d, err := loadPackage(name, byRelease)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(order, d.Release) {
			order = append(order, d.Release)
		}
		byRelease[d.Release] = d
	}
	all := make([]*definitions.Definitions, len(order))
	for i, r := range order {
		if all[i] = byRelease[r]; all[i] == nil {
			return nil, usage("--fhir %s: this release is not built in (R4 and R4B are); load its core package with --package", r)
		}
	}
	return all, nil
}

// loadPackage reads a package as a release of its own if it is one, else on
// top of the release it is for.
func loadPackage(name string, loaded map[definitions.Release]*definitions.Definitions) (*definitions.Definitions, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var errs []string
	try := func(base *definitions.Definitions) (*definitions.Definitions, bool) {
		if _, err := file.Seek(0, 0); err != nil {
			errs = append(errs, err.Error())
			return nil, false
		}
		d, err := definitions.LoadPackage(file, base)
		if err != nil {
			errs = append(errs, err.Error())
		}
		return d, err == nil
	}
	for _, base := range loaded {
		if d, ok := try(base); ok {
			return d, nil
		}
	}
	for _, r := range []definitions.Release{definitions.R4, definitions.R4B} {
		if loaded[r] != nil {
			continue
		}
		base, err := definitions.BuiltIn(r)
		if err != nil {
			return nil, err
		}
		if d, ok := try(base); ok {
			return d, nil
		}
	}
	if d, ok := try(nil); ok {
		return d, nil
	}
	return nil, usage("--package %s cannot be loaded:\n  %s", filepath.Base(name), strings.Join(distinct(errs), "\n  "))
}

func distinct(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// release is set by the linker for a released binary.
var release = ""

// version is the release, or the commit that the binary was built from.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unreleased"
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			commit = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+"
		}
	}
	if commit == "" {
		return "unreleased"
	}
	return "unreleased-" + commit + dirty
}

type versionCommand struct {
	definitionFlags
}

// Run shows the version.
func (c *versionCommand) Run(m *Main) error {
	fmt.Fprintln(m.Stdout, "ingle", version())
	all, err := c.load()
	if err != nil {
		return err
	}
	for i, d := range all {
		note := ""
		if i == 0 {
			note = " (default)"
		}
		fmt.Fprintf(m.Stdout, "FHIR %s %s%s, %d resource types\n", d.Release, d.Version, note, ownTypes(d))
		for _, p := range d.Packages() {
			fmt.Fprintf(m.Stdout, "  %s %s\n", p.Name, p.Version)
		}
	}
	return nil
}

// ownTypes counts the resource types that are the release's own.
func ownTypes(d *definitions.Definitions) int {
	n := 0
	for _, name := range d.ResourceTypes() {
		if !d.Additional(name) {
			n++
		}
	}
	return n
}
