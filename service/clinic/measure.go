package clinic

import (
	"cmp"
	"html/template"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/service/pages"
)

// trend is what was measured of one thing over time.
type trend struct {
	Name, Code string
	Latest     string // value in words
	When       string
	Range      string // reference range in words
	Tag        *pages.Tag
	Spark      template.HTML
	Address    string // of its own page; "" when it has no code
}

// trendsOf groups observations by what was measured, the latest first in each; the
// groups are in the order of their names.
func (h *chart) trendsOf(observations []pages.Element) []trend {
	groups := map[string][]pages.Element{}
	var order []string
	for _, o := range observations {
		if o.Text("status") == "entered-in-error" {
			continue
		}
		key := cmp.Or(codeOf(o.At("code")), o.At("code").Concept())
		if key == "" {
			continue
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], o)
	}
	var all []trend
	for _, key := range order {
		all = append(all, h.trendOf(groups[key]))
	}
	slices.SortFunc(all, func(a, b trend) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all
}

func (h *chart) trendOf(group []pages.Element) trend {
	slices.SortStableFunc(group, func(a, b pages.Element) int { return timeOf(b).Compare(timeOf(a)) })
	latest := group[max(0, slices.IndexFunc(group, hasValue))]
	t := trend{Name: briefly(latest.At("code").Concept()), Code: codeOf(latest.At("code")), Latest: valueOf(latest), When: pages.Date(latest.When(observed...))}
	if at := timeOf(latest); !at.IsZero() {
		t.When = at.Format("2 Jan 2006")
	}
	if usual, ok := usually(t.Code); ok && usual.Name != "" {
		t.Name = usual.Name
	}
	r := h.rangeOf(latest)
	t.Range, t.Tag = r.words, judge(latest, r)
	var values []float64
	for i := len(group) - 1; i >= 0; i-- {
		if v, ok := mainValue(group[i]); ok {
			values = append(values, v)
		}
	}
	t.Spark = pages.Spark(values, t.Tag != nil)
	if t.Code != "" {
		t.Address = h.Link("/trend?" + url.Values{"code": {t.Code}}.Encode())
	}
	return t
}

// codeOf is the first code of a concept, as a search writes it: "system|code".
func codeOf(concept pages.Element) string {
	for _, c := range concept.List("coding") {
		if code := c.Text("code"); code != "" {
			return c.Text("system") + "|" + code
		}
	}
	return ""
}

// observed are the names under which an Observation has its time.
var observed = []string{"effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued"}

func timeOf(o pages.Element) time.Time {
	t, _ := pages.Time(o.When(observed...))
	return t
}

func whenOf(o pages.Element) string { return pages.DateTime(o.When(observed...)) }

// valueOf is what was found, in words. Of a panel it is that of its parts; of two in
// the same unit, such as blood pressure, one with a stroke.
func valueOf(o pages.Element) string {
	if v, typ := o.Choice("value"); typ != "" || v.Exists() || len(o.List("component")) == 0 {
		return unitsOf(o.Value())
	}
	parts := o.List("component")
	if len(parts) == 2 {
		a, b := parts[0].At("valueQuantity"), parts[1].At("valueQuantity")
		if a.Text("value") != "" && b.Text("value") != "" && a.Text("unit") == b.Text("unit") {
			return unitsOf(strings.TrimSpace(a.Text("value") + "/" + b.Text("value") + " " + a.Text("unit")))
		}
	}
	var words []string
	for _, p := range parts[:min(len(parts), 6)] {
		if v := p.Value(); v != "" {
			words = append(words, strings.TrimSpace(p.At("code").Concept()+" "+v))
		}
	}
	return unitsOf(strings.Join(words, ", "))
}

// hasValue says whether an observation has a value, and not just a reason for none.
func hasValue(o pages.Element) bool {
	if v, _ := o.Choice("value"); v.Exists() {
		return true
	}
	return slices.ContainsFunc(o.List("component"), func(p pages.Element) bool { v, _ := p.Choice("value"); return v.Exists() })
}

// ucum are codes of units that people write otherwise.
var ucum = strings.NewReplacer("{1.73_m2}", "1.73 m²", "{INR}", "", " Cel", " °C", "kg/m2", "kg/m²", "10*3/uL", "10³/µL", "10*6/uL", "10⁶/µL", "{score}", "", "[degF]", "°F", "mm[Hg]", "mmHg", "[lb_av]", "lb", "[in_i]", "in")

