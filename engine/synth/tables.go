package synth

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed tables
var tableFiles embed.FS

// tables are the contents of the folder of that name, made ready.
type tables struct {
	concepts map[string]raw    // CodeableConcepts by the keys of codes.tsv
	codings  map[string]raw    // the first Coding of each
	displays map[string]string // how the first Coding is called

	measures  map[string]*measure
	panels    map[string]*panel
	drugs     map[string]row
	vaccines  []vaccine
	allergies []row
	growth    growth
	questions []row
	screening []screening

	origins, towns, streets, cast []row

	illnesses map[string]*illness
	order     []string // the illnesses that people fall ill with, as listed
}

// row is a line of a table by the names of its columns.
type row map[string]string

func (r row) number(column string) float64 {
	f, err := strconv.ParseFloat(r[column], 64)
	if err != nil {
		panic(fmt.Sprintf("synth: %s of %v is not a number", column, r)) // the tables are embedded
	}
	return f
}

func readTables() *tables {
	t := &tables{
		measures: map[string]*measure{}, panels: map[string]*panel{}, drugs: map[string]row{},
		growth: readGrowth(), questions: readTable("questions"), allergies: readTable("allergies"),
		origins: readTable("names"), towns: readTable("towns"), streets: readTable("streets"), cast: readTable("cast"),
		illnesses: map[string]*illness{},
	}
	t.readCodes()
	for _, r := range readTable("measures") {
		t.measures[r["key"]] = newMeasure(r)
	}
	for _, r := range readTable("panels") {
		t.panels[r["key"]] = &panel{row: r, concept: appendJSON(nil, concept("http://loinc.org", r["loinc"], r["display"])), measures: strings.Fields(r["measures"])}
	}
	for _, r := range readTable("drugs") {
		t.drugs[r["key"]] = r
	}
	for _, r := range readTable("vaccines") {
		c := vaccine{key: r["key"]}
		for _, m := range strings.Fields(r["months"]) {
			c.months = append(c.months, parse(m))
		}
		t.vaccines = append(t.vaccines, c)
	}
	for _, r := range readTable("screening") {
		t.screening = append(t.screening, screening{
			sex: r["sex"], from: r.number("from"), to: r.number("to"), every: int(r.number("every")), act: act{kind: r["act"], what: r["what"]},
		})
	}
	t.readIllnesses()
	return t
}

// screening is done at check-ups from an age until another.
type screening struct {
	sex      string
	from, to float64
	every    int
	act      act
}

// vaccine is given at some months of age.
type vaccine struct {
	key    string
	months []float64
}

// readTable reads a table. Lines that begin with # are comments; the first
// other one names the columns.
func readTable(name string) []row {
	text, err := tableFiles.ReadFile("tables/" + name + ".tsv")
	if err != nil {
		panic(err) // embedded
	}
	var columns []string
	var rows []row
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		cells := strings.Split(line, "\t")
		if columns == nil {
			columns = cells
			continue
		}
		if len(cells) != len(columns) {
			panic(fmt.Sprintf("synth: %s.tsv: %q has %d cells instead of %d", name, line, len(cells), len(columns)))
		}
		r := make(row, len(cells))
		for i, c := range cells {
			r[columns[i]] = c
		}
		rows = append(rows, r)
	}
	return rows
}

var systems = map[string]string{
	"sct": "http://snomed.info/sct", "loinc": "http://loinc.org", "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
	"cvx": "http://hl7.org/fhir/sid/cvx", "ndc": "http://hl7.org/fhir/sid/ndc", "icd10": "http://hl7.org/fhir/sid/icd-10-cm",
	"role": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "marital": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus",
	"omb": "urn:oid:2.16.840.1.113883.6.238", "tribe": "http://terminology.hl7.org/CodeSystem/v3-TribalEntityUS", "language": "urn:ietf:bcp:47",
}

func (t *tables) readCodes() {
	t.concepts, t.codings, t.displays = map[string]raw{}, map[string]raw{}, map[string]string{}
	all := map[string]list{}
	for _, r := range readTable("codes") {
		key := r["key"]
		c := raw(appendJSON(nil, coding(systems[r["system"]], r["code"], r["display"])))
		if all[key] = append(all[key], c); len(all[key]) == 1 {
			t.codings[key], t.displays[key] = c, r["display"]
		}
	}
	for key, codings := range all {
		t.concepts[key] = appendJSON(nil, object{"coding", codings, "text", t.displays[key]})
	}
}

// concept is the CodeableConcept of a key of codes.tsv.
func (t *tables) concept(key string) raw {
	c, ok := t.concepts[key]
	if !ok {
		panic("synth: codes.tsv has no " + key)
	}
	return c
}

// all are the CodeableConcepts of keys with spaces between them.
func (t *tables) all(keys string) list {
	var l list
	for _, k := range strings.Fields(keys) {
		l = append(l, t.concept(k))
	}
	return l
}
