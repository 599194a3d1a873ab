// Package finding is what a check of a server found: whether something is well, what
// that means, and what to do about it.
package finding

import (
	"fmt"
	"time"
)

// State says how a check went.
type State string

// The states.
const (
	OK   State = "ok"
	Warn State = "warn"
	Fail State = "fail"
)

// Finding is what one check found.
type Finding struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Means string `json:"means"`
	Do    string `json:"do,omitempty"` // nothing when all is well
}

// Well is a check that found all well.
func Well(check, means string, args ...any) Finding {
	return Finding{Check: check, State: OK, Means: fmt.Sprintf(means, args...)}
}

// Doubt is a check that found what should be looked after.
func Doubt(check, do, means string, args ...any) Finding {
	return Finding{Check: check, State: Warn, Means: fmt.Sprintf(means, args...), Do: do}
}

// Ill is a check that found what does not work, or may lose something.
func Ill(check, do, means string, args ...any) Finding {
	return Finding{Check: check, State: Fail, Means: fmt.Sprintf(means, args...), Do: do}
}

// Worst is the worst state of some findings; OK of none.
func Worst(all []Finding) State {
	worst := OK
	for _, f := range all {
		if f.State == Fail || f.State == Warn && worst == OK {
			worst = f.State
		}
	}
	return worst
}

// Skew says how a clock that is ahead of this machine's by d is.
func Skew(check, whose string, d time.Duration) Finding {
	const do = "Have NTP set the clocks of both machines: tokens and events go by them."
	switch d = d.Round(10 * time.Millisecond); {
	case d.Abs() > time.Minute:
		return Ill(check, do, "%s is %s away from this machine's: tokens are refused or live on.", whose, d)
	case d.Abs() > 5*time.Second:
		return Doubt(check, do, "%s is %s away from this machine's.", whose, d)
	}
	return Well(check, "%s is that of this machine, but for %s.", whose, d.Abs())
}
