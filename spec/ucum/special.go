package ucum

import (
	"math"
	"strconv"

	"github.com/cockroachdb/apd/v3"
)

// function is the pair that makes a special unit (UCUM §21, §22): apply takes
// a multiple of the unit's corresponding unit to a value on the scale, invert
// goes back.
type function struct {
	apply, invert func(*apd.Decimal) (*apd.Decimal, error)
	decreasing    bool
}

var context34 = apd.BaseContext.WithPrecision(precision)

// functions by the name that the table gives.
var functions = map[string]*function{
	"Cel":         shift("273.15"),
	"degF":        shift("459.67"),
	"degRe":       shift("218.52"), // 273.15 K in units of 5/4 K
	"pH":          logarithm("10", "-1"),
	"ln":          {apply: naturalLog, invert: exponential},
	"lg":          logarithm("10", "1"),
	"lgTimes2":    logarithm("10", "2"),
	"ld":          logarithm("2", "1"),
	"hpX":         logarithm("10", "-1"),
	"hpC":         logarithm("100", "-1"),
	"hpM":         logarithm("1000", "-1"),
	"hpQ":         logarithm("50000", "-1"),
	"sqrt":        {apply: squareRoot, invert: square},
	"100tan":      slope(math.Pi / 180), // of an angle in degrees
	"tanTimes100": slope(1),             // of an angle in radians
}

func (u *unit) toBase(v *apd.Decimal) (*apd.Decimal, error) {
	if u.special == nil {
		return u.scale.times(v)
	}
	x, err := u.before.times(v)
	if err != nil {
		return nil, err
	}
	if x, err = u.special.invert(x); err != nil {
		return nil, err
	}
	return u.scale.times(x)
}

func (u *unit) fromBase(v *apd.Decimal) (*apd.Decimal, error) {
	x, err := u.scale.inverted().times(v)
	if err != nil || u.special == nil {
		return x, err
	}
	if x, err = u.special.apply(x); err != nil {
		return nil, err
	}
	return u.before.inverted().times(x)
}

// shift is the scale whose zero is that far above the absolute one.
func shift(zero string) *function {
	add := literal(zero)
	sum := func(v *apd.Decimal, f func(*apd.Context, *apd.Decimal, *apd.Decimal, *apd.Decimal) (apd.Condition, error)) (*apd.Decimal, error) {
		// Enough digits for an exact sum, as far as that is sensible.
		spread := v.NumDigits() + add.NumDigits() + int64(abs(int(v.Exponent))) + 1
		out := new(apd.Decimal)
		_, err := f(apd.BaseContext.WithPrecision(uint32(min(spread, 2*maxPower))), out, v, add)
		return checked(v, out, err)
	}
	return &function{
		apply:  func(v *apd.Decimal) (*apd.Decimal, error) { return sum(v, (*apd.Context).Sub) },
		invert: func(v *apd.Decimal) (*apd.Decimal, error) { return sum(v, (*apd.Context).Add) },
	}
}

// logarithm is times · log_base(x).
func logarithm(base, times string) *function {
	b, t := literal(base), literal(times)
	return &function{
		decreasing: t.Negative,
		apply: func(v *apd.Decimal) (*apd.Decimal, error) {
			if v.Sign() <= 0 {
				return nil, &ValueError{Value: v.String(), Reason: "has no logarithm"}
			}
			num, den, out := new(apd.Decimal), new(apd.Decimal), new(apd.Decimal)
			wide := context34.WithPrecision(precision + 6)
			_, err := wide.Log10(num, v)
			if err == nil {
				_, err = wide.Log10(den, b)
			}
			if err == nil {
				_, err = wide.Quo(num, num, den)
			}
			if err == nil {
				_, err = context34.Mul(out, num, t)
			}
			if err == nil {
				out.Reduce(out)
			}
			return checked(v, out, err)
		},
		invert: func(v *apd.Decimal) (*apd.Decimal, error) {
			x, out := new(apd.Decimal), new(apd.Decimal)
			_, err := context34.Quo(x, v, t)
			if err == nil {
				err = checkExponent(x)
			}
			if err == nil {
				_, err = context34.Pow(out, b, x)
			}
			if err == nil {
				out.Reduce(out)
			}
			return checked(v, out, err)
		},
	}
}

func naturalLog(v *apd.Decimal) (*apd.Decimal, error) {
	if v.Sign() <= 0 {
		return nil, &ValueError{Value: v.String(), Reason: "has no logarithm"}
	}
	out := new(apd.Decimal)
	_, err := context34.Ln(out, v)
	return checked(v, out, err)
}

func exponential(v *apd.Decimal) (*apd.Decimal, error) {
	if err := checkExponent(v); err != nil {
		return nil, err
	}
	out := new(apd.Decimal)
	_, err := context34.Exp(out, v)
	return checked(v, out, err)
}

func squareRoot(v *apd.Decimal) (*apd.Decimal, error) {
	if v.Negative {
		return nil, &ValueError{Value: v.String(), Reason: "has no square root"}
	}
	out := new(apd.Decimal)
	_, err := context34.Sqrt(out, v)
	return checked(v, out, err)
}

func square(v *apd.Decimal) (*apd.Decimal, error) { return multiplyDecimals(v, v, false) }

// slope is 100 times the tangent of an angle, radian being the size of its
// unit.
func slope(radian float64) *function {
	return &function{
		apply: func(v *apd.Decimal) (*apd.Decimal, error) {
			return viaFloat(v, func(x float64) float64 { return 100 * math.Tan(x*radian) })
		},
		invert: func(v *apd.Decimal) (*apd.Decimal, error) {
			return viaFloat(v, func(x float64) float64 { return math.Atan(x/100) / radian })
		},
	}
}

func viaFloat(v *apd.Decimal, f func(float64) float64) (*apd.Decimal, error) {
	x, err := v.Float64()
	if err != nil {
		return nil, &ValueError{Value: v.String(), Reason: "is out of range"}
	}
	out, _, err := apd.NewFromString(strconv.FormatFloat(f(x), 'g', 15, 64))
	return checked(v, out, err)
}

// checkExponent keeps powers within what can be written down.
func checkExponent(v *apd.Decimal) error {
	if limit := apd.New(600, 0); v.CmpTotal(limit) > 0 || new(apd.Decimal).Neg(v).CmpTotal(limit) > 0 {
		return &ValueError{Value: v.String(), Reason: "is out of range for a logarithmic unit"}
	}
	return nil
}

func checked(v, out *apd.Decimal, err error) (*apd.Decimal, error) {
	if err != nil {
		return nil, &ValueError{Value: v.String(), Reason: "is out of range: " + err.Error()}
	}
	return out, nil
}

func literal(s string) *apd.Decimal {
	d, _, err := apd.NewFromString(s)
	if err != nil {
		panic("ucum: bad literal " + s)
	}
	return d
}
