package identity

import (
	"errors"
	"fmt"
	"time"
)

// What the methods of a Service return besides a *fault.Error, which is for
// input that breaks a rule.
var (
	ErrNotFound     = errors.New("identity: there is no such thing")
	ErrConflict     = errors.New("identity: it has been changed meanwhile, or exists already; read it again")
	ErrCredentials  = errors.New("identity: login and password do not belong together")
	ErrDisabled     = errors.New("identity: the user is disabled; an administrator can enable it")
	ErrLocked       = errors.New("identity: too many sign-ins failed")
	ErrBusy         = errors.New("identity: too many sign-ins at once; try again in a moment")
	ErrCode         = errors.New("identity: the code is wrong, too old or was used before")
	ErrSecondFactor = errors.New("identity: a second factor is needed first")
	ErrPending      = errors.New("identity: this sign-in has expired or has been completed; start again")
	ErrSession      = errors.New("identity: the session does not exist, has expired or was ended")
	ErrLink         = errors.New("identity: the link has expired, was used or was replaced; ask for a new one")
	ErrPasskey      = errors.New("identity: the passkey was not accepted")
	ErrNoPasskeys   = errors.New("identity: browsers have no passkeys for this server: its public URL needs https and a host name, or localhost")
	ErrOutside      = errors.New("identity: the outside provider did not sign anybody in")
	ErrLinked       = errors.New("identity: this account of the outside provider is linked to another user")
	ErrUnlinked     = errors.New("identity: no user is linked to this account of the outside provider")
	ErrKeyFile      = errors.New("identity: the key file cannot be used")
	ErrAlgorithm    = errors.New("identity: there is no key for this algorithm")
)

// WaitError is a refusal that ends at a time. It unwraps to ErrLocked.
type WaitError struct{ Until time.Time }

func (e *WaitError) Error() string {
	return fmt.Sprintf("%v; try again after %s", ErrLocked, e.Until.Format(time.RFC3339))
}

// Unwrap returns ErrLocked.
func (e *WaitError) Unwrap() error { return ErrLocked }
