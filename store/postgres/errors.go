package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inglehealth/ingle/store"
)

// SQLSTATEs with a meaning here.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	diskFull             = "53100"
	duplicateSchema      = "42P06"
	limitExceeded        = "54" // and what follows: program_limit_exceeded
	tooManyConnections   = "53300"
	connectionException  = "08"  // a class
	operatorIntervention = "57P" // shutdown, crash, starting up
)

// errRolledBack says that a commit did not commit.
var errRolledBack = errors.New("postgres: the transaction had failed and was rolled back")

// errChanging says that others kept making and removing what was referred to.
var errChanging = errors.New("postgres: the resources referred to keep changing")

// errTooMany says that a transaction's versions cannot be numbered.
var errTooMany = errors.New("postgres: too many versions in one transaction")

// maxText is how long a query may be, in bytes: as long as SQLite takes. PostgreSQL
// takes any length, and takes 20 GB of memory for the plan of 4 MB of conditions.
const maxText = 1_000_000

// tooLong refuses a query that would take too much to plan.
func tooLong(text string) error {
	if len(text) > maxText {
		return fmt.Errorf("%w: %d bytes of SQL", store.ErrTooComplex, len(text))
	}
	return nil
}

func translate(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case isNotHeld(err):
		return fmt.Errorf("%w: a setting has changed", store.ErrVersion)
	case ok && e.Code == diskFull:
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case ok && strings.HasPrefix(e.Code, limitExceeded), err != nil && strings.Contains(err.Error(), manyParameters):
		return fmt.Errorf("%w: %w", store.ErrTooComplex, err)
	case away(err):
		return fmt.Errorf("%w: %w", store.ErrAway, err)
	}
	return err
}

// manyParameters is what pgx says of a query with more parameters than the protocol
// can number.
const manyParameters = "limited to 65535 parameters"

// away says whether the server is stopping, starting or out of reach.
func away(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.SeverityUnlocalized != "ERROR" || strings.HasPrefix(e.Code, connectionException) || strings.HasPrefix(e.Code, operatorIntervention) || e.Code == tooManyConnections
	}
	_, refused := errors.AsType[*pgconn.ConnectError](err)
	_, broken := errors.AsType[net.Error](err)
	return refused || broken || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// conflicted says whether the transaction failed only because of others and
// may succeed when it runs again.
func conflicted(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, errChanging) || ok && (e.Code == serializationFailure || e.Code == deadlockDetected || e.Code == phrasesRemoved || e.Code == lockNotAvailable)
}

// isRefusal says whether err is the server's answer to a statement, not the
// last word of a connection that ends.
func isRefusal(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.SeverityUnlocalized == "ERROR"
}
