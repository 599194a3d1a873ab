package ucum_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/spec/ucum"
)

func TestCanonicalUnitsAreSortedBaseUnits(t *testing.T) {
	for _, c := range []struct{ value, unit, want, canonical string }{
		{"5", "mg/dL", "50", "g.m-3"},
		{"120", "mm[Hg]", "15998640", "g.m-1.s-2"},
		{"1.50", "kg.m/s2", "1500", "g.m.s-2"},
		{"37", "Cel", "310.15", "K"},
		{"98.6", "[degF]", "310.15", "K"},
		{"100", "%", "1", "1"},
		{"6.30", "{score}", "6.30", "1"},
		{"2", "m[iU]/L", "2", "[iU].m-3"},
		{"2", "[IU]/L", "2000", "[iU].m-3"},
		{"3", "/min", "0.05", "s-1"},
		{"4", "10*3/uL", "4000000000000", "m-3"},
		{"7", "[pH]", "60221407600000000000", "m-3"},
		{"1", "mol", "602214076000000000000000", "1"},
		{"30", "dB", "1000", "1"},
		{"20", "dB[SPL]", "0.2", "g.m-1.s-2"},
		{"8", "bit_s", "256", "1"},
		{"0.00", "mL", "0E-8", "m3"},
		{"1", "kg.(m/(s.s))", "1000", "g.m.s-2"},
	} {
		got, canonical, err := ucum.Canonical(decimal(t, c.value), c.unit)
		if err != nil {
			t.Error(err)
			continue
		}
		if got.Cmp(decimal(t, c.want)) != 0 || canonical != c.canonical {
			t.Errorf("%s %s is %s %s, want %s %s", c.value, c.unit, got.Text('f'), canonical, c.want, c.canonical)
		}
	}
}

func TestAConversionKeepsTheDigitsOfItsValue(t *testing.T) {
	for _, c := range []struct{ value, from, to, want string }{
		{"6.30", "mm", "m", "0.00630"},
		{"185", "[lb_av]", "kg", "83.91458845"},
		{"98.60", "[degF]", "Cel", "37.00"},
		{"1", "d", "h", "24"},
		{"1", "wk", "d", "7"},
		{"12.5", "L", "mL", "12500"},
		{"1", "[ft_i]", "[in_i]", "12"},
		{"1", "deg", "'", "60"},
	} {
		got, err := ucum.Convert(decimal(t, c.value), c.from, c.to)
		if err != nil {
			t.Error(err)
			continue
		}
		if got.Text('f') != c.want {
			t.Errorf("%s %s is %s %s, want %s", c.value, c.from, got.Text('f'), c.to, c.want)
		}
	}
}

func TestSpecialUnitsConvertThereAndBack(t *testing.T) {
	tolerance := apd.New(1, -12)
	for _, code := range []string{"Cel", "[degF]", "[degRe]", "[p'diop]", "%[slope]", "[hp'_X]", "[hp'_C]", "[hp'_M]", "[hp'_Q]", "[pH]",
		"Np", "B", "B[SPL]", "B[V]", "B[mV]", "B[uV]", "B[10.nV]", "B[W]", "B[kW]", "[m/s2/Hz^(1/2)]", "bit_s", "dB", "mCel"} {
		u := unit(t, code)
		base := unit(t, u.Canonical())
		for _, v := range []string{"0.5", "3", "7.35"} {
			there, err := u.Convert(decimal(t, v), base)
			if err != nil {
				t.Error(err)
				continue
			}
			back, err := base.Convert(there, u)
			if err != nil {
				t.Error(err)
				continue
			}
			if diff := new(apd.Decimal); true {
				if _, err := apd.BaseContext.WithPrecision(50).Sub(diff, back, decimal(t, v)); err != nil {
					t.Fatal(err)
				}
				if diff.Abs(diff).Cmp(tolerance) > 0 {
					t.Errorf("%s %s came back as %s (by %s)", v, code, back, there)
				}
			}
		}
	}
}

func TestSpecialUnitsGiveTheKnownValues(t *testing.T) {
	for _, c := range []struct{ value, from, to, want string }{
		{"-40", "Cel", "[degF]", "-40"},
		{"80", "[degRe]", "Cel", "100"},
		{"100", "%[slope]", "deg", "45"},
		{"2", "[hp'_C]", "[hp'_X]", "4"},
		{"3", "B[W]", "B[kW]", "0"},
		{"6", "B[mV]", "B[V]", "0"},
	} {
		got, err := ucum.Convert(decimal(t, c.value), c.from, c.to)
		if err != nil {
			t.Error(err)
			continue
		}
		rounded := new(apd.Decimal)
		if _, err := apd.BaseContext.WithPrecision(40).Quantize(rounded, got, -10); err != nil {
			t.Fatal(err)
		}
		if rounded.Cmp(decimal(t, c.want)) != 0 {
			t.Errorf("%s %s is %s %s, want %s", c.value, c.from, got, c.to, c.want)
		}
	}
}

