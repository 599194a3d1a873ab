package access

import (
	"encoding/json"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
)

// A policy is what the consents of a patient come to at one time: newer ones first,
// those of the same time together.
type policy [][]rule

// PolicySpan is a policy, as text, from Lo until before Until, in microseconds
// since the Unix epoch.
type PolicySpan struct {
	Lo, Until int64
	Policy    string
}

// maxSpans bounds the times at which a patient's consents may begin and end.
const maxSpans = 500

// Policies is what all the consents of one patient come to: a policy for each
// stretch of time in which one of them decides something. Consents that say the
// same give the same policies, for whatever patients. With more beginnings and ends
// than are computed, the provisions count whenever they are.
func Policies(consents []Consent) []PolicySpan {
	all := slices.DeleteFunc(slices.Clone(consents), func(c Consent) bool { return c.rule == nil })
	slices.SortStableFunc(all, func(a, b Consent) int {
		switch {
		case a.Time > b.Time:
			return -1
		case a.Time < b.Time:
			return 1
		}
		return 0
	})
	edges := []int64{search.MinTime, search.MaxTime}
	for _, c := range all {
		edges = c.rule.edges(edges)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	if len(edges) > maxSpans {
		edges = []int64{search.MinTime, search.MaxTime}
	}
	var spans []PolicySpan
	for i := range len(edges) - 1 {
		text := policyAt(all, edges[i], len(edges) == 2)
		if text == "" {
			continue
		}
		if n := len(spans); n > 0 && spans[n-1].Until == edges[i] && spans[n-1].Policy == text {
			spans[n-1].Until = edges[i+1]
			continue
		}
		spans = append(spans, PolicySpan{edges[i], edges[i+1], text})
	}
	return spans
}

// policyAt is the policy that is in force at a time, "" when nothing is decided.
func policyAt(consents []Consent, at int64, always bool) string {
	var p policy
	var last int64
	for _, c := range consents {
		r, ok := c.rule.at(at, always)
		if !ok {
			continue
		}
		if len(p) == 0 || c.Time != last {
			p = append(p, nil)
			last = c.Time
		}
		p[len(p)-1] = append(p[len(p)-1], r)
	}
	if len(p) == 0 {
		return ""
	}
	for _, together := range p {
		slices.SortFunc(together, func(a, b rule) int { return slices.Compare(marshal(a), marshal(b)) })
	}
	return string(marshal(p))
}

// marshal writes what has no types that cannot be written.
func marshal(x any) []byte {
	text, err := json.Marshal(x)
	if err != nil {
		panic("access: " + err.Error())
	}
	return text
}

func (r *rule) edges(edges []int64) []int64 {
	edges = append(edges, r.from, r.until)
	for i := range r.Rules {
		edges = r.Rules[i].edges(edges)
	}
	return edges
}

// at is the rule with those of its exceptions that are in force at a time.
func (r *rule) at(t int64, always bool) (rule, bool) {
	if !always && (t < r.from || t >= r.until) {
		return rule{}, false
	}
	out := *r
	out.Rules = nil
	for i := range r.Rules {
		if one, ok := r.Rules[i].at(t, always); ok {
			out.Rules = append(out.Rules, one)
		}
	}
	return out, true
}

// readPolicy reads what Policies wrote.
func readPolicy(text string) (policy, error) {
	var p policy
	err := json.Unmarshal([]byte(text), &p)
	return p, err
}