func unitsOf(text string) string { return strings.TrimSpace(ucum.Replace(text)) }

// briefly leaves the property, and the commonest specimen, out of a long name of
// LOINC: "Glucose [Mass/volume] in Urine" is "Glucose in Urine".
func briefly(name string) string {
	before, rest, ok := strings.Cut(name, " [")
	if !ok {
		return name
	}
	_, after, ok := strings.Cut(rest, "]")
	if !ok || before == "" {
		return name
	}
	return before + strings.TrimPrefix(after, " in Serum or Plasma")
}

// mainValue is the number that is drawn: the value, or that of the first part.
func mainValue(o pages.Element) (float64, bool) {
	if v, ok := numberOf(o); ok {
		return v, true
	}
	for _, p := range o.List("component") {
		if v, ok := numberOf(p); ok {
			return v, true
		}
	}
	return 0, false
}

func numberOf(o pages.Element) (float64, bool) {
	if v, ok := o.Number("valueQuantity", "value"); ok {
		return v, !math.IsInf(v, 0) && math.Abs(v) < 1e12
	}
	v, ok := o.Number("valueInteger")
	return v, ok
}

// bounds are a reference range; NaN is open.
type bounds struct {
	low, high float64
	words     string
}

func (b bounds) any() bool { return !math.IsNaN(b.low) || !math.IsNaN(b.high) }

var unbounded = bounds{low: math.NaN(), high: math.NaN()}

// rangeOf is the reference range that came with an observation, and else what is
// usual for adults.
func (h *chart) rangeOf(o pages.Element) bounds {
	at := o
	if !o.At("referenceRange").Exists() && len(o.List("component")) > 0 {
		at = o.List("component")[0]
	}
	for _, r := range at.List("referenceRange") {
		b := unbounded
		if v, ok := r.Number("low", "value"); ok {
			b.low = v
		}
		if v, ok := r.Number("high", "value"); ok {
			b.high = v
		}
		b.words = unitsOf(cmp.Or(r.Text("text"), between(r.Text("low", "value"), r.Text("high", "value"), cmp.Or(r.Text("high", "unit"), r.Text("low", "unit")))))
		if b.any() || b.words != "" {
			return b
		}
	}
	if usual, ok := usually(codeOf(o.At("code"))); ok && h.adult {
		if unit := cmp.Or(o.Text("valueQuantity", "code"), at.Text("valueQuantity", "code")); unit == usual.UCUM && usual.Usual != [2]float64{} {
			b := bounds{low: usual.Usual[0], high: usual.Usual[1]}
			b.words = "adults: " + between(float(b.low), float(b.high), "")
			return b
		}
	}
	return unbounded
}

func between(low, high, unit string) string {
	switch {
	case low == "" && high == "":
		return ""
	case low == "":
		return strings.TrimSpace("up to " + high + " " + unit)
	case high == "":
		return strings.TrimSpace("from " + low + " " + unit)
	}
	return strings.TrimSpace(low + " to " + high + " " + unit)
}

func float(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// interpretations are codes of v3-ObservationInterpretation that call for attention.
var interpretations = map[string]pages.Tag{
	"H": {Kind: "warn", Text: "high"}, "L": {Kind: "warn", Text: "low"}, "HH": {Kind: "bad", Text: "critically high"}, "LL": {Kind: "bad", Text: "critically low"},
	"A": {Kind: "warn", Text: "abnormal"}, "AA": {Kind: "bad", Text: "critical"}, "HU": {Kind: "bad", Text: "very high"}, "LU": {Kind: "bad", Text: "very low"}, "POS": {Kind: "warn", Text: "positive"},
	"R": {Kind: "warn", Text: "resistant"},
}

// judge says how a value stands to its range: as whoever measured it said, and else
// by the numbers; nil when nothing is the matter.
func judge(o pages.Element, r bounds) *pages.Tag {
	said := false
	for _, i := range o.List("interpretation") {
		for _, c := range i.List("coding") {
			said = true
			if t, ok := interpretations[c.Text("code")]; ok {
				return &t
			}
		}
	}
	v, ok := mainValue(o)
	switch {
	case said || !ok:
	case v < r.low:
		return &pages.Tag{Kind: "warn", Text: "low"}
	case v > r.high:
		return &pages.Tag{Kind: "warn", Text: "high"}
	}
	return nil
}
