package identity

import (
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/watch/metric"
)

// counts tells whoever watches how often tokens and sign-ins are good.
type counts struct {
	tenant          string
	tokens, signIns *metric.Counter
}

func newCounts(r *metric.Registry, tenant string) counts {
	return counts{
		tenant:  tenant,
		tokens:  r.Counter("ingle_tokens_checked_total", "Access tokens that were checked: good, refused, or error when that could not be found out.", "tenant", "outcome"),
		signIns: r.Counter("ingle_sign_ins_total", "Attempts to sign in by password, second-factor, passkey or outside provider: good, failed, limited after too many failures, or error.", "tenant", "method", "outcome"),
	}
}

func (c counts) token(err error) {
	switch {
	case err == nil:
		c.tokens.Add(1, c.tenant, "good")
	case errors.Is(err, ErrToken):
		c.tokens.Add(1, c.tenant, "refused")
	case !errors.Is(err, context.Canceled):
		c.tokens.Add(1, c.tenant, "error")
	}
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
}

// signIn counts an attempt, by what it returns.
func (c counts) signIn(method string, err *error) {
	outcome := "good"
	if *err != nil {
		outcome = "error"
		_, refused := errors.AsType[*Refused](*err)
		_, limited := errors.AsType[*WaitError](*err)
		switch {
		case limited || errors.Is(*err, ErrBusy):
			outcome = "limited"
		case refused || isAny(*err, ErrCredentials, ErrDisabled, ErrCode, ErrPending, ErrPasskey, ErrOutside, ErrUnlinked, ErrLinked, ErrSession):
			outcome = "failed"
		}
	}
	c.signIns.Add(1, c.tenant, method, outcome)
}
