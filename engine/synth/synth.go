// Package synth makes up patients: whole lives with visits, problems, drugs,
// measurements and papers, none of them of a real person.
//
// What happens to whom stands in the tables: illnesses with their course, what
// is measured, how children grow, drugs, vaccines, names. Numbers hang
// together: HbA1c falls after metformin begins, a filtration rate is computed
// of the creatinine, and the body mass index of weight and height.
//
// The resources are FHIR R4 and claim the profiles of US Core that they
// conform to, in versions 6.1 and 7.0.
package synth

import (
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Resource is one resource as JSON.
type Resource struct {
	fhir.Key
	JSON []byte
}

// Record is what belongs together: the first that Generate yields is the
// clinic, whose Patient is empty, each further one is a patient's. Its
// references lead to its own resources and to those of the clinic.
type Record struct {
	Patient   fhir.ID
	Resources []Resource
}

// FirstYear and LastYear bound the days as of which Generate makes sense: the
// cast was born and is of a likely age.
const (
	FirstYear = 2024
	LastYear  = 2045
)

// Generate yields the clinic and n patients as they are on the day of asOf,
// from FirstYear to LastYear: nothing has happened later. The first patients are the cast, whose ids are
// maria, emma, walter and thomas; maria and emma have all that US Core calls
// must-support. The same arguments give the same bytes, and patients do not
// depend on how many there are. What is made is forgotten once it is yielded.
func Generate(seed uint64, n int, asOf time.Time) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		t := readTables()
		asOf := day(asOf)
		if !yield(Record{Resources: t.clinic(asOf)}) {
			return
		}
		for i := range n {
			r := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // patients, not secrets, and the same again
			var p *person
			if i < len(t.cast) {
				p = t.member(r, t.cast[i], asOf)
			} else {
				p = t.person(r, "p"+strconv.FormatUint(seed, 36)+"-"+strconv.Itoa(i+1), asOf)
			}
			l := t.live(r, p, asOf)
			if !yield(Record{Patient: fhir.ID(p.id), Resources: l.record()}) {
				return
			}
		}
	}
}

// Bundle is the record as a transaction, each entry an update by its id, so
// that loading it again changes nothing.
func (r Record) Bundle() []byte {
	b := []byte(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	for i, e := range r.Resources {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"fullUrl":"`+home+`/fhir/`+e.String()+`","resource":`...)
		b = append(b, e.JSON...)
		b = append(b, `,"request":{"method":"PUT","url":"`+e.String()+`"}}`...)
	}
	return append(b, "]}"...)
}

// home is where the clinic would be on the Internet.
const home = "https://hearthside.example"
