package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
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
	packages, err := readPackages(f.Package)
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		laid, err := lay(p, order, byRelease)
		if err != nil {
			return nil, usage("--package: %s", err)
		}
		for _, d := range laid {
			if !slices.Contains(order, d.Release) {
				order = append(order, d.Release)
			}
			byRelease[d.Release] = d
		}
	}
	all := make([]*definitions.Definitions, len(order))
	for i, r := range order {
		if all[i] = byRelease[r]; all[i] == nil {
			return nil, usage("--fhir %s: this release is not built in (R4 and R4B are); load its core package with --package", r)
		}
	}
	return all, nil
}

// readPackages reads packages, whole releases first, since the others are laid
// over them; else in the order they are named.
func readPackages(names []string) ([]*definitions.PackageFile, error) {
	var releases, others []*definitions.PackageFile
	for _, name := range names {
		p, err := readPackage(name)
		switch {
		case err != nil:
			return nil, err
		case p.IsRelease():
			releases = append(releases, p)
		default:
			others = append(others, p)
		}
	}
	return append(releases, others...), nil
}

func readPackage(name string) (*definitions.PackageFile, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p, err := definitions.ReadPackage(file)
	if err != nil {
		return nil, usage("--package %s cannot be loaded: %s", filepath.Base(name), err)
	}
	return p, nil
}

// lay makes a release of a package that is one. Others it lays over each
// release loaded that they are for, else over a built-in one.
func lay(p *definitions.PackageFile, order []definitions.Release, loaded map[definitions.Release]*definitions.Definitions) ([]*definitions.Definitions, error) {
	if p.IsRelease() {
		d, err := p.Over(nil)
		return []*definitions.Definitions{d}, err
	}
	var bases []*definitions.Definitions
	for _, r := range order {
		if d := loaded[r]; d != nil && p.Suits(d) {
			bases = append(bases, d)
		}
	}
	for _, r := range []definitions.Release{definitions.R4, definitions.R4B} {
		if len(bases) > 0 {
			break
		}
		d, err := definitions.BuiltIn(r)
		if err != nil {
			return nil, err
		}
		if p.Suits(d) {
			bases = append(bases, d)
		}
	}
	if len(bases) == 0 {
		return nil, fmt.Errorf("package %s is for FHIR %s, which is not loaded: name the core package of that release with --package, too",
			p, strings.Join(p.FHIRVersions(), ", "))
	}
	laid := make([]*definitions.Definitions, len(bases))
	for i, base := range bases {
		var err error
		if laid[i], err = p.Over(base); err != nil {
			return nil, err
		}
	}
	return laid, nil
}

// warnOfParameters logs the search parameters of packages that cannot be
// searched by.
func warnOfParameters(log logger, all []*definitions.Definitions) error {
	for _, d := range all {
		list, err := unusable(d)
		if err != nil {
			return err
		}
		for _, u := range list {
			log.Warn("a search parameter of a package cannot be searched by, and is not listed", "package", u.Package, "fhir", d.Release, "code", u.Code, "url", u.URL, "reason", u.Reason)
		}
	}
	return nil
}

func unusable(d *definitions.Definitions) ([]search.Unusable, error) {
	catalog, err := search.NewCatalog(d, "")
	if err != nil {
		return nil, err
	}
	return catalog.Unusable(), nil
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
		list, err := unusable(d)
		if err != nil {
			return err
		}
		for _, u := range list {
			fmt.Fprintf(m.Stdout, "  search parameter %s of %s cannot be searched by: %s (%s)\n", u.Code, u.Package, u.Reason, u.URL)
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
