package definitions

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// Bounds of a package: the largest ones published stay well below.
const (
	maxPackageEntries = 100_000
	maxPackageFile    = 64 << 20  // bytes of one file
	maxPackageBytes   = 512 << 20 // bytes of all files, unpacked
)

// manifest is what is read of a package's package.json.
type manifest struct {
	Name         string   `json:"name"`
	Version      string   `json:"version"`
	Type         string   `json:"type"`
	FHIRVersions []string `json:"fhirVersions"`
	VersionList  []string `json:"fhir-version-list"` // how R4's own package says it
}

// PackageFile is a FHIR package that was read: the core package of a release,
// or additions that can be laid over one.
type PackageFile struct {
	set      *record.Set
	manifest *manifest
}

// ReadPackage reads a FHIR package (a gzipped tar with package/package.json
// and package/*.json).
//
// Memory is bounded by limits on the number and size of files. Errors name
// the file at fault.
func ReadPackage(r io.Reader) (*PackageFile, error) {
	set, m, err := readPackage(r)
	if err != nil {
		return nil, err
	}
	return &PackageFile{set, m}, nil
}

// String is the name and version of the package, "hl7.fhir.us.core 7.0.0".
func (p *PackageFile) String() string { return p.manifest.Name + " " + p.manifest.Version }

// FHIRVersions are the versions of FHIR that the package says it is for.
func (p *PackageFile) FHIRVersions() []string { return p.manifest.FHIRVersions }

// IsRelease says whether the package is the core package of a release, such as
// hl7.fhir.r5.core.
func (p *PackageFile) IsRelease() bool {
	return slices.ContainsFunc(p.set.Structures, func(s record.Structure) bool { return s.URL == structureDefinition+"Resource" })
}

// Suits says whether the package is for the release of base.
func (p *PackageFile) Suits(base *Definitions) bool { return p.manifest.suits(base) }

// Over makes definitions of the package. With a nil base it must be a release,
// which can be made once. Otherwise its search parameters, profiles, operations,
// value sets, code systems and topics are laid over base, which is not changed;
// a package for another release is refused.
func (p *PackageFile) Over(base *Definitions) (*Definitions, error) {
	versions := strings.Join(p.FHIRVersions(), ", ")
	switch release := p.IsRelease(); {
	case base == nil && !release:
		return nil, fmt.Errorf("package %s holds no FHIR release, only additions for FHIR %s: load it on top of that release", p, versions)
	case base != nil && release:
		return nil, fmt.Errorf("package %s is a FHIR release of its own: it cannot be laid over %s %s", p, base.Release, base.Version)
	case release:
		return linkCore(p.set)
	case !p.Suits(base):
		return nil, fmt.Errorf("package %s is for FHIR %s, and cannot be laid over %s (%s)", p, versions, base.Release, base.Version)
	}
	return base.with(p.set), nil
}

// LoadPackage reads a package and makes definitions of it, as Over does.
func LoadPackage(r io.Reader, base *Definitions) (*Definitions, error) {
	p, err := ReadPackage(r)
	if err != nil {
		return nil, err
	}
	return p.Over(base)
}

func (m *manifest) suits(base *Definitions) bool {
	return len(m.FHIRVersions) == 0 || slices.ContainsFunc(m.FHIRVersions, func(v string) bool { return ReleaseOf(v) == base.Release })
}

// linkCore makes a release of the package's types, with its profiles.
func linkCore(set *record.Set) (*Definitions, error) {
	record.Reduce(set.Structures)
	if ReleaseOf(set.FHIRVersion) == R4 {
		ofTypeForAs(set.Parameters)
	}
	d, err := link(set)
	if err != nil {
		return nil, fmt.Errorf("package %s %s: %w", set.Name, set.Version, err)
	}
	for _, p := range d.paramByURL {
		p.Package, p.Core = set.Name+" "+set.Version, true
	}
	d.take(set)
	return d, nil
}

