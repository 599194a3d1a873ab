package bulk_test

import (
	"bufio"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/service/bulk"
)

// blocks are the keys of what files organized by Patient hold: of each Patient those in
// the block, in the order written, by a header.
func (p *place) blocks(files []organized) map[string][]string {
	p.t.Helper()
	all := map[string][]string{}
	for i, f := range files {
		a := p.do("GET", f.URL, "").want(200)
		patient, n := "", 0
		scan := bufio.NewScanner(strings.NewReader(a.body))
		scan.Buffer(nil, 8<<20)
		for scan.Scan() {
			n++
			var r struct {
				ResourceType, ID string
				Parameter        []struct {
					Name           string
					ValueReference struct{ Reference string }
				}
			}
			if err := json.Unmarshal(scan.Bytes(), &r); err != nil {
				p.t.Fatalf("%v: %s", err, scan.Text())
			}
			if r.ResourceType != "Parameters" {
				all[patient] = append(all[patient], r.ResourceType+"/"+r.ID)
				continue
			}
			if len(r.Parameter) != 1 || r.Parameter[0].Name != "header" {
				p.t.Errorf("a header: %s", scan.Text())
			}
			patient = r.Parameter[0].ValueReference.Reference
			continued := n == 1 && i > 0 && files[i-1].ContinuesInFile == f.URL
			if _, ok := all[patient]; ok && !continued {
				p.t.Errorf("%s has several blocks", patient)
			}
		}
		if n != f.Count || f.Type != "" {
			p.t.Errorf("%+v has %d lines", f, n)
		}
	}
	return all
}

// organized is an element of the output of a manifest that is organized by resources.
type organized struct {
	Type, URL, ContinuesInFile string
	Count                      int
}

func (p *place) organized(at string) (m struct {
	OutputOrganizedBy string
	Output            []organized
	Error             []file
	Link              []struct{ Relation, URL string }
}) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.await(at).want(200).body), &m); err != nil {
		p.t.Fatal(err)
	}
	if m.OutputOrganizedBy != "Patient" {
		p.t.Errorf("organized by %q", m.OutputOrganizedBy)
	}
	return m
}

// blocksOfTheClinic are what files of the clinic hold, by Patient, sorted but for the
// Patient, who is first.
var blocksOfTheClinic = map[string]string{
	"Patient/ann": "Patient/ann " + ofAnn + " Organization/ward Practitioner/noor PractitionerRole/gp Provenance/early Provenance/late",
	"Patient/bob": "Patient/bob Observation/b1",
	"Patient/cid": "Patient/cid",
}

func (p *place) sameBlocks(got map[string][]string, want map[string]string) {
	p.t.Helper()
	if len(got) != len(want) {
		p.t.Errorf("%v", got)
	}
	for patient, keys := range want {
		if have := got[patient]; len(have) > 0 {
			slices.Sort(have[1:])
		}
		if text := strings.Join(got[patient], " "); text != keys {
			p.t.Errorf("the block of %s: %s\nnot\n%s", patient, text, keys)
		}
	}
}

func TestFilesOrganizedByPatientHaveABlockForEach(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t)
		m := p.organized(p.start("Patient/$export?organizeOutputBy=Patient"))
		p.sameBlocks(p.blocks(m.Output), blocksOfTheClinic)
		if len(m.Output) != 1 || len(m.Error) != 0 {
			t.Errorf("%+v", m)
		}
		m = p.organized(p.start("Group/g/$export?organizeOutputBy=Patient&_type=Patient,Observation"))
		p.sameBlocks(p.blocks(m.Output), map[string]string{"Patient/ann": "Patient/ann Observation/a1 Observation/a2"})
		// Of the system, what has to do with no Patient has no place.
		m = p.organized(p.start("$export?organizeOutputBy=Patient"))
		p.sameBlocks(p.blocks(m.Output), blocksOfTheClinic)
		if notes := p.lines(m.Error); len(notes) != 1 || !strings.Contains(notes[0], "organized by Patient") {
			t.Errorf("%q", notes)
		}
	})
}

func TestAResourceOfSeveralPatientsIsInTheBlockOfEach(t *testing.T) {
	p := clinic(t)
	p.put(`{"resourceType":"Appointment","id":"both","status":"proposed","participant":[{"actor":{"reference":"Patient/ann"},"status":"accepted"},{"actor":{"reference":"Patient/bob"},"status":"accepted"}]}`)
	want := map[string]string{"Patient/ann": "Appointment/both", "Patient/bob": "Appointment/both"}
	m := p.organized(p.start("Patient/$export?organizeOutputBy=Patient&_type=Appointment"))
	p.sameBlocks(p.blocks(m.Output), want)
	delete(want, "Patient/bob")
	m = p.organized(p.start("Group/g/$export?organizeOutputBy=Patient&_type=Appointment"))
	p.sameBlocks(p.blocks(m.Output), want)
}

func TestABlockThatIsTooLargeIsContinuedInTheNextFile(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t, func(c *bulk.Config) { c.Part = 600 })
		m := p.organized(p.start("Patient/$export?organizeOutputBy=Patient"))
		p.sameBlocks(p.blocks(m.Output), blocksOfTheClinic)
		continued := 0
		for i, f := range m.Output {
			if f.ContinuesInFile != "" {
				continued++
				if i+1 == len(m.Output) || m.Output[i+1].URL != f.ContinuesInFile {
					t.Errorf("%+v", m.Output)
				}
			}
		}
		if continued == 0 || len(m.Output) < 3 {
			t.Errorf("%+v", m.Output)
		}
	})
}

func TestPartialManifestsOfFilesOrganizedByPatientLeadToTheNext(t *testing.T) {
	p := clinic(t, func(c *bulk.Config) { c.Part = 600 })
	at := p.start("Patient/$export?organizeOutputBy=Patient&allowPartialManifests=true")
	var all []organized
	for at != "" {
		m := p.organized(at)
		all, at = append(all, m.Output...), ""
		for _, l := range m.Link {
			at = l.URL
		}
	}
	p.sameBlocks(p.blocks(all), blocksOfTheClinic)
}

func TestFilesOfABucketAreOrganizedByPatient(t *testing.T) {
	p := clinic(t, inBucket(t))
	m := p.organized(p.start("Patient/$export?organizeOutputBy=Patient"))
	if len(m.Output) != 1 || m.Output[0].Count != 16 {
		t.Errorf("%+v", m)
	}
}
