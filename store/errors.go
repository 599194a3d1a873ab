package store

import (
	"fmt"
	"strings"
)

func (e *VersionError) Error() string {
	return fmt.Sprintf("store: %s: version %d expected, %d is current", e.Key, e.Expect, e.Current)
}

// Unwrap returns ErrVersion.
func (e *VersionError) Unwrap() error { return ErrVersion }

func (e *MissingError) Error() string {
	names := make([]string, len(e.Keys))
	for i, k := range e.Keys {
		names[i] = k.String()
	}
	return "store: missing: " + strings.Join(names, ", ")
}

// Unwrap returns ErrMissing.
func (e *MissingError) Unwrap() error { return ErrMissing }
