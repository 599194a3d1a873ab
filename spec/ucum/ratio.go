package ucum

import (
	"fmt"
	"math/big"

	"github.com/cockroachdb/apd/v3"
)

// precision is the number of digits that a result has when it cannot be
// exact: that of IEEE 754 decimal128.
const precision = 34

// maxDigits and maxPower bound the values that are computed with.
const (
	maxDigits = 1000
	maxPower  = 2000
)

// ratio is a positive rational: num/den · 10^exp, den prime to 10. Its parts
// are never changed in place.
type ratio struct {
	num, den *big.Int
	exp      int32
}

var (
	bigOne  = big.NewInt(1)
	bigTen  = big.NewInt(10)
	bigTwo  = big.NewInt(2)
	bigFive = big.NewInt(5)
	one     = ratio{num: bigOne, den: bigOne}
)

// newRatio makes a ratio of a positive decimal literal such as "980665e-5".
func newRatio(literal string) (ratio, error) {
	d, _, err := apd.NewFromString(literal)
	if err != nil {
		return ratio{}, err
	}
	if d.Form != apd.Finite || d.Sign() <= 0 || d.Exponent > maxPower || d.Exponent < -maxPower {
		return ratio{}, fmt.Errorf("%q is not a positive number within bounds", literal)
	}
	return ratio{num: d.Coeff.MathBigInt(), den: bigOne, exp: d.Exponent}.reduced(), nil
}

func (r ratio) isOne() bool { return r.exp == 0 && r.num.Cmp(bigOne) == 0 && r.den.Cmp(bigOne) == 0 }

// multiplied returns r · o.
func (r ratio) multiplied(o ratio) ratio {
	switch {
	case r.isOne():
		return o
	case o.isOne():
		return r
	}
	p := ratio{num: r.num, den: r.den, exp: r.exp + o.exp}
	if o.num.Cmp(bigOne) != 0 {
		p.num = new(big.Int).Mul(r.num, o.num)
	}
	if o.den.Cmp(bigOne) != 0 {
		p.den = new(big.Int).Mul(r.den, o.den)
	}
	return p.reduced()
}

// over returns r / o.
func (r ratio) over(o ratio) ratio { return r.multiplied(o.inverted()) }

func (r ratio) inverted() ratio {
	if r.num.Cmp(bigOne) == 0 && r.den.Cmp(bigOne) == 0 {
		return ratio{num: bigOne, den: bigOne, exp: -r.exp}
	}
	return ratio{num: r.den, den: r.num, exp: -r.exp}.reduced()
}

// raised returns r^n, and false when it would leave the bounds.
func (r ratio) raised(n int) (ratio, bool) {
	if n < 0 {
		r, n = r.inverted(), -n
	}
	if r.num.BitLen()*n > 2*maxBits || r.den.BitLen()*n > 2*maxBits || abs(int(r.exp))*n > maxPower {
		return one, false
	}
	e := big.NewInt(int64(n))
	p := ratio{num: bigOne, den: bigOne, exp: r.exp * int32(n)}
	if r.num.Cmp(bigOne) != 0 {
		p.num = new(big.Int).Exp(r.num, e, nil)
	}
	if r.den.Cmp(bigOne) != 0 {
		p.den = new(big.Int).Exp(r.den, e, nil)
	}
	return p.reduced(), true
}

func (r ratio) withinBounds() bool {
	return r.num.BitLen() <= maxBits && r.den.BitLen() <= maxBits && abs(int(r.exp)) <= maxPower
}

// reduced takes out the common divisor and moves the powers of ten of
// numerator and denominator into exp.
func (r ratio) reduced() ratio {
	if r.den.Cmp(bigOne) != 0 {
		if g := new(big.Int).GCD(nil, nil, r.num, r.den); g.Cmp(bigOne) != 0 {
			r.num = new(big.Int).Quo(r.num, g)
			r.den = new(big.Int).Quo(r.den, g)
		}
		r.den, r.num, r.exp = without(r.den, bigTwo, r.num, bigFive, r.exp)
		r.den, r.num, r.exp = without(r.den, bigFive, r.num, bigTwo, r.exp)
	}
	if r.num.IsInt64() && r.num.Int64()%10 != 0 {
		return r
	}
	q, m := new(big.Int), new(big.Int)
	for {
		q.QuoRem(r.num, bigTen, m)
		if m.Sign() != 0 {
			return r
		}
		r.num, q = q, new(big.Int)
		r.exp++
	}
}

// without divides factor out of den, multiplying num by its cofactor to ten
// and lowering exp for each time.
func without(den, factor, num, cofactor *big.Int, exp int32) (*big.Int, *big.Int, int32) {
	q, m := new(big.Int), new(big.Int)
	for den.Cmp(bigOne) != 0 {
		q.QuoRem(den, factor, m)
		if m.Sign() != 0 {
			break
		}
		den, q = q, new(big.Int)
		num = new(big.Int).Mul(num, cofactor)
		exp--
	}
	return den, num, exp
}

// times multiplies a value: exactly, keeping its trailing zeros, when the
// result is a finite decimal; else rounded to 34 digits.
func (r ratio) times(v *apd.Decimal) (*apd.Decimal, error) {
	if err := checkValue(v); err != nil {
		return nil, err
	}
	out := new(apd.Decimal)
	if r.num.Cmp(bigOne) == 0 {
		out.Set(v)
	} else {
		num := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(r.num), 0)
		exact := apd.BaseContext.WithPrecision(uint32(v.NumDigits() + num.NumDigits()))
		if _, err := exact.Mul(out, v, num); err != nil {
			return nil, &ValueError{Value: v.String(), Reason: err.Error()}
		}
	}
	out.Exponent += r.exp
	if r.den.Cmp(bigOne) == 0 {
		return out, nil
	}
	den := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(r.den), 0)
	return quotient(out, den)
}

// quotient divides and drops trailing zeros of the result.
func quotient(a, b *apd.Decimal) (*apd.Decimal, error) {
	digits := max(precision, a.NumDigits()+2)
	out := new(apd.Decimal)
	if _, err := apd.BaseContext.WithPrecision(uint32(digits)).Quo(out, a, b); err != nil {
		return nil, &ValueError{Value: a.String(), Reason: err.Error()}
	}
	out.Reduce(out)
	return out, nil
}

func multiplyDecimals(a, b *apd.Decimal, divide bool) (*apd.Decimal, error) {
	for _, v := range []*apd.Decimal{a, b} {
		if err := checkValue(v); err != nil {
			return nil, err
		}
	}
	if divide {
		if b.IsZero() {
			return nil, &ValueError{Value: b.String(), Reason: "division by zero"}
		}
		return quotient(a, b)
	}
	out := new(apd.Decimal)
	if _, err := apd.BaseContext.WithPrecision(uint32(a.NumDigits()+b.NumDigits())).Mul(out, a, b); err != nil {
		return nil, &ValueError{Value: a.String(), Reason: err.Error()}
	}
	return out, nil
}

// checkValue refuses values whose size alone would make computing with them
// slow.
func checkValue(v *apd.Decimal) error {
	switch {
	case v.Form != apd.Finite:
		return &ValueError{Value: v.String(), Reason: "is not a number"}
	case v.NumDigits() > maxDigits || v.Exponent > maxPower || v.Exponent < -maxPower:
		return &ValueError{Value: fmt.Sprintf("a number of %d digits and exponent %d", v.NumDigits(), v.Exponent),
			Reason: "is too large or too precise to convert"}
	}
	return nil
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
