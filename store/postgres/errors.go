package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inglehealth/ingle/store"
)

// SQLSTATEs with a meaning here.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	diskFull             = "53100"
)

// errRolledBack says that a commit did not commit.
var errRolledBack = errors.New("postgres: the transaction had failed and was rolled back")

func translate(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if ok && e.Code == diskFull {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// conflicted says whether the transaction failed only because of others and
// may succeed when it runs again.
func conflicted(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == serializationFailure || e.Code == deadlockDetected || e.Code == lockNotAvailable)
}

// isRefusal says whether err is the server's answer to a statement, not the
// last word of a connection that ends.
func isRefusal(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.SeverityUnlocalized == "ERROR"
}
