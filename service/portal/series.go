package portal

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/service/pages"
)

// when is the time of an Observation as it is written.
func when(e pages.Element) string {
	return e.When("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued")
}

// taken is that time.
func taken(e pages.Element) time.Time {
	t, _ := pages.Time(when(e))
	return t
}

// valueWords is the value of an Observation in everyday words, of a blood pressure both.
func valueWords(e pages.Element) string {
	if v := e.At("valueCodeableConcept"); v.Exists() {
		m, _ := inWords(v)
		return m.Name
	}
	if v, _ := e.Choice("value"); v.Exists() {
		return e.Value()
	}
	var parts []string
	upper, lower := component(e, "8480-6"), component(e, "8462-4")
	if upper.Exists() && lower.Exists() {
		if high, low := upper.Text("valueQuantity", "value"), lower.At("valueQuantity").Quantity(); high != "" && low != "" {
			return high + " / " + low
		}
	}
	for _, c := range e.List("component") {
		if v, _ := c.Choice("value"); v.Exists() {
			m, _ := inWords(c.At("code"))
			parts = append(parts, m.Name+": "+c.Value())
		}
	}
	if len(parts) > 0 {
		return strings.Join(parts, "; ")
	}
	if why := e.At("dataAbsentReason").Concept(); why != "" {
		return "no value (" + strings.ToLower(why) + ")"
	}
	return "no value"
}

// hasValue says whether an Observation or one of its components has one.
func hasValue(e pages.Element) bool {
	v, _ := e.Choice("value")
	return v.Exists() || slices.ContainsFunc(e.List("component"), func(c pages.Element) bool {
		v, _ := c.Choice("value")
		return v.Exists()
	})
}

// newest is the newest of Observations that are sorted so which has a value, or else
// the newest.
func newest(all []pages.Element) pages.Element {
	if i := slices.IndexFunc(all, hasValue); i >= 0 {
		return all[i]
	}
	return all[0]
}

// component is that of an Observation with a LOINC code.
func component(e pages.Element, code string) pages.Element {
	for _, c := range e.List("component") {
		if c.At("code").Has("http://loinc.org", code) {
			return c
		}
	}
	return pages.Element{}
}

// series are the values of one measurement in the order of time.
type series struct {
	Name, Unit string
	points     []pages.Point
}

func (s *series) values() []float64 {
	var all []float64
	for _, p := range s.points {
		all = append(all, p.Value)
	}
	return all
}

// seriesOf are the numbers of Observations with one code, and of each of their
// components, in the unit of the newest: numbers in another unit are left out.
func seriesOf(all []pages.Element) []series {
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b pages.Element) int { return taken(b).Compare(taken(a)) })
	var out []series
	add := func(name string, at time.Time, e pages.Element) {
		q := e.At("valueQuantity")
		value, ok := q.Number("value")
		if !ok || at.IsZero() {
			return
		}
		unit := pages.Unit(cmp.Or(q.Text("unit"), q.Text("code")))
		i := slices.IndexFunc(out, func(s series) bool { return s.Name == name })
		if i < 0 {
			i, out = len(out), append(out, series{Name: name, Unit: unit})
		}
		if out[i].Unit == unit {
			out[i].points = append(out[i].points, pages.Point{Time: at, Value: value, Text: q.Text("value")})
		}
	}
	for _, e := range sorted {
		m, _ := inWords(e.At("code"))
		add(m.Name, taken(e), e)
		for _, c := range e.List("component") {
			m, _ := inWords(c.At("code"))
			add(m.Name, taken(e), c)
		}
	}
	for _, s := range out {
		slices.Reverse(s.points)
	}
	return out
}

// about is how much a value changes at least, of itself, to be called another.
const about = 0.03

// words says how the newest value compares to the one before and to the first; "" for
// fewer than two.
func (s *series) words() string {
	n := len(s.points)
	if n < 2 {
		return ""
	}
	last, before, first := s.points[n-1], s.points[n-2], s.points[0]
	text := compared(last, before, s.Unit)
	if n > 2 {
		switch change(last.Value, first.Value) {
		case 0:
			text += fmt.Sprintf(" It was about the same on %s.", first.Time.Format("2 January 2006"))
		case 1:
			text += fmt.Sprintf(" It is higher than on %s, when it was %s.", first.Time.Format("2 January 2006"), unit(first.Text, s.Unit))
		default:
			text += fmt.Sprintf(" It is lower than on %s, when it was %s.", first.Time.Format("2 January 2006"), unit(first.Text, s.Unit))
		}
	}
	return text
}

func compared(last, before pages.Point, of string) string {
	was := unit(before.Text, of) + " on " + before.Time.Format("2 January 2006")
	switch change(last.Value, before.Value) {
	case 0:
		return "About the same as before (" + was + ")."
	case 1:
		return "Up from " + was + "."
	}
	return "Down from " + was + "."
}

func unit(number, of string) string { return strings.TrimSpace(number + " " + of) }

// change is 1 when a value is higher than another by more than a little, -1 when it is
// lower, 0 otherwise.
func change(value, other float64) int {
	if math.Abs(value-other) <= about*math.Abs(other) {
		return 0
	}
	return cmp.Compare(value, other)
}

// judgements are codes of interpretation in plain words.
var judgements = map[string]pages.Tag{
	"N": {Kind: "good", Text: "in the usual range"}, "H": {Kind: "warn", Text: "above the usual range"}, "HH": {Kind: "bad", Text: "far above the usual range"},
	"L": {Kind: "warn", Text: "below the usual range"}, "LL": {Kind: "bad", Text: "far below the usual range"}, "A": {Kind: "warn", Text: "not as usual"}, "AA": {Kind: "bad", Text: "far from usual"},
	"POS": {Kind: "info", Text: "positive"}, "NEG": {Kind: "info", Text: "negative"},
}

// judged says how a value is, by its interpretation or else its reference range.
func judged(e pages.Element) pages.Tag {
	for _, i := range e.List("interpretation") {
		for _, c := range i.List("coding") {
			if tag, ok := judgements[c.Text("code")]; ok {
				return tag
			}
		}
	}
	value, ok := e.Number("valueQuantity", "value")
	low, high := usual(e)
	switch {
	case !ok || math.IsNaN(low) && math.IsNaN(high):
		return pages.Tag{}
	case value > high:
		return judgements["H"]
	case value < low:
		return judgements["L"]
	}
	return judgements["N"]
}

// usual is the reference range of a value in its unit; NaN where it is open.
func usual(e pages.Element) (low, high float64) {
	low, high = math.NaN(), math.NaN()
	for _, one := range e.List("referenceRange") {
		if kind := one.Text("type", "coding", "code"); kind != "" && kind != "normal" || one.At("appliesTo").Exists() {
			continue
		}
		for name, bound := range map[string]*float64{"low": &low, "high": &high} {
			if n, ok := one.Number(name, "value"); ok && one.Text(name, "unit") == e.Text("valueQuantity", "unit") {
				*bound = n
			}
		}
		return low, high
	}
	return low, high
}
