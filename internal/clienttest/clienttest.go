// Package clienttest finds what scripts/install-test-deps installs for tests with programs that others
// wrote: a browser, and beside this file the clients and axe-core of npm.
package clienttest

import (
	"errors"
	"os/exec"
)

// Chromium is the path of a browser without windows: Debian's headless shell, which takes half the time of the
// whole Chromium, or that.
func Chromium() (string, error) {
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("neither chromium-headless-shell nor chromium is installed")
}
