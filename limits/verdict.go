package limits

import (
	"math"
	"strconv"
	"time"
)

// Limited says whether there is a limit.
func (v Verdict) Limited() bool { return v.policy != nil }

// Meter is what the limit counts.
func (v Verdict) Meter() Meter {
	if v.policy == nil {
		return Requests
	}
	return v.policy.Meter
}

// Limit is the limit.
func (v Verdict) Limit() Limit {
	if v.policy == nil {
		return None()
	}
	return v.policy.Limit
}

// Reason says which limit it is, for who is refused: "requests for this user, of 100/s".
func (v Verdict) Reason() string {
	if v.policy == nil {
		return ""
	}
	return v.policy.sentence()
}

// RetryAfter is the value of that header (RFC 9110 §10.2.3): seconds, from one up.
func (v Verdict) RetryAfter() string { return strconv.FormatInt(max(1, seconds(v.Wait)), 10) }

func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// RateLimitPolicy is the value of that header (draft-ietf-httpapi-ratelimit-headers-11
// §3), shared by all answers: nobody changes it.
func (v Verdict) RateLimitPolicy() []string {
	if v.policy == nil {
		return nil
	}
	return v.policy.header
}

// RateLimit is the value of that header (draft-ietf-httpapi-ratelimit-headers-11 §4):
// what is left, and when all of it is again.
func (v Verdict) RateLimit() string {
	if v.policy == nil {
		return ""
	}
	text := make([]byte, 0, 48)
	text = append(text, '"')
	text = append(text, v.policy.name...)
	text = append(text, `";r=`...)
	text = strconv.AppendInt(text, v.left, 10)
	if v.policy.Meter.isRate() {
		text = append(text, ";t="...)
		text = strconv.AppendInt(text, seconds(v.reset), 10)
	}
	return string(text)
}

// nanoseconds is a duration of so many, which may have become less than none by what
// was given back.
func nanoseconds(n int64) time.Duration { return time.Duration(max(0, n)) }
