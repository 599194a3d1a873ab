package limits

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// Rule says how much of what a meter counts there may be.
type Rule struct {
	Scope Scope  `json:"scope"`
	ID    string `json:"id,omitempty"` // the app, user, address or network; "" for each that has no rule of its own
	Meter Meter  `json:"meter"`
	Limit Limit  `json:"limit"`
}

// Place is what a rule is about: there is one rule at most for each.
func (r Rule) Place() Rule { return Rule{Scope: r.Scope, ID: r.ID, Meter: r.Meter} }

func (r Rule) String() string { return r.About() + " " + r.Limit.String() }

// About is what a rule is about: "app growth-chart requests".
func (r Rule) About() string {
	id := ""
	if r.ID != "" {
		id = " " + r.ID
	}
	return fmt.Sprintf("%s%s %s", r.Scope, id, r.Meter)
}

// counted says by which scopes a meter counts.
func (m Meter) counted(s Scope) bool {
	switch m {
	case SignIns, Authorizations, Registrations:
		return s == Address
	case Tokens:
		return s == Address || s == App
	case Exported, ExportedBytes:
		return s != Address
	}
	return true
}

// maxID bounds the id of a rule.
const maxID = 200

// Check gives a rule in its one form, or says what is wrong with it.
func (r Rule) Check() (Rule, error) {
	if !r.Meter.counted(r.Scope) {
		return r, fmt.Errorf("%s are not counted by %s", r.Meter.Words(), r.Scope)
	}
	if err := r.Limit.check(r.Meter); err != nil {
		return r, err
	}
	switch {
	case r.ID == "":
	case r.Scope == Tenant:
		return r, fmt.Errorf("a rule for all together names nobody, and not %.40q", r.ID)
	case r.Scope == Address:
		p, err := parseNetwork(r.ID)
		if err != nil {
			return r, err
		}
		r.ID = p.String()
		if p.Bits() == 32 && p.Addr().Is4() {
			r.ID = p.Addr().String()
		}
	case len(r.ID) > maxID || strings.ContainsFunc(r.ID, func(c rune) bool { return unicode.IsControl(c) || unicode.IsSpace(c) || c == unicode.ReplacementChar }):
		return r, fmt.Errorf("%.40q is no id of a %s", r.ID, r.Scope)
	}
	return r, nil
}

// parseNetwork reads an address, of which IPv6 counts by 64 bits, or a network.
func parseNetwork(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil && (p.Addr().Is4() || p.Bits() <= 64 && !p.Addr().Is4In6()) {
		return p.Masked(), nil
	}
	a := AddressOf(text)
	if !a.IsValid() {
		return netip.Prefix{}, fmt.Errorf("%.60q is no address or network: it looks like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/64", text)
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(a, bits), nil
}

// Defaults are the rules of a server where nobody has set any. They hinder no person
// and no app that works as apps do; whoever needs more is given more.
func Defaults() []Rule {
	each := func(s Scope, m Meter, l Limit) Rule { return Rule{Scope: s, Meter: m, Limit: l} }
	return []Rule{
		each(App, Requests, PerSecond(2_000, 20_000)),
		each(App, InFlight, AtMost(256)),
		each(App, Cost, PerSecond(1_000_000, 100_000_000)),
		each(App, QueryCost, AtMost(5_000_000)),
		each(App, Exported, PerDay(100_000_000)),
		each(App, Tokens, PerSecond(20, 100)),
		each(User, Requests, PerSecond(200, 4_000)),
		each(User, InFlight, AtMost(64)),
		each(User, Cost, PerSecond(500_000, 50_000_000)),
		each(User, QueryCost, AtMost(5_000_000)),
		each(Address, Requests, PerSecond(1_000, 20_000)),
		each(Address, InFlight, AtMost(512)),
		each(Address, Tokens, PerSecond(20, 100)),
		each(Address, Authorizations, PerSecond(20, 100)),
		each(Address, SignIns, PerMinute(10, 50)),
		each(Address, Registrations, PerMinute(1, 10)),
	}
}

// ParseAbout reads what a rule is about, as About gives it.
func ParseAbout(text string) (Rule, error) {
	r, err := ParseRule(text + " none")
	r.Limit = Limit{}
	return r, err
}

// ParseRule reads a rule as String gives it: "user requests 100/s burst 1000", "app
// growth-chart requests none".
func ParseRule(text string) (r Rule, err error) {
	words := strings.Fields(text)
	if len(words) < 3 {
		return r, fmt.Errorf("%.60q is no rule: it looks like 'user requests 100/s burst 1000' or 'app growth-chart requests none'", text)
	}
	if err := r.Scope.UnmarshalText([]byte(words[0])); err != nil {
		return r, err
	}
	at := 1
	if r.Meter.UnmarshalText([]byte(words[1])) != nil {
		r.ID, at = words[1], 2
		if err := r.Meter.UnmarshalText([]byte(words[2])); err != nil {
			return r, err
		}
	}
	if r.Limit, err = ParseLimit(strings.Join(words[at+1:], " ")); err != nil {
		return r, err
	}
	return r.Check()
}
