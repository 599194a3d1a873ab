package ucum_test

import (
	"encoding/xml"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/ucum"
)

type essence struct {
	Prefixes []struct {
		Code  string `xml:"Code,attr"`
		Value struct {
			Value string `xml:"value,attr"`
		} `xml:"value"`
	} `xml:"prefix"`
	Units []struct {
		Code      string `xml:"Code,attr"`
		Metric    string `xml:"isMetric,attr"`
		Special   string `xml:"isSpecial,attr"`
		Arbitrary string `xml:"isArbitrary,attr"`
		Value     struct {
			Unit     string `xml:"Unit,attr"`
			Value    string `xml:"value,attr"`
			Function *struct {
				Name  string `xml:"name,attr"`
				Value string `xml:"value,attr"`
				Unit  string `xml:"Unit,attr"`
			} `xml:"function"`
		} `xml:"value"`
	} `xml:"unit"`
}

// TestEveryUnitHasTheValueThatUCUMEssenceGives compares the table, unit by
// unit and exactly, with the specification's own file.
func TestEveryUnitHasTheValueThatUCUMEssenceGives(t *testing.T) {
	content, err := os.ReadFile(testdata.Dir(t, "terminology", "ucum", "ucum-essence.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var e essence
	d := xml.NewDecoder(strings.NewReader(strings.Replace(string(content), `encoding="ascii"`, `encoding="UTF-8"`, 1)))
	if err := d.Decode(&e); err != nil {
		t.Fatal(err)
	}
	for _, p := range e.Prefixes {
		got, err := ucum.Convert(apd.New(1, 0), p.Code+"m", "m")
		if err != nil || got.Cmp(decimal(t, p.Value.Value)) != 0 {
			t.Errorf("prefix %s is %v (%v), want %s", p.Code, got, err, p.Value.Value)
		}
	}
	known := map[string]bool{}
	for _, u := range e.Units {
		known[u.Code] = true
		got, err := ucum.Parse(u.Code)
		if err != nil {
			t.Error(err)
			continue
		}
		_, err = ucum.Parse("m" + u.Code)
		if metric := err == nil; metric != (u.Metric == "yes") && u.Code != "in" && u.Code != "[H2O]" {
			t.Errorf("%s: takes prefixes %v, want %s", u.Code, metric, u.Metric)
		}
		if special := u.Special == "yes"; got.Special() != special {
			t.Errorf("%s: special %v, want %v", u.Code, got.Special(), special)
			continue
		}
		if u.Arbitrary == "yes" {
			if !strings.Contains(got.Canonical(), "[") {
				t.Errorf("%s: arbitrary, but converts into %s", u.Code, got.Canonical())
			}
			continue
		}
		value, definition := u.Value.Value, u.Value.Unit
		if got.Special() {
			definition = u.Value.Function.Unit // its value is tried in the tests of special units
		}
		if want := unit(t, definition); got.Canonical() != want.Canonical() {
			t.Errorf("%s: canonical units %s, want %s", u.Code, got.Canonical(), want.Canonical())
			continue
		}
		if got.Special() {
			continue
		}
		in, err := got.Canonicalize(apd.New(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		want, err := unit(t, definition).Canonicalize(decimal(t, value))
		if err == nil {
			_, err = apd.BaseContext.WithPrecision(34).Round(want, want) // quotients are rounded
		}
		if err != nil || !agrees(t, in, want.String()) {
			t.Errorf("%s: 1 is %s %s, want %s (%v)", u.Code, in, got.Canonical(), want, err)
		}
	}
	table, err := os.ReadFile("data/ucum.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var extra []string
	for line := range strings.Lines(string(table)) {
		if f := strings.Split(line, "\t"); f[0] == "unit" && !known[f[1]] {
			extra = append(extra, f[1])
		}
	}
	if !slices.Equal(extra, []string{"Torr"}) { // the package's own addition
		t.Errorf("units that UCUM does not have: %v", extra)
	}
}
