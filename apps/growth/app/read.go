package app

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/client/smart"
)

// kind is something that is measured again and again.
type kind struct {
	Name  string
	Unit  string
	codes []string           // of LOINC
	units map[string]float64 // factor to Unit, by code of UCUM or text, in lower case
}

// The kinds that grow, and the vital signs.
var (
	heights = kind{"Length or height", "cm", []string{"8302-2", "8306-3", "8308-9", "3137-7"}, map[string]float64{"cm": 1, "m": 100, "mm": .1, "[in_i]": 2.54, "in": 2.54}}
	weights = kind{"Weight", "kg", []string{"29463-7", "3141-9", "8335-2"}, map[string]float64{"kg": 1, "g": .001, "[lb_av]": .45359237, "lb": .45359237}}
	bodies  = kind{"Body mass index", "kg/m²", []string{"39156-5"}, map[string]float64{"kg/m2": 1, "kg/m²": 1}}

	systolic  = kind{"Systolic", "mmHg", []string{"8480-6"}, pressureUnits}
	diastolic = kind{"Diastolic", "mmHg", []string{"8462-4"}, pressureUnits}
	others    = []kind{
		{"Heart rate", "/min", []string{"8867-4"}, rateUnits},
		{"Breathing rate", "/min", []string{"9279-1"}, rateUnits},
		{"Oxygen saturation", "%", []string{"2708-6", "59408-5"}, map[string]float64{"%": 1}},
		{"Body temperature", "°C", []string{"8310-5"}, map[string]float64{"cel": 1, "°c": 1, "c": 1}},
	}

	pressureUnits = map[string]float64{"mm[hg]": 1, "mmhg": 1}
	rateUnits     = map[string]float64{"/min": 1, "{beats}/min": 1, "beats/min": 1, "{breaths}/min": 1, "breaths/min": 1, "bpm": 1}
)

// value is one measurement.
type value struct {
	At     time.Time
	When   string // the day, as it was written
	Number float64
	Range  *kit.Range // that came with it; nil for none
}

// most is how many measurements are read.
const most = 3000

func read(ctx context.Context, fhir *smart.FHIR, patient string) (kit.List[kit.Observation], error) {
	codes := []string{"85354-9"} // blood pressure, whose parts are the values
	for _, k := range append([]kind{heights, weights, bodies, systolic, diastolic}, others...) {
		codes = append(codes, k.codes...)
	}
	for i, code := range codes {
		codes[i] = "http://loinc.org|" + code
	}
	l, err := kit.Find[kit.Observation](ctx, fhir, "Observation", url.Values{
		"patient": {patient}, "code": {strings.Join(codes, ",")}, "_sort": {"-date"}, "_count": {"500"},
	}, most)
	slices.SortStableFunc(l.Rows, func(a, b kit.Observation) int { return a.At().Compare(b.At()) })
	return l, err
}

// of are the measurements of a kind, the earliest first. What has another unit, or no
// day, is left out.
func (k kind) of(all []kit.Observation) []value {
	var found []value
	for _, o := range all {
		if !o.Counts() || o.At().IsZero() || len(o.When()) < len(time.DateOnly) {
			continue
		}
		q := o.Of(k.codes...)
		number, ok := q.Float()
		if !ok {
			continue
		}
		factor, ok := k.units[strings.ToLower(q.Code)]
		if !ok {
			factor, ok = k.units[strings.ToLower(q.Unit)]
		}
		if !ok {
			continue
		}
		v := value{At: o.At(), When: o.When(), Number: number * factor}
		if len(o.ReferenceRange) > 0 && factor == 1 && o.Code.Has(k.codes...) {
			v.Range = &o.ReferenceRange[0]
		}
		found = append(found, v)
	}
	return found
}

// bodyMass are recorded indexes, and those of weights whose height was measured on the
// same day, where none is recorded.
func bodyMass(all []kit.Observation) []value {
	found := bodies.of(all)
	recorded := map[string]bool{}
	for _, v := range found {
		recorded[v.When] = true
	}
	tall := map[string]float64{}
	for _, v := range heights.of(all) {
		tall[v.When] = v.Number / 100
	}
	for _, w := range weights.of(all) {
		if h := tall[w.When]; h > 0 && !recorded[w.When] {
			found = append(found, value{At: w.At, When: w.When, Number: w.Number / h / h})
		}
	}
	slices.SortStableFunc(found, func(a, b value) int { return a.At.Compare(b.At) })
	return found
}
