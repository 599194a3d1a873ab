package synth

import "strings"

// encounter makes the Encounter, which stands before what happened in it.
func (v *visit) encounter(at int) {
	typ, who := v.t.concept(v.kind()), v.doctor()
	class, place := classes[v.kind()], mainBuilding
	if class == nil {
		class = coding(actCode, "AMB", "ambulatory")
	} else {
		place = reference("Location/hearthside-hospital", "Hearthside Hospital")
	}
	var discharge object
	if v.end.Sub(v.at).Hours() > 12 {
		discharge = object{"dischargeDisposition", hl7("discharge-disposition", "home", "Home")}
	}
	period := object{"start", instant(v.at), "end", instant(v.end)}
	v.numbers["encounter"]--
	made := len(v.out)
	v.add("Encounter", v.end, "us-core-encounter", object{
		"identifier", list{object{"use", "official", "system", home + "/encounter", "value", strings.TrimPrefix(v.ref, "Encounter/")}},
		"status", "finished", "class", class, "type", list{typ}, "subject", v.subject,
		"participant", list{object{"type", list{hl7("v3-ParticipationType", "PPRF", "primary performer")}, "period", period, "individual", who}},
		"period", period, "reasonCode", v.reasons, "reasonReference", v.because, "hospitalization", discharge,
		"location", list{object{"location", place}}, "serviceProvider", hearthside,
	})
	e := v.out[made]
	copy(v.out[at+1:], v.out[at:made])
	v.out[at] = e
}

var (
	hearthside   = reference("Organization/hearthside", "Hearthside Clinic")
	laboratory   = reference("Organization/hearthside-laboratory", "Hearthside Laboratory")
	mainBuilding = reference("Location/hearthside-main", "Hearthside Clinic, main building")
)
