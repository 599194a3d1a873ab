// Package sandbox holds the synthetic patients that `ingle serve --sandbox`
// starts with. None of them is a real person.
package sandbox

import (
	"embed"
	"io/fs"
	"slices"
)

//go:embed *.json
var files embed.FS

// Bundles returns transaction Bundles (R4, JSON) in the order in which they
// are to be loaded: the clinic first, then a patient each. Every entry is an
// update by a fixed id, so loading them again changes nothing.
func Bundles() [][]byte {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		panic(err) // the pattern is constant
	}
	slices.Sort(names)
	bundles := make([][]byte, len(names))
	for i, name := range names {
		if bundles[i], err = files.ReadFile(name); err != nil {
			panic(err) // embedded
		}
	}
	return bundles
}
