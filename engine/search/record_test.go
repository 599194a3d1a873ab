package search_test

import (
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// memoryOf holds resources given as JSON, in order.
func memoryOf(t *testing.T, c *search.Catalog, resources ...string) *search.Memory {
	t.Helper()
	m := search.NewMemory()
	for _, text := range resources {
		tree, err := fhir.ParseJSON(c.Definitions(), []byte(text), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := c.Extract(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		m.Put(search.Document{Key: tree.Key(), Updated: time.Unix(0, 0), Entries: entries})
	}
	return m
}

func in(t *testing.T, m *search.Memory, x search.Expr) string {
	t.Helper()
	found, err := m.Search(t.Context(), &search.Query{Filter: x, Count: 100})
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, k := range found.Keys {
		all += " " + k.String()
	}
	return all
}

func TestARecordHasPartsAndWhatOthersOwnIsForeign(t *testing.T) {
	c, err := search.NewCatalog(definitions.MustBuiltIn(definitions.R4), "")
	if err != nil {
		t.Fatal(err)
	}
	m := memoryOf(t, c,
		`{"resourceType":"Patient","id":"p","link":[{"other":{"reference":"Patient/old"}}]}`,
		`{"resourceType":"Patient","id":"old"}`, `{"resourceType":"Patient","id":"q"}`,
		`{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/p"}}`,
		`{"resourceType":"Observation","id":"oq","subject":{"reference":"Patient/q"}}`,
		`{"resourceType":"Observation","id":"unowned","performer":[{"reference":"Practitioner/d"}]}`,
		`{"resourceType":"Device","id":"d","patient":{"reference":"Patient/p"}}`,
		`{"resourceType":"Practitioner","id":"d"}`)
	one, err := c.Record("Patient", "p")
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.Record("Patient", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		x    search.Expr
		want string
	}{
		{"parts", one.Parts(nil), " Observation/o Device/d"},
		{"owner", one.Owner(), " Patient/p"},
		{"the same, asked of each", one.Holds(), " Patient/p Observation/o Device/d"},
		{"foreign", one.Foreign(), " Patient/q Observation/oq"},
		{"of all", all.Parts(nil), " Patient/p Patient/old Patient/q Observation/o Observation/oq Device/d"},
		{"of some", search.And{search.TypeIs{"Observation"}, all.Parts(search.IDs{"q"})}, " Observation/oq"},
		{"referred to", search.Referred{X: search.Or{one.Parts(nil), one.Owner()}}, " Patient/p Patient/old"},
	} {
		if got := in(t, m, test.x); got != test.want {
			t.Errorf("%s: got%s, want%s", test.name, got, test.want)
		}
	}
	if _, err := c.Record("Organization", "o"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no compartment: %v", err)
	}
}

func TestCareDatesLieBetweenTheFirstAndLastDateOfAResource(t *testing.T) {
	c, err := search.NewCatalog(definitions.MustBuiltIn(definitions.R4), "")
	if err != nil {
		t.Fatal(err)
	}
	m := memoryOf(t, c,
		`{"resourceType":"Patient","id":"born","birthDate":"1950-01-01"}`,
		`{"resourceType":"Observation","id":"2020","effectiveDateTime":"2020-06-01T10:00:00Z"}`,
		`{"resourceType":"Observation","id":"undated","valueDateTime":"2001"}`,
		`{"resourceType":"Condition","id":"2010-2015","onsetDateTime":"2010","abatementDateTime":"2015"}`,
		`{"resourceType":"Encounter","id":"open","period":{"start":"2012-01-01"}}`,
		`{"resourceType":"Organization","id":"dateless"}`)
	const always = " Patient/born Observation/undated"
	day := func(s string) *search.TimeRange {
		if s == "" {
			return nil
		}
		r, ok := search.ParseTime(s)
		if !ok {
			t.Fatal(s)
		}
		return &r
	}
	for _, test := range []struct{ start, end, want string }{
		{"", "", " Patient/born Observation/2020 Observation/undated Condition/2010-2015 Encounter/open Organization/dateless"},
		{"2020-06-01", "2020-06-01", " Patient/born Observation/2020 Observation/undated Encounter/open Organization/dateless"},
		{"2012-12-31", "2013", always + " Condition/2010-2015 Encounter/open Organization/dateless"},
		{"", "2009", always + " Organization/dateless"},
		{"2016", "", " Patient/born Observation/2020 Observation/undated Encounter/open Organization/dateless"},
	} {
		if got := in(t, m, c.CareDates(day(test.start), day(test.end))); got != test.want {
			t.Errorf("%s to %s: got%s, want%s", test.start, test.end, got, test.want)
		}
	}
}
