package search

import (
	"math"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// currencySystem is the code system of Money.currency.
const currencySystem = "urn:iso:std:iso:4217"

// number makes number entries (§3.1.1.4.6).
func (x *extraction) number(n fhir.Node) {
	switch t := n.Type(); {
	case t.Name == "Range":
		if r, _, ok := limits(n); ok {
			x.add(Entry{Number: r})
		}
	case t.Is("Quantity"):
		if v, ok := float(n.Child("value")); ok {
			x.add(Entry{Number: compared(v, n.Child("comparator").Text())})
		}
	case t.Kind == definitions.Primitive:
		if v, ok := float(n); ok {
			x.add(Entry{Number: point(v)})
		}
	}
}

// quantity makes quantity entries (§3.1.1.4.11).
func (x *extraction) quantity(n fhir.Node) {
	switch t := n.Type(); {
	case t.Name == "Money":
		if v, ok := float(n.Child("value")); ok {
			x.add(Entry{Number: point(v), System: currencySystem, Code: n.Child("currency").Text()})
		}
	case t.Name == "Range":
		if r, unit, ok := limits(n); ok {
			x.addQuantity(r, unit)
		}
	case t.Name == "SampledData":
		if r, ok := sampled(n); ok {
			x.addQuantity(r, n.Child("origin"))
		}
	case t.Is("Quantity"):
		if v, ok := float(n.Child("value")); ok {
			x.addQuantity(compared(v, n.Child("comparator").Text()), n)
		}
	case t.Kind == definitions.Primitive:
		if v, ok := float(n); ok {
			x.add(Entry{Number: point(v)})
		}
	}
}

// addQuantity adds a range with the unit of a Quantity.
func (x *extraction) addQuantity(r NumberRange, unit fhir.Node) {
	e := Entry{Number: r}
	for c := unit.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		switch c.Name() {
		case "system":
			e.System = Bound(c.Text())
		case "code":
			e.Code = Bound(c.Text())
		case "unit":
			e.Text = Bound(c.Text())
		}
	}
	if e.System == ucumSystem && e.Code != "" {
		e.Canonical = x.canonical(r, e.Code)
	}
	x.add(e)
}

// canonicalOf remembers one conversion: an Observation's value is indexed by
// several parameters.
type canonicalOf struct {
	r    NumberRange
	code string
	is   *CanonicalQuantity
}

func (x *extraction) canonical(r NumberRange, code string) *CanonicalQuantity {
	if x.last.code != code || x.last.r != r {
		x.last = canonicalOf{r, code, x.c.units.canonical(r, code)}
	}
	return x.last.is
}

func point(v float64) NumberRange { return NumberRange{v, v, v} }

// float reads a decimal as the nearest float64.
func float(n fhir.Node) (float64, bool) {
	if !n.HasValue() {
		return 0, false
	}
	v, err := strconv.ParseFloat(n.Text(), 64)
	return v, err == nil
}

// compared gives the range that a value with a comparator stands for.
func compared(v float64, comparator string) NumberRange {
	r := point(v)
	switch comparator {
	case "<":
		r.Lo, r.Hi = MinNumber, math.Nextafter(v, math.Inf(-1))
	case "<=":
		r.Lo = MinNumber
	case ">":
		r.Lo, r.Hi = math.Nextafter(v, math.Inf(1)), MaxNumber
	case ">=":
		r.Hi = MaxNumber
	}
	return r
}

// limits reads a Range and the Quantity that has its unit.
func limits(n fhir.Node) (r NumberRange, unit fhir.Node, ok bool) {
	low, high := n.Child("low"), n.Child("high")
	lo, hasLow := float(low.Child("value"))
	hi, hasHigh := float(high.Child("value"))
	r = NumberRange{Value: lo, Lo: lo, Hi: hi}
	unit = low
	if !hasLow {
		r.Value, r.Lo, unit = hi, MinNumber, high
	}
	if !hasHigh {
		r.Hi = MaxNumber
	}
	return r, unit, (hasLow || hasHigh) && r.Lo <= r.Hi
}

// sampled gives the bounds of the values of SampledData: "E" is an error, "L"
// and "U" are beyond the limits of detection.
func sampled(n fhir.Node) (r NumberRange, ok bool) {
	origin, hasOrigin := float(n.Find("origin", "value"))
	factor, hasFactor := float(n.Child("factor"))
	if !hasFactor {
		factor = 1
	}
	widen := func(lo, hi float64) {
		if !ok {
			r, ok = NumberRange{lo, lo, hi}, true
			return
		}
		r.Lo, r.Hi = math.Min(r.Lo, lo), math.Max(r.Hi, hi)
	}
	for token := range strings.FieldsSeq(n.Child("data").Text()) {
		switch token {
		case "E":
		case "L":
			if limit, known := float(n.Child("lowerLimit")); known {
				widen(limit, limit)
			}
		case "U":
			if limit, known := float(n.Child("upperLimit")); known {
				widen(limit, limit)
			}
		default:
			if v, err := strconv.ParseFloat(token, 64); err == nil && hasOrigin {
				widen(origin+v*factor, origin+v*factor)
			}
		}
	}
	r.Value = r.Lo
	return r, ok && !math.IsInf(r.Lo, 0) && !math.IsInf(r.Hi, 0) && !math.IsNaN(r.Lo) && !math.IsNaN(r.Hi)
}