func TestArbitraryUnitsCompareOnlyWithThemselves(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"[iU]", "[IU]", true}, {"m[iU]/mL", "[iU]/L", true}, {"[iU]", "[arb'U]", false}, {"[iU]", "1", false},
		{"mg", "kg", true}, {"mg", "mL", false}, {"Cel", "K", true}, {"{a}", "%", true}, {"nonsense", "nonsense", false},
	} {
		if got := ucum.Comparable(c.a, c.b); got != c.want {
			t.Errorf("Comparable(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

func TestQuantitiesCompareAcrossUnits(t *testing.T) {
	for _, c := range []struct {
		v1, u1, v2, u2 string
		want           int
	}{
		{"1", "kg", "1000.0", "g", 0}, {"1", "L", "999", "mL", 1}, {"0", "Cel", "33", "[degF]", -1}, {"1", "[in_i]", "2.54", "cm", 0},
	} {
		got, err := ucum.Compare(decimal(t, c.v1), unit(t, c.u1), decimal(t, c.v2), unit(t, c.u2))
		if err != nil || got != c.want {
			t.Errorf("%s %s against %s %s: %d, %v", c.v1, c.u1, c.v2, c.u2, got, err)
		}
	}
	if _, err := ucum.Compare(apd.New(1, 0), unit(t, "g"), apd.New(1, 0), unit(t, "m")); err == nil || !strings.Contains(err.Error(), "does not convert") {
		t.Errorf("grams and meters: %v", err)
	}
}

func TestAnErrorNamesThePositionThePartAndAWayOut(t *testing.T) {
	for _, c := range []struct {
		unit       string
		offset     int
		part       string
		suggestion string
	}{
		{"mcg", 0, "mcg", "ug"}, {"mg/mcg", 3, "mcg", "ug"}, {"g/12h", 2, "12h", "12.h"}, {"Ml.KG", 3, "KG", "kg"},
		{"mmHg", 0, "mmHg", "mm[Hg]"}, {"\u00b5g", 0, "\u00b5", "u"}, {"\u00b0C", 0, "\u00b0", "Cel"}, {"kgs", 0, "kgs", "kg"},
		{"m/", 2, "", ""}, {"(m", 0, "(m", ""}, {"m)", 1, ")", ""}, {"m{a", 1, "{a", ""}, {"[in", 0, "[in", ""}, {"m..s", 2, ".", ""},
		{"{a}m", 3, "m", ""}, {"m/s Hg", 3, " ", ""}, {"liters", 0, "liters", "L"}, {"Cel.m", 4, "m", ""}, {"m.Cel", 2, "Cel", ""},
		{"Cel2", 0, "Cel2", ""}, {"m999", 0, "m999", ""}, {"0", 0, "0", ""}, {"(m)2", 3, "2", ""}, {"[IU]l", 0, "[IU]l", ""},
		{strings.Repeat("(", 17) + "m" + strings.Repeat(")", 17), 16, "(", ""},
		{strings.Repeat("m.", 200) + "m", 256, "", ""},
	} {
		_, err := ucum.Parse(c.unit)
		e, ok := errors.AsType[*ucum.SyntaxError](err)
		if !ok {
			t.Errorf("%q is accepted: %v", c.unit, err)
			continue
		}
		if e.Offset != c.offset || e.Part != c.part || (c.suggestion != "" && e.Suggestion != c.suggestion) {
			t.Errorf("%q: offset %d part %q suggestion %q; want %d %q %q: %v", c.unit, e.Offset, e.Part, e.Suggestion, c.offset, c.part, c.suggestion, err)
		}
	}
}

func TestHugeFactorsAndValuesAreRefused(t *testing.T) {
	for _, text := range []string{"[pi]400.[pi]400", "10*400.10*400.10*400.10*400.10*400.10*400", strings.Repeat("9", 250) + "." + "10*400.10*400.10*400.10*400.10*400"} {
		if u, err := ucum.Parse(text); err == nil {
			t.Errorf("%s is accepted: %s", text, u.Canonical())
		}
	}
	for _, c := range [][2]string{{"1e9999", "m"}, {"1e-9999", "m"}, {"NaN", "m"}, {"Infinity", "m"}, {"1e5", "B"}, {"-1", "K2"}} {
		got, _, err := ucum.Canonical(decimal(t, c[0]), c[1])
		if (err == nil) != (c[0] == "-1") {
			t.Errorf("%s %s: %v, %v", c[0], c[1], got, err)
		}
	}
	if _, err := ucum.Convert(apd.New(-1, 0), "mol/L", "[pH]"); err == nil {
		t.Error("the logarithm of a negative value is accepted")
	}
}

func TestUnitsAreReadConcurrently(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				if _, _, err := ucum.Canonical(apd.New(1, 0), "m[iU]/dL"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"mg/dL", "10*3/uL", "kg.m2.s-2", "{a}.rad2{b}", "dB[SPL]", "(8.h)", "[m/s2/Hz^(1/2)]", "/", "((", "m-", "-1", "10*-7", "[pi]99", "Cel", "µ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ucum.Parse(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		canonical, err := ucum.Parse(u.Canonical())
		if err != nil {
			if e, ok := errors.AsType[*ucum.SyntaxError](err); ok && e.Offset == ucum.MaxLength {
				return // a dimension of many arbitrary units may be longer than its unit
			}
			t.Fatalf("%q: canonical %q: %v", text, u.Canonical(), err)
		}
		if !u.Comparable(canonical) || u.Name() == "" {
			t.Fatalf("%q does not compare with its canonical %q", text, u.Canonical())
		}
		if _, err := u.Canonicalize(apd.New(15, -1)); err != nil && !u.Special() {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	v := apd.New(1205, -1)
	for _, code := range []string{"mg", "mg/dL", "10*3/uL", "mm[Hg]", "Cel"} {
		b.Run(code, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ucum.Canonical(v, code); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