// with lays a package over d.
func (d *Definitions) with(set *record.Set) *Definitions {
	out := &Definitions{
		Release: d.Release, Version: d.Version, base: d, packages: append(slices.Clip(d.packages), Package{set.Name, set.Version}),
		types: d.types, resources: d.resources, additional: d.additional, properties: d.properties, compartment: d.compartment,
		params: d.params, operations: d.operations, topics: append(slices.Clip(d.topics), set.Topics...), globals: append(slices.Clip(d.globals), set.Globals...),
		guides: append(slices.Clip(d.guides), set.Guides...),
	}
	correct(d.Release, set.Parameters)
	out.addParameters(set.Parameters, set.Name+" "+set.Version)
	out.addOperations(set.Operations)
	out.take(set)
	return out
}

// take gives d the profiles and the terminology of a package.
func (d *Definitions) take(set *record.Set) {
	profileRecords := slices.DeleteFunc(slices.Clone(set.Structures), func(s record.Structure) bool {
		return s.Derivation != "constraint"
	})
	d.profiles = &profiles{load: func() ([]record.Structure, error) { return profileRecords, nil }}
	d.terminology = newTerminology(set)
}

// readPackage reads the manifest and every conformance resource directly
// under package/.
func readPackage(r io.Reader) (*record.Set, *manifest, error) {
	gz, err := gzip.NewReader(r)
	if err != nil {
		return nil, nil, fmt.Errorf("this is no FHIR package: it must be a gzipped tar (.tgz): %w", err)
	}
	set := new(record.Set)
	var m *manifest
	files := &packageFiles{tar: tar.NewReader(gz), left: maxPackageBytes}
	for {
		name, content, err := files.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if name == "package.json" {
			m = new(manifest)
			if err := json.Unmarshal(content, m); err != nil {
				return nil, nil, fmt.Errorf("package/package.json: %w", err)
			}
			continue
		}
		if err := set.Add(content); err != nil {
			return nil, nil, fmt.Errorf("package/%s: %w", name, err)
		}
	}
	if m == nil || m.Name == "" {
		return nil, nil, errors.New("this is no FHIR package: it has no package/package.json with a name")
	}
	if len(m.FHIRVersions) == 0 {
		m.FHIRVersions = m.VersionList
	}
	set.Name, set.Version = m.Name, m.Version
	if len(m.FHIRVersions) > 0 {
		set.FHIRVersion = m.FHIRVersions[0]
	}
	return set, m, nil
}

// packageFiles gives the JSON files directly under package/.
type packageFiles struct {
	tar   *tar.Reader
	count int
	left  int64 // bytes that may still be unpacked
}

func (f *packageFiles) next() (name string, content []byte, err error) {
	for {
		h, err := f.tar.Next()
		if errors.Is(err, io.EOF) {
			return "", nil, io.EOF
		}
		if err != nil {
			return "", nil, fmt.Errorf("after file %d the package cannot be read: %w", f.count, err)
		}
		if f.count++; f.count > maxPackageEntries {
			return "", nil, fmt.Errorf("the package has more than %d files", maxPackageEntries)
		}
		if f.left -= h.Size; h.Size < 0 || f.left < 0 {
			return "", nil, fmt.Errorf("%s: the package unpacks to more than %d MiB", h.Name, maxPackageBytes>>20)
		}
		if h.Name != "" && (h.Name[0] == '/' || slices.Contains(strings.Split(h.Name, "/"), "..")) {
			return "", nil, fmt.Errorf("%q: a file of a package must not lie outside it", h.Name)
		}
		dir, name := path.Split(strings.TrimPrefix(h.Name, "./"))
		if h.Typeflag != tar.TypeReg || dir != "package/" || !strings.HasSuffix(name, ".json") || name[0] == '.' {
			continue
		}
		if h.Size > maxPackageFile {
			return "", nil, fmt.Errorf("%s: is larger than %d MiB", h.Name, maxPackageFile>>20)
		}
		content := make([]byte, 0, min(h.Size, 1<<20)+1)
		content, err = appendAll(content, io.LimitReader(f.tar, maxPackageFile))
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		// Some published files begin with a byte order mark.
		return name, bytes.TrimPrefix(content, []byte("\uFEFF")), nil
	}
}

// appendAll reads r to its end; memory grows with what is really there, not
// with what a header claims.
func appendAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}
