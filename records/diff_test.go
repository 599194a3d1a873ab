package records_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// difference lists the operations of a difference: type and path of each.
func difference(t testing.TB, s *records.Session, r records.DiffRequest) string {
	t.Helper()
	tree, err := s.Diff(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var operations []string
	for o := range tree.Root().All("parameter") {
		parts := slices.Collect(o.All("part"))
		operations = append(operations, parts[0].Child("value").Text()+" "+parts[1].Child("value").Text())
	}
	return strings.Join(operations, ", ")
}

func TestTheDifferenceOfVersionsIsAPatchThatMakesOneOfTheOther(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","gender":"male","name":[{"family":"A"}]}`)
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","gender":"female","name":[{"family":"A"}]}`)
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","gender":"female","name":[{"family":"A","given":["x"]}],"active":true}`)
		p := key("Patient/p")
		for _, c := range []struct {
			r    records.DiffRequest
			want string
		}{
			{records.DiffRequest{Key: p}, "add Patient, add Patient.name[0]"},
			{records.DiffRequest{Key: p, Version: "2"}, "replace Patient.gender"},
			{records.DiffRequest{Key: p, FromVersion: "1"}, "add Patient, add Patient.name[0], replace Patient.gender"},
			{records.DiffRequest{Key: p, Version: "3", FromVersion: "3"}, ""},
			{records.DiffRequest{Key: p, Version: "1", FromVersion: "2"}, "replace Patient.gender"},
			{records.DiffRequest{Key: p, Version: "2", Everything: true}, "replace Patient.meta.versionId, replace Patient.meta.lastUpdated, replace Patient.gender"},
			{records.DiffRequest{From: "Patient/p/_history/1", To: base + "/Patient/p"}, "add Patient, add Patient.name[0], replace Patient.gender"},
		} {
			if got := difference(t, s, c.r); len(got) != len(c.want) || sorted(strings.Split(got, ", ")) != sorted(strings.Split(c.want, ", ")) {
				t.Errorf("%+v: got %s, want %s", c.r, got, c.want)
			}
		}
		put(t, s, "Patient/q", `{"resourceType":"Patient","id":"q","gender":"male","name":[{"family":"B","given":["y","z"]}],"birthDate":"1980"}`)
		diff := must(s.Diff(t.Context(), records.DiffRequest{From: "Patient/q", To: "Patient/p"}))(t)
		patched := must(s.Patch(t.Context(), key("Patient/q"), records.PatchContent{Format: records.FHIRPathPatch, Body: diff.Root().AppendJSON(nil)}, records.UpdateOptions{}))(t)
		if patched.Version != 2 || difference(t, s, records.DiffRequest{From: "Patient/q", To: "Patient/p"}) != "" {
			t.Errorf("%s", patched.JSON)
		}
	})
}

func TestADifferenceIsOfResourcesThatTheSessionSees(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		observation(t, s, "o", "Patient/p")
		patient(t, s, "gone")
		must(s.Delete(t.Context(), key("Patient/gone"), records.DeleteOptions{}))(t)
		patient(t, s, "hidden")
		hide(t, s, "Patient/hidden")
		for _, c := range []struct {
			r    records.DiffRequest
			kind fault.Kind
			part string
		}{
			{records.DiffRequest{Key: key("Patient/p")}, fault.Unprocessable, "first"},
			{records.DiffRequest{Key: key("Patient/none")}, fault.NotFound, "Patient/none"},
			{records.DiffRequest{Key: key("Patient/p"), FromVersion: "8"}, fault.NotFound, "_history/8"},
			{records.DiffRequest{Key: key("Patient/p"), FromVersion: "x"}, fault.NotFound, "_history/x"},
			{records.DiffRequest{Key: key("Patient/gone")}, fault.Gone, "Patient/gone"},
			{records.DiffRequest{Key: key("Patient/hidden")}, fault.NotFound, "there is no Patient/hidden"},
			{records.DiffRequest{Key: key("Patient/hidden"), Version: "1", FromVersion: "1"}, fault.NotFound, "there is no Patient/hidden"},
			{records.DiffRequest{From: "Patient/hidden", To: "Patient/p"}, fault.NotFound, "there is no Patient/hidden"},
			{records.DiffRequest{From: "Patient/p", To: "Observation/o"}, fault.Unprocessable, "one type"},
			{records.DiffRequest{From: "Patient/p", To: "http://elsewhere.example/Patient/1"}, fault.Invalid, "to is a resource of this server"},
			{records.DiffRequest{From: "nonsense", To: "Patient/p"}, fault.Invalid, "from is a resource of this server"},
		} {
			_, err := hiding(s).Diff(t.Context(), c.r)
			refused(t, err, c.kind, c.part)
		}
		_, err := s.Diff(t.Context(), records.DiffRequest{Key: key("Patient/gone")})
		refused(t, err, fault.Gone, "deleted")
	})
}
