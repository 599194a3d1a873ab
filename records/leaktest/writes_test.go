package leaktest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// observation is one that somebody might write.
func (r *rig) observation(id, more string) records.Content {
	r.made++
	if id != "" {
		id = fmt.Sprintf(`"id":%q,`, id)
	}
	patients := []string{"p", "q"}
	if r.asks.Patient != "" {
		patients = append(patients, r.asks.Patient, r.asks.Patient, r.asks.Patient)
	}
	return records.Content{JSON: fmt.Appendf(nil, `{"resourceType":"Observation",%s"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"w"}],"text":"%d"},"subject":{"reference":"Patient/%s"}%s}`,
		id, r.made, pick(r, patients), more)}
}

var amend = records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"add","path":"/status","value":"amended"}]`)}

// written checks that whoever asks may have done what was done.
func (r *rig) written() {
	r.Helper()
	for _, v := range r.sync() {
		before := r.world.Version(v.Reference(), v.Number-1)
		r.look()
		ok := false
		switch {
		case v.Deleted:
			ok = r.sight.Sees(before, "d")
		case before == nil || before.Deleted:
			ok = r.sight.Sees(v, "c") || r.sight.Sees(v, "u")
		default:
			ok = r.sight.Sees(before, "u") && r.sight.Sees(v, "u") && !r.sight.Partly(before)
		}
		if !ok {
			r.wrong("version %d of %s was written", v.Number, v.Reference())
		}
	}
	r.answered()
}

// answered checks that what answers to writes showed may be seen.
func (r *rig) answered() {
	r.Helper()
	for _, one := range r.shown {
		if v := r.world.Version(one.Key.String(), one.Version); v == nil || !r.sight.SeesVersion(v, "rs") {
			r.wrong("the answer shows version %d of %s", one.Version, one.Key)
		}
		r.shows(one, false)
	}
	r.shown = nil
}

// creates says whether who asks may create an Observation.
func (r *rig) creates(content records.Content) bool {
	r.Helper()
	v := leaktest.Version{Type: "Observation", ID: "new", Number: 1}
	if err := json.Unmarshal(content.JSON, &v.Body); err != nil {
		r.Fatal(err)
	}
	return r.sight.Sees(&v, "c")
}

// askWrite tries to change what may be hidden, and to refer to it.
func askWrite(r *rig) {
	reference := r.anything()
	var secret, doomed []string // what is hidden, and that of types of which something may be deleted
	for v := range r.world.All("") {
		if r.sight.Knows(v.Reference()) {
			continue
		}
		secret = append(secret, v.Reference())
		if r.sight.May(v.Type, "d") {
			doomed = append(doomed, v.Reference())
		}
	}
	if doomed != nil && r.chance(90) {
		reference = pick(r, doomed)
	}
	content := r.observation("", "")
	for range 5 {
		if r.creates(content) {
			break
		}
		content = r.observation("", "")
	}
	refer := secret != nil && r.creates(content) && r.chance(60)
	if refer {
		reference = pick(r, secret)
	}
	v := r.world.Newest(reference)
	hidden := refer || !r.sight.Sees(v, "rs") && !r.sight.Sees(v, "u") && !r.sight.Sees(v, "d")
	if !hidden && v.Type != "Observation" {
		return
	}
	pre := records.Precondition{}
	if r.chance(40) {
		pre.IfMatch = []string{"1"}
	}
	form := r.random.IntN(4)
	ways := map[string]func(reference string) error{
		"patch": func(reference string) error {
			_, err := r.session.Patch(r.Context(), keyOf(reference), amend, records.UpdateOptions{Precondition: pre})
			return err
		},
		"delete": func(reference string) error {
			res, err := r.session.Delete(r.Context(), keyOf(reference), records.DeleteOptions{Precondition: pre})
			if err == nil && !res.Existed {
				return errors.New("there was nothing")
			}
			return err
		},
		"refer": func(reference string) error {
			t, c := referring(content, form, reference)
			_, err := r.session.Create(r.Context(), t, c, records.CreateOptions{})
			return err
		},
		"update": func(reference string) error {
			k := keyOf(reference)
			c := records.Content{JSON: fmt.Appendf(nil, `{"resourceType":%q,"id":%q}`, k.Type, k.ID)}
			if k.Type == "Observation" {
				c = records.Content{JSON: []byte(strings.Replace(string(content.JSON), "{", fmt.Sprintf(`{"id":%q,`, k.ID), 1))}
			}
			_, err := r.session.Update(r.Context(), k, c, records.UpdateOptions{Precondition: pre})
			return err
		},
	}
	way := pick(r, []string{"patch", "delete", "refer", "update"})
	switch {
	case refer:
		way = "refer"
	case slices.Contains(doomed, reference) && r.chance(30):
		way = "delete"
	}
	r.asked("%s (%d) %s, which is hidden: %v", way, form, reference, hidden)
	switch {
	case hidden && way == "update" && pre.IfMatch == nil && !r.serverChooses:
		// An id that is taken is not free, whoever sees it.
		if err := ways[way](reference); err == nil {
			r.wrong("it is changed")
		}
	case hidden && way == "refer" && r.knows(reference):
	case hidden:
		r.alike(reference, ways[way])
	default:
		if err := ways[way](reference); err != nil {
			r.discreet(told(err), reference+string(content.JSON)+r.readable(reference))
			if way == "delete" {
				r.blocked(reference, err)
			}
		}
	}
	r.written()
}

// referring is what refers to a resource: an Observation, in some element that might also
// decide whether it may be written, or a Provenance.
func referring(observation records.Content, form int, reference string) (fhir.Type, records.Content) {
	t, text := fhir.Type("Observation"), string(observation.JSON)
	switch typeName, _, _ := strings.Cut(reference, "/"); {
	case typeName == "Patient" && form > 0:
		before, after, _ := strings.Cut(text, `"subject":{"reference":"`)
		_, after, _ = strings.Cut(after, `"`)
		text = before + `"subject":{"reference":"` + reference + `"` + after
	case typeName == "Encounter" && form > 0:
		text = strings.TrimSuffix(text, "}") + fmt.Sprintf(`,"encounter":{"reference":%q}}`, reference)
	case form == 1:
		t, text = "Provenance", fmt.Sprintf(`{"resourceType":"Provenance","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"somebody"}}],"target":[{"reference":%q}]}`, reference)
	default:
		text = strings.TrimSuffix(text, "}") + fmt.Sprintf(`,"derivedFrom":[{"reference":%q}]}`, reference)
	}
	return t, records.Content{JSON: []byte(text)}
}

