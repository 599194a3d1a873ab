package main

import (
	"context"
	"io"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
)

// timeFlags bound what requests may take of the server.
type timeFlags struct {
	SearchTime    time.Duration `default:"60s" help:"How long a search may take, each entry of a Bundle and each condition by itself."`
	HistoryTime   time.Duration `placeholder:"DURATION" help:"How long a history may take. Default: as --search-time."`
	OperationTime time.Duration `placeholder:"DURATION" help:"How long an operation that only reads may take. Default: as --search-time."`
	AtOnce        int           `placeholder:"N" help:"How many searches, histories, operations and Bundles are worked on at once; further ones wait by turns, so that nobody who sends many keeps others waiting. Default: 8 for each core, 16 at least."`
}

// gate lets requests in by turns that take long.
func (c timeFlags) gate() *limits.Gate {
	slots := c.AtOnce
	if slots <= 0 {
		slots = max(16, 8*runtime.GOMAXPROCS(0))
	}
	return limits.NewGate(limits.GateConfig{Slots: slots})
}

// limiterOf is where the limits of a tenant are.
func limiterOf(tenants *records.Tenants) func(tenant string) *limits.Limiter {
	return func(tenant string) *limits.Limiter {
		if door, ok := tenants.Door(tenant); ok {
			return door.Limits()
		}
		return nil
	}
}

// signIns limits failed sign-ins by address, as all processes count them.
type signIns struct{ limits *limits.Limiter }

// Take implements identity.AddressLimits.
func (s signIns) Take(a netip.Addr) time.Duration {
	v := s.limits.Take(limits.SignIns, limits.Who{Address: limits.Network(a)}, 1)
	if v.Refused {
		return max(v.Wait, time.Nanosecond)
	}
	return 0
}

// GiveBack implements identity.AddressLimits.
func (s signIns) GiveBack(a netip.Addr) {
	s.limits.GiveBack(limits.SignIns, limits.Who{Address: limits.Network(a)}, 1)
}

type limitCommand struct {
	List   limitList   `cmd:"" help:"List the limits that are in force, and how much of them is used."`
	Set    limitSet    `cmd:"" help:"Set a limit, for each app, user or address, or for one. It is in force at once, in every process."`
	Remove limitRemove `cmd:"" help:"Remove a limit that was set: then the default holds, or the one for each."`
}

type limitList struct {
	keepingFlags
	Used bool `help:"Show who used how much of which limit lately, and who was refused."`
}

func (c *limitList) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "limit list", c) }

func (c *limitList) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	if c.Used {
		return c.used(ctx, s, out)
	}
	all, err := s.Limits(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"FOR", "ID", "WHAT", "LIMIT", "FROM"}}
	row := func(r limits.Rule, from string) {
		rows = append(rows, []string{r.Scope.String(), dash(r.ID), r.Meter.String(), r.Limit.String(), from})
	}
	for _, r := range all.Rules {
		row(r, "set")
	}
	for _, r := range all.Defaults() {
		row(r, "default")
	}
	return lines(out, rows)
}

// usesListed is how many limits that were used are shown.
const usesListed = 100

func (c *limitList) used(ctx context.Context, s *records.Session, out io.Writer) error {
	uses, err := s.LimitUses(ctx, usesListed)
	if err != nil {
		return err
	}
	rows := [][]string{{"FOR", "ID", "WHAT", "LIMIT", "USED", "REFUSED", "LAST"}}
	for _, u := range uses {
		used := "-"
		if u.Limit.Burst > 0 {
			used = strconv.FormatInt(u.Used*100/u.Limit.Burst, 10) + " %"
		}
		rows = append(rows, []string{u.Scope.String(), dash(u.ID), u.Meter.String(), u.Limit.String(), used, humanize.Comma(u.Refused), u.Since.Round(time.Second).String() + " ago"})
	}
	return lines(out, rows)
}

type limitSet struct {
	keepingFlags
	Words []string `arg:"" name:"rule" help:"For whom, what and how many: user requests 100/s burst 1000"`
}

// Help is shown by 'ingle limit set --help'.
func (c *limitSet) Help() string {
	return `Examples:

  ingle limit set user requests 100/s burst 2000
      Every user may send 100 requests a second, and 2000 at once.

  ingle limit set app growth-chart requests none
      The app of that client id has no limit of requests.

  ingle limit set address 192.0.2.0/24 tokens 100/s
      Every address of a network may ask for tokens 100 times a second.

  ingle limit set app warehouse exported-resources 5000000/day

For whom: tenant (all together), app, user or address, each or the one that is named. What: requests, cost (resources that
searches look at), query-cost (of one search), in-flight (at once), exported-resources, exported-bytes, tokens,
authorizations, sign-ins (that fail), registrations. docs/limits.md says more.`
}

func (c *limitSet) Run(ctx context.Context, m *Main) error {
	if _, err := limits.ParseRule(strings.Join(c.Words, " ")); err != nil {
		return usage("%v", err)
	}
	return c.order(ctx, m, "limit set", c)
}

func (c *limitSet) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	r, err := limits.ParseRule(strings.Join(c.Words, " "))
	if err != nil {
		return usage("%v", err)
	}
	r, err = s.SetLimit(ctx, r)
	return told(err, out, "In force within two seconds: %s", r)
}

type limitRemove struct {
	keepingFlags
	Words []string `arg:"" name:"rule" help:"For whom and what: app growth-chart requests"`
}

func (c *limitRemove) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "limit remove", c)
}

func (c *limitRemove) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	r, err := limits.ParseAbout(strings.Join(c.Words, " "))
	if err != nil {
		return usage("%v", err)
	}
	return told(s.RemoveLimit(ctx, r), out, "There is no limit of its own for %s any more.", r.About())
}
