package leaktest_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
	"github.com/inglehealth/ingle/spec/fault"
)

// askDeletePatient tries to delete a Patient to whom something labelled refers, and one to
// whom nothing does. When nothing of the record is seen, both come out alike.
func askDeletePatient(r *rig) {
	if r.chance(60) { // of whom the answer depends on what refers to the Patient
		was, whole := r.asks, *r.asks
		whole.Exempt, whole.Roles = false, nil
		whole.Scopes = []leaktest.Scope{{Level: "user", Type: "*", Interactions: "cruds"}}
		r.asks = &whole
		defer func() {
			r.asks = was
			r.look()
		}()
	}
	r.made++
	ids := []string{fmt.Sprint("bare", r.made), fmt.Sprint("full", r.made)}
	for _, id := range ids {
		r.put("Patient/"+id, `{"name":[{"family":"Temporary"}],"generalPractitioner":[{"reference":"Practitioner/dr"}],"managingOrganization":{"reference":"Organization/ward"}}`)
	}
	body := fmt.Sprintf(`{"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/%s"}`, ids[1])
	if r.chance(80) {
		label := pick(r, append(labels, labels[0], labels[1], labels[0], labels[1])) // those are sealed
		system, code, _ := strings.Cut(label, "|")
		body += fmt.Sprintf(`,"meta":{"security":[{"system":%q,"code":%q}]}`, system, code)
	}
	referrer := fmt.Sprint("Observation/of-full", r.made)
	r.put(referrer, body+"}")
	r.sync()
	r.look()
	defer r.tidy(referrer, "Patient/"+ids[0], "Patient/"+ids[1])
	if v := r.world.Newest("Patient/" + ids[1]); !r.sight.Sees(v, "d") || !r.sight.Sees(v, "rs") {
		return
	}
	r.asked("delete Patient/%s and Patient/%s, to whom %s refers", ids[0], ids[1], referrer)
	if r.sight.Sees(r.world.Newest(referrer), "rs") {
		_, err := r.session.Delete(r.Context(), keyOf("Patient/"+ids[1]), records.DeleteOptions{})
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Conflict {
			r.wrong("a Patient is deleted to whom something visible refers: %v", err)
		}
		r.written()
		return
	}
	var said [2]string
	for i, id := range ids {
		res, err := r.session.Delete(r.Context(), keyOf("Patient/"+id), records.DeleteOptions{})
		said[i] = strings.ReplaceAll(fmt.Sprint(told(err), res.Existed), id, "ID")
	}
	if said[0] != said[1] {
		r.wrong("a Patient to whom something hidden refers is not as one to whom nothing does:\n  %s\n  %s", said[1], said[0])
	}
	r.written()
}

// tidy removes what was made for one question.
func (r *rig) tidy(references ...string) {
	r.Helper()
	for _, one := range references {
		if r.world.Current(one) != nil {
			r.delete(one)
		}
	}
	r.sync()
	r.look()
}
