package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
)

// open checks a package's hash and returns its files by name.
func open(file string) (map[string][]byte, error) {
	content, err := os.ReadFile(file) //nolint:gosec // the caller of the generator chose the folder
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum512(content)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != integrity {
		return nil, fmt.Errorf("%s: integrity is %s, want %s", file, got, integrity)
	}
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	members := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return members, nil
		}
		if err != nil {
			return nil, err
		}
		if members[h.Name], err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
}
