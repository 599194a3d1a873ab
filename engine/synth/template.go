package synth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// hole is what a template leaves open: $day-30 and $time-30 are so many days
// before, $patient and $encounter the ids of the patient and the visit, and
// $base64(...) is a text in base64.
var hole = regexp.MustCompile(`\$(day|time)-(\d+)|\$(patient|encounter)\b|\$base64\(([^)]*)\)`)

// template reads resources of a file, one a line, as of a day.
func template(file string, asOf time.Time, patient, encounter string) []Resource {
	text, err := tableFiles.ReadFile("tables/" + file)
	if err != nil {
		panic(err) // embedded
	}
	var out []Resource
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		filled := hole.ReplaceAllStringFunc(line, func(h string) string {
			m := hole.FindStringSubmatch(h)
			switch {
			case m[1] != "":
				n, _ := strconv.Atoi(m[2])
				at := asOf.AddDate(0, 0, -n)
				if m[1] == "day" {
					return date(at)
				}
				return instant(at.Add(9 * time.Hour))
			case m[3] == "patient":
				return patient
			case m[3] == "encounter":
				return encounter
			}
			return base64.StdEncoding.EncodeToString([]byte(m[4]))
		})
		var head struct {
			ResourceType fhir.Type
			ID           fhir.ID
		}
		if err := json.Unmarshal([]byte(filled), &head); err != nil {
			panic(fmt.Sprintf("synth: %s: %v in %s", file, err, filled)) // the templates are embedded
		}
		out = append(out, Resource{fhir.Key{Type: head.ResourceType, ID: head.ID}, []byte(filled)})
	}
	return out
}

// clinic is who and what all patients share.
func (t *tables) clinic(asOf time.Time) []Resource { return template("clinic.ndjson", asOf, "", "") }

// complete are the resources by which a patient of the cast has all that US
// Core calls must-support; most others have none.
func (l *life) complete(encounter string) []Resource {
	if !l.whole {
		return nil
	}
	return template(l.id+".ndjson", l.end, l.id, strings.TrimPrefix(encounter, "Encounter/"))
}
