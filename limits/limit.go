package limits

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limit is how many. As text it looks like "100/s", "100/s burst 1000", "64" or "none".
type Limit struct {
	None   bool
	Amount int64
	Per    time.Duration // 0 where nothing is counted over time
	Burst  int64         // how many may come at once
}

// periods are the names of what a Limit may be per.
var periods = []struct {
	name string
	long time.Duration
}{{"s", time.Second}, {"min", time.Minute}, {"h", time.Hour}, {"day", 24 * time.Hour}}

// PerSecond, PerMinute and PerDay make limits.
func PerSecond(n, burst int64) Limit { return Limit{Amount: n, Per: time.Second, Burst: burst} }

// PerMinute is n a minute.
func PerMinute(n, burst int64) Limit { return Limit{Amount: n, Per: time.Minute, Burst: burst} }

// PerDay is n a day, all at once perhaps.
func PerDay(n int64) Limit { return Limit{Amount: n, Per: 24 * time.Hour, Burst: n} }

// AtMost is n at once, or in one.
func AtMost(n int64) Limit { return Limit{Amount: n} }

// None is no limit.
func None() Limit { return Limit{None: true} }

func (l Limit) String() string {
	if l.None {
		return "none"
	}
	text := strconv.FormatInt(l.Amount, 10)
	if l.Per == 0 {
		return text
	}
	for _, p := range periods {
		if p.long == l.Per {
			text += "/" + p.name
		}
	}
	if l.Burst != l.Amount {
		text += " burst " + strconv.FormatInt(l.Burst, 10)
	}
	return text
}

// ParseLimit reads a Limit. Without a burst it is the amount.
func ParseLimit(text string) (l Limit, err error) {
	words := strings.Fields(text)
	switch {
	case len(words) == 1 && words[0] == "none":
		return None(), nil
	case len(words) == 3 && words[1] == "burst":
		if l.Burst, err = count(words[2]); err != nil {
			return l, err
		}
	case len(words) != 1:
		return l, errForm(text)
	}
	amount, per, rate := strings.Cut(words[0], "/")
	if l.Amount, err = count(amount); err != nil {
		return l, err
	}
	if !rate {
		if len(words) > 1 {
			return l, errForm(text)
		}
		return l, nil
	}
	for _, p := range periods {
		if p.name == per {
			l.Per = p.long
		}
	}
	if l.Per == 0 {
		return l, errForm(text)
	}
	if l.Burst == 0 {
		l.Burst = l.Amount
	}
	return l, nil
}

func errForm(text string) error {
	return fmt.Errorf("%.40q is no limit: it looks like 100/s, 100/s burst 1000, 600/min, 1000000/day, 64 or none", text)
}

// most is the highest amount.
const most = 1_000_000_000_000

func count(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%.40q is not a whole number from 1 to %d", text, int64(most))
	}
	return n, nil
}

// MarshalText implements encoding.TextMarshaler.
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Limit) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLimit(string(text))
	return err
}

// longest is how much may be owed: more would be a limit that nobody could explain.
const longest = 366 * 24 * time.Hour

// check says why a limit cannot be one of a meter.
func (l Limit) check(m Meter) error {
	switch {
	case l.None:
		return nil
	case m.isRate() && l.Per == 0:
		return fmt.Errorf("%s are counted over time: say how many, such as %d/s", m.Words(), l.Amount)
	case !m.isRate() && l.Per != 0:
		return fmt.Errorf("%s are not counted over time: say how many, such as %d", m.Words(), l.Amount)
	case m.isRate() && l.interval()*float64(l.Burst) > float64(longest):
		return errors.New("the burst is more than the rate gives in a year")
	}
	return nil
}

// interval is how long one takes, in nanoseconds.
func (l Limit) interval() float64 { return float64(l.Per) / float64(l.Amount) }