// blocked says that what cannot be deleted since something refers to it is referred
// to by something visible.
func (r *rig) blocked(reference string, err error) {
	r.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Conflict {
		return
	}
	if !slices.ContainsFunc(r.world.Referrers(reference), func(v *leaktest.Version) bool { return r.sight.Sees(v, "rs") }) {
		r.wrong("nothing visible refers to %s: %v", reference, err)
	}
}

// knows says whether a token itself names a resource.
func (r *rig) knows(reference string) bool {
	return reference == r.asks.User || reference == "Patient/"+r.asks.Patient
}

// hidden are the resources of a type that who asks does not find.
func (r *rig) hidden(typeName string) (some []*leaktest.Version) {
	for v := range r.world.All(typeName) {
		if !r.sight.Sees(v, "s") {
			some = append(some, v)
		}
	}
	return some
}

// refusal says whether an error tells of no resource.
func refusal(err error) bool {
	return errors.Is(err, records.ErrScope) || errors.Is(err, store.ErrTooComplex) || isVeil(err)
}

// askConditional writes where a search finds something, or nothing.
func askConditional(r *rig) {
	var criteria []leaktest.Criterion
	for range 1 + r.random.IntN(2) {
		if c := r.criterion("Observation", 1); c != nil {
			criteria = append(criteria, c)
		}
	}
	if hidden := r.hidden("Observation"); hidden != nil && r.chance(50) {
		criteria = []leaktest.Criterion{&leaktest.Own{Param: leaktest.Param{Type: "Observation", Code: "_id", Kind: "token"}, Values: []string{pick(r, hidden).ID}}}
	}
	if criteria == nil {
		return
	}
	q := &question{typeName: "Observation", criteria: criteria}
	found := r.sight.Found("Observation", criteria)
	pairs := r.pairsOf(q.query())
	const t = fhir.Type("Observation")
	content := r.observation("", "")
	var err error
	var res records.Result
	way := pick(r, []string{"create", "update", "patch", "delete"})
	r.asked("%s where %s, which finds %d", way, q.query(), len(found))
	switch way {
	case "create":
		res, err = r.session.Create(r.Context(), t, content, records.CreateOptions{IfNoneExist: pairs})
		if err == nil && len(found) == 1 && !found[res.Key.String()] {
			r.wrong("%s was found", res.Key)
		}
		if err == nil && res.Unchanged != (len(found) == 1) {
			r.wrong("it is created: %v", !res.Unchanged)
		}
	case "update":
		res, err = r.session.UpdateWhere(r.Context(), t, pairs, content, records.UpdateOptions{})
		if err == nil && res.Created != (len(found) == 0) {
			r.wrong("it is created: %v", res.Created)
		}
	case "patch":
		_, err = r.session.PatchWhere(r.Context(), t, pairs, amend, records.UpdateOptions{})
		if len(found) == 0 && !refusal(err) && (err == nil || fault.KindOf(err) != fault.NotFound) {
			r.wrong("nothing is there to be patched: %v", err)
		}
	case "delete":
		_, err = r.session.DeleteWhere(r.Context(), t, pairs, records.DeleteOptions{})
		if len(found) == 0 && err != nil && !refusal(err) {
			r.wrong("nothing is there to be deleted: %v", err)
		}
	}
	if r.veiled(err, r.sight.Refuses(leaktest.Asked(criteria...)...)) {
		r.written()
		return
	}
	if err != nil {
		asked := q.query() + string(content.JSON)
		if way == "patch" && len(found) == 1 {
			for one := range found {
				asked += r.readable(one)
			}
		}
		r.discreet(told(err), asked)
	}
	if several := err != nil && fault.KindOf(err) == fault.PreconditionFailed; several && len(found) < 2 {
		r.wrong("several are told of: %v", err)
	}
	if err == nil && len(found) > 1 {
		r.wrong("it is done")
	}
	r.written()
}
