package limits

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// policy is a rule made ready.
type policy struct {
	Rule
	interval float64 // nanoseconds that one takes
	window   int64   // nanoseconds that may be owed
	large    int64   // nanoseconds after which it is reported
	name     string  // of the policy in headers
	header   []string
}

// reportShare is the part of a burst that a process uses before it tells.
const reportShare = 8

func newPolicy(r Rule) *policy {
	p := &policy{Rule: r, name: r.Scope.String() + "-" + r.Meter.String()}
	seconds := int64(1)
	quota, unit := r.Limit.Amount, ""
	if r.Meter.isRate() && !r.Limit.None {
		p.interval = r.Limit.interval()
		p.window = int64(p.interval * float64(r.Limit.Burst))
		p.large = p.window / reportShare
		if r.Limit.Burst <= 2*reportShare { // so few that each counts
			p.large = 1
		}
		seconds, quota = max(1, int64(math.Ceil(float64(p.window)/float64(time.Second)))), r.Limit.Burst
	}
	switch r.Meter {
	case InFlight:
		unit = `;qu="concurrent-requests"`
	case ExportedBytes:
		unit = `;qu="content-bytes"`
	case Cost, Exported, QueryCost:
		unit = `;qu="resources"`
	}
	text := strconv.Quote(p.name) + ";q=" + strconv.FormatInt(quota, 10) + unit
	if r.Meter.isRate() {
		text += ";w=" + strconv.FormatInt(seconds, 10)
	}
	p.header = []string{text}
	return p
}

// rules are those in force, made ready. They are not changed any more.
type rules struct {
	version int64
	each    [scopes][meters]*policy
	one     map[key]*policy
	some    [scopes][meters]bool // that have rules of their own
	nets    [meters][]netPolicy  // narrowest first
}

type netPolicy struct {
	net netip.Prefix
	*policy
}

// newRules makes rules ready that were checked, on top of the defaults.
func newRules(version int64, defaults, own []Rule) *rules {
	all := &rules{version: version, one: map[key]*policy{}}
	for _, r := range slices.Concat(defaults, own) {
		p := newPolicy(r)
		switch {
		case r.ID == "":
			all.each[r.Scope][r.Meter] = p
		case r.Scope == Address:
			if net, err := parseNetwork(r.ID); err == nil {
				all.nets[r.Meter] = append(all.nets[r.Meter], netPolicy{net, p})
			}
		default:
			all.one[key{scope: r.Scope, meter: r.Meter, id: r.ID}] = p
			all.some[r.Scope][r.Meter] = true
		}
	}
	for _, nets := range all.nets {
		slices.SortStableFunc(nets, func(a, b netPolicy) int { return b.net.Bits() - a.net.Bits() })
	}
	return all
}

// of is the policy of a key; nil for no limit.
func (all *rules) of(k key) *policy {
	p := all.each[k.scope][k.meter]
	if k.scope == Address {
		own := false
		for i := range all.nets[k.meter] {
			if n := &all.nets[k.meter][i]; n.net.Contains(k.addr) {
				p, own = n.policy, true
				break
			}
		}
		if !own && k.addr.IsLoopback() && !k.meter.local() {
			return nil
		}
	} else if all.some[k.scope][k.meter] {
		if one := all.one[k]; one != nil {
			p = one
		}
	}
	if p == nil || p.Limit.None {
		return nil
	}
	return p
}

// sentence says what the limit is.
func (p *policy) sentence() string {
	whom := map[Scope]string{Tenant: "for all together", App: "for this app", User: "for this user", Address: "from this address"}[p.Scope]
	return fmt.Sprintf("%s %s, of %s", p.Meter.Words(), whom, p.Limit)
}
