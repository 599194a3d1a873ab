package clinic

// vital is a vital sign that can be measured here. Codes are LOINC's, units UCUM's.
type vital struct {
	Slug, Name, Code, Display, UCUM, Unit string
	// Least and Most are what can be believed; Usual is what is usual for adults at
	// rest, zero when that cannot be said for all.
	Least, Most float64
	Usual       [2]float64
}

const loinc = "http://loinc.org"

// vitals are what the form offers, in its order. Blood pressure has two values and
// stands in addvital.go.
var vitals = []vital{
	{"heart-rate", "Heart rate", "8867-4", "Heart rate", "/min", "beats/min", 10, 350, [2]float64{60, 100}},
	{"respiratory-rate", "Respiratory rate", "9279-1", "Respiratory rate", "/min", "breaths/min", 2, 120, [2]float64{12, 20}},
	{"temperature", "Body temperature", "8310-5", "Body temperature", "Cel", "°C", 20, 45, [2]float64{36.1, 37.5}},
	{"oxygen", "Oxygen saturation", "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%", "%", 20, 100, [2]float64{95, 100}},
	{"weight", "Body weight", "29463-7", "Body weight", "kg", "kg", 0.2, 650, [2]float64{}},
	{"height", "Body height", "8302-2", "Body height", "cm", "cm", 15, 280, [2]float64{}},
}

// pressure is the panel of blood pressure, with what is usual for its first part.
var pressure = vital{"blood-pressure", "Blood pressure", "85354-9", "Blood pressure panel with all children optional", "mm[Hg]", "mmHg", 20, 320, [2]float64{90, 130}}

// usually finds a vital sign by its code: "http://loinc.org|8867-4".
func usually(code string) (vital, bool) {
	for _, v := range append(vitals, pressure, vital{Code: "2708-6", UCUM: "%", Unit: "%", Usual: [2]float64{95, 100}}, vital{Code: "39156-5", UCUM: "kg/m2", Unit: "kg/m²", Usual: [2]float64{18.5, 25}}) {
		if loinc+"|"+v.Code == code {
			return v, true
		}
	}
	return vital{}, false
}
