package main

import (
	"os"
	"path/filepath"

	"github.com/inglehealth/ingle/service/auth"
)

// brand reads the brand file; nil without one.
func (f *authorizationFlags) brand() (*auth.Brand, error) {
	if f.Brand == "" {
		return nil, nil
	}
	file, err := os.Open(filepath.Clean(f.Brand))
	if err != nil {
		return nil, usage("--brand: %v", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	b, err := auth.ReadBrand(file, info.ModTime())
	if err != nil {
		return nil, usage("--brand %s: %v", f.Brand, err)
	}
	return b, nil
}
