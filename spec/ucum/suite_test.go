package ucum_test

import (
	"encoding/xml"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/ucum"
)

type suite struct {
	Validation []struct {
		ID    string `xml:"id,attr"`
		Unit  string `xml:"unit,attr"`
		Valid bool   `xml:"valid,attr"`
	} `xml:"validation>case"`
	Names []struct {
		ID      string `xml:"id,attr"`
		Unit    string `xml:"unit,attr"`
		Display string `xml:"display,attr"`
	} `xml:"displayNameGeneration>case"`
	Conversion []struct {
		ID      string `xml:"id,attr"`
		Value   string `xml:"value,attr"`
		From    string `xml:"srcUnit,attr"`
		To      string `xml:"dstUnit,attr"`
		Outcome string `xml:"outcome,attr"`
	} `xml:"conversion>case"`
	Multiplication []operation `xml:"multiplication>case"`
	Division       []operation `xml:"division>case"`
}

type operation struct {
	ID   string `xml:"id,attr"`
	V1   string `xml:"v1,attr"`
	U1   string `xml:"u1,attr"`
	V2   string `xml:"v2,attr"`
	U2   string `xml:"u2,attr"`
	VRes string `xml:"vRes,attr"`
	URes string `xml:"uRes,attr"`
}

// TestTheFunctionalSuitePassesSaveTheListedExceptions runs every case of the
// UCUM functional tests; the list of exceptions must be right both ways.
func TestTheFunctionalSuitePassesSaveTheListedExceptions(t *testing.T) {
	content, err := os.ReadFile(testdata.Dir(t, "terminology", "ucum", "UcumFunctionalTests.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var s suite
	if err := xml.Unmarshal(content, &s); err != nil {
		t.Fatal(err)
	}
	exceptions := readExceptions(t, "testdata/exceptions.tsv", 2)
	cases := 0
	verdict := func(section, id string, ok bool, format string, args ...any) {
		cases++
		key := section + " " + id
		_, excepted := exceptions[key]
		delete(exceptions, key)
		if ok == excepted {
			t.Errorf(key+": passes %v, listed as exception %v: "+format, append([]any{ok, excepted}, args...)...)
		}
	}
	for _, c := range s.Validation {
		_, err := ucum.Parse(c.Unit)
		verdict("validation", c.ID, (err == nil) == c.Valid, "%q: %v", c.Unit, err)
	}
	for _, c := range s.Names {
		name := unit(t, c.Unit).Name()
		verdict("displayNameGeneration", c.ID, name == c.Display, "got %q, want %q", name, c.Display)
	}
	for _, c := range s.Conversion {
		got, err := ucum.Convert(decimal(t, c.Value), c.From, c.To)
		verdict("conversion", c.ID, err == nil && agrees(t, got, c.Outcome), "%s %s is %v %s, want %s: %v", c.Value, c.From, got, c.To, c.Outcome, err)
	}
	for section, list := range map[string][]operation{"multiplication": s.Multiplication, "division": s.Division} {
		apply := ucum.Multiply
		if section == "division" {
			apply = ucum.Divide
		}
		for _, c := range list {
			got, u, err := apply(decimal(t, c.V1), unit(t, c.U1), decimal(t, c.V2), unit(t, c.U2))
			ok := err == nil && agrees(t, got, c.VRes) && u.Canonical() == unit(t, c.URes).Canonical()
			verdict(section, c.ID, ok, "got %v %v, want %s %s: %v", got, u, c.VRes, c.URes, err)
		}
	}
	for key := range exceptions {
		t.Errorf("exceptions.tsv: %s is no case of the suite", key)
	}
	if cases < 380 {
		t.Errorf("only %d cases ran", cases)
	}
}

// agrees compares at the precision of want, since the suite rounds to the
// significant digits of its input.
func agrees(t *testing.T, got *apd.Decimal, want string) bool {
	t.Helper()
	w, rounded := decimal(t, want), new(apd.Decimal)
	if _, err := apd.BaseContext.WithPrecision(uint32(w.NumDigits())).Round(rounded, got); err != nil {
		t.Fatal(err)
	}
	return rounded.Cmp(w) == 0
}

func readExceptions(t *testing.T, file string, keyColumns int) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != keyColumns+1 || f[keyColumns] == "" {
			t.Fatalf("%s: %q has no reason", file, line)
		}
		out[strings.Join(f[:keyColumns], " ")] = f[keyColumns]
	}
	return out
}

func unit(t testing.TB, text string) ucum.Unit {
	t.Helper()
	u, err := ucum.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func decimal(t testing.TB, text string) *apd.Decimal {
	t.Helper()
	d, _, err := apd.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
