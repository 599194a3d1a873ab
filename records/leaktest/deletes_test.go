package leaktest_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
	"github.com/inglehealth/ingle/spec/fault"
)

// shared is what several may refer to, and a resource that does.
type shared struct{ typeName, body, referrer, refers string }

var shares = []shared{
	{"Patient", `{"name":[{"family":"Temporary"}],"generalPractitioner":[{"reference":"Practitioner/dr"}],"managingOrganization":{"reference":"Organization/ward"}}`,
		"Observation", `{"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ID"}`},
	{"Organization", `{"name":"Temporary"}`, "Encounter", `{"status":"planned","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},"serviceProvider":{"reference":"Organization/ID"}`},
	{"Practitioner", `{"name":[{"family":"Temporary"}]}`, "Observation", `{"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/q"},"performer":[{"reference":"Practitioner/ID"}]`},
	{"Medication", `{"code":{"text":"x"}}`, "MedicationRequest", `{"status":"active","intent":"order","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"Medication/ID"}`},
}

// askDelete tries to delete a Patient, or something that many share, to which something
// labelled refers, and one to which nothing does. When what refers is not seen, both come
// out alike.
func askDelete(r *rig) {
	if r.chance(60) { // for whom the answer depends on what refers
		was, whole := r.asks, *r.asks
		whole.Exempt, whole.Roles = false, nil
		whole.Scopes = []leaktest.Scope{{Level: "user", Type: "*", Interactions: "cruds"}}
		r.asks = &whole
		defer func() {
			r.asks = was
			r.look()
		}()
	}
	of := pick(r, append(shares, shares[0], shares[0]))
	r.made++
	ids := []string{fmt.Sprint("bare", r.made), fmt.Sprint("full", r.made)}
	for _, id := range ids {
		r.put(of.typeName+"/"+id, of.body)
	}
	bare, full := of.typeName+"/"+ids[0], of.typeName+"/"+ids[1]
	body := strings.ReplaceAll(of.refers, "ID", ids[1])
	if r.chance(80) {
		label := pick(r, append(labels, labels[0], labels[1], labels[0], labels[1])) // those are sealed
		system, code, _ := strings.Cut(label, "|")
		body += fmt.Sprintf(`,"meta":{"security":[{"system":%q,"code":%q}]}`, system, code)
	}
	referrer := fmt.Sprint(of.referrer, "/of-full", r.made)
	r.put(referrer, body+"}")
	r.sync()
	r.look()
	defer r.tidy(referrer, bare, full)
	if v := r.world.Newest(full); !r.sight.Sees(v, "d") || !r.sight.Sees(v, "rs") {
		return
	}
	r.asked("delete %s and %s, to which %s refers", bare, full, referrer)
	if r.sight.Sees(r.world.Newest(referrer), "rs") {
		_, err := r.session.Delete(r.Context(), keyOf(full), records.DeleteOptions{})
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Conflict {
			r.wrong("%s is deleted to which something visible refers: %v", full, err)
		}
		r.written()
		return
	}
	var said [2]string
	for i, id := range ids {
		res, err := r.session.Delete(r.Context(), keyOf(of.typeName+"/"+id), records.DeleteOptions{})
		said[i] = strings.ReplaceAll(fmt.Sprint(told(err), res.Existed), id, "ID")
	}
	if said[0] != said[1] {
		r.wrong("that to which something hidden refers is not as that to which nothing does:\n  %s\n  %s", said[1], said[0])
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
