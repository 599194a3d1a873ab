package synth

import "time"

// kinds are why people come, as codes.tsv has them: the weightier first.
var kinds = []string{"admission", "delivery", "emergency", "problem", "prenatal", "well-child", "check-up", "follow-up"}

// visit is a day at the clinic.
type visit struct {
	*life
	day   time.Time
	rank  int  // in kinds
	first bool // of the record
	last  bool
	acts  []planned

	at      time.Time // the beginning
	end     time.Time
	ref     string   // the Encounter
	reasons list     // codes of the problems it is about
	because list     // references to them
	said    []string // what the note says of it
	from    int      // of the resources in out that the visit made
}

func (v *visit) kind() string { return kinds[v.rank] }

// happen makes the visit's resources.
func (v *visit) happen() {
	v.at = v.day.Add(8*time.Hour + time.Duration(v.r.IntN(40))*12*time.Minute)
	v.end = v.at.Add(30 * time.Minute)
	if v.kind() == "admission" || v.kind() == "delivery" {
		v.end = v.at.AddDate(0, 0, 2+v.r.IntN(3))
	}
	if limit := v.life.end.Add(23 * time.Hour); v.end.After(limit) {
		v.end = limit
	}
	v.ref, v.from = v.next("Encounter"), len(v.out)
	if v.first {
		v.from = 0 // with the demographics
	}
	at := len(v.out)
	v.numbers["encounter"]++
	if v.first {
		v.allergies()
	}
	v.vitals()
	for _, a := range v.acts {
		v.act(a)
	}
	v.immunize()
	v.encounter(at)
	v.write()
	v.charge()
	if v.first {
		v.assemble()
	}
	if v.last {
		v.out = append(v.out, v.complete(v.ref)...)
	}
	v.prove()
}

// act does one planned act.
func (v *visit) act(a planned) {
	switch a.kind {
	case "condition":
		v.diagnose(a)
	case "drug":
		v.prescribe(a)
	case "panel":
		v.report(a.what)
	case "test":
		v.test(a.what)
	case "survey":
		v.ask()
	case "procedure":
		v.perform(a.what)
	case "report":
		v.examine(a)
	case "plan":
		v.planCare(a)
	case "goal":
		v.aim(a)
	case "device":
		v.equip(a.what)
	}
}

// classes of encounters by kind; AMB where none is given.
var classes = map[string]object{
	"admission": coding(actCode, "IMP", "inpatient encounter"), "delivery": coding(actCode, "IMP", "inpatient encounter"),
	"emergency": coding(actCode, "EMER", "emergency"),
}

const actCode = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
