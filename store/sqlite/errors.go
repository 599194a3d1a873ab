package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/inglehealth/ingle/store"
)

// pageReserve is how little free space explains a failed write.
const pageReserve = 64 << 10

// damaged explains a file that is no database, or no whole one.
func damaged(path string, err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT:
		return fmt.Errorf("the database file %s is damaged; put back a backup of it: %w", path, err)
	}
	return err
}

// limits are what SQLite says of a query that is beyond one of its limits; they have
// no code of their own.
var limits = []string{"too many SQL variables", "nested too deep", "Expression tree is too large", "parser stack overflow", "too many terms", "tables in a join", "too big"}

// translate turns the driver's errors into the contract's.
func (s *Store) translate(err error) error { return translate(s.dir, err) }

func translate(dir string, err error) error {
	if err == nil || errors.Is(err, store.ErrFull) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_ERROR, lib.SQLITE_TOOBIG:
		if slices.ContainsFunc(limits, func(text string) bool { return strings.Contains(e.Error(), text) }) {
			return fmt.Errorf("%w: %w", store.ErrTooComplex, err)
		}
	case lib.SQLITE_FULL:
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN:
		if free, statErr := FreeBytes(dir); statErr == nil && free < pageReserve {
			return fmt.Errorf("%w: %w", store.ErrFull, err)
		}
	}
	return err
}
