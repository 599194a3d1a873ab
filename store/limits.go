package store

import (
	"context"
	"time"
)

// LimitSpent is what one process let a limited key use, or refused it, since it last
// reported that.
type LimitSpent struct {
	Key     string
	Owes    time.Duration // how long the key's limit takes to make up for it; whole microseconds are kept
	Refused int64
}

// LimitUse is what all processes together know of a limited key.
type LimitUse struct {
	Key     string
	Owes    time.Duration // how long from now until its use is made up for
	Refused int64         // how often it was refused as long as the key is kept
	Since   time.Duration // how long ago it was last reported
}

// Limits keeps how much is used of what is limited, so that all processes of a tenant
// share it. Time passes by the clock of the database, whatever those of the processes
// say.
type Limits interface {
	// SpendLimits adds to what keys owe, to each of them behind what it owes already, and
	// returns what they owe then, in any order. A key may occur once.
	SpendLimits(ctx context.Context, spent []LimitSpent) ([]LimitUse, error)
	// ListLimits returns up to limit keys that owe something, or were refused, of those
	// reported last.
	ListLimits(ctx context.Context, limit int) ([]LimitUse, error)
	// HoldLimits replaces what a process says it holds of each key, which is forgotten
	// unless it is said again within lease, and returns what all others hold.
	HoldLimits(ctx context.Context, process string, held map[string]int64, lease time.Duration) (others map[string]int64, err error)
	// SweepLimits removes up to limit keys that owe nothing and were not reported for as
	// long as unused, with what is held no more, and returns how many keys went.
	SweepLimits(ctx context.Context, unused time.Duration, limit int) (int64, error)
}
