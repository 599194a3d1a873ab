package search

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/spec/ucum"
)

// ucumSystem is the code system of UCUM units.
const ucumSystem = "http://unitsofmeasure.org"

// canonicalRange gives a range in canonical units, nil when the unit is not a
// UCUM unit or the values do not fit.
func canonicalRange(u ucum.Unit, r NumberRange) *CanonicalQuantity {
	var out [3]float64
	for i, v := range [...]float64{r.Value, r.Lo, r.Hi} {
		if i > 0 && v == r.Value || v == MinNumber || v == MaxNumber {
			out[i] = v
			if v == r.Value {
				out[i] = out[0]
			}
			continue
		}
		// The shortest text of a float64 is the decimal it was read from, for
		// the 15 digits that clinical values never exceed.
		d, _, err := apd.NewFromString(strconv.FormatFloat(v, 'g', -1, 64))
		if err != nil {
			return nil
		}
		d, err = u.Canonicalize(d)
		if err != nil {
			return nil
		}
		if out[i], err = d.Float64(); err != nil {
			return nil
		}
	}
	return &CanonicalQuantity{Range: NumberRange{out[0], out[1], out[2]}, Unit: u.Canonical()}
}

// units remembers units that were parsed, the unknown ones too. Codes come
// from clients, so only so many are kept.
type units struct {
	known sync.Map // string -> *ucum.Unit, nil for a text that is no unit
	count atomic.Int32
}

const maxUnits = 4096

func (u *units) canonical(r NumberRange, code string) *CanonicalQuantity {
	cached, ok := u.known.Load(code)
	if !ok {
		code = strings.Clone(code) // the body it is a part of may be long
		var parsed *ucum.Unit
		// A falling logarithmic unit (pH) would turn comparisons around.
		if one, err := ucum.Parse(code); err == nil && !one.Decreasing() {
			parsed = &one
		}
		cached = parsed
		if u.count.Load() < maxUnits {
			u.count.Add(1)
			u.known.Store(code, cached)
		}
	}
	unit, _ := cached.(*ucum.Unit)
	if unit == nil {
		return nil
	}
	return canonicalRange(*unit, r)
}
