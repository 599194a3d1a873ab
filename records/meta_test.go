package records_test

import (
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// metaOf reads a Meta.
func metaOf(t testing.TB, text string) fhir.Node {
	t.Helper()
	tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(`{"resourceType":"Patient","meta":`+text+`}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Meta()
}

func TestLabelsAreAddedAndRemovedAsNewVersionsThatSearchFinds(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","meta":{"tag":[{"system":"urn:t","code":"old","display":"Old"}]}}`)
		p := key("Patient/p")
		more := metaOf(t, `{"versionId":"77","source":"urn:not-taken","profile":["http://example.org/p"],"security":[{"system":"urn:s","code":"R"}],"tag":[{"system":"urn:t","code":"old","display":"again"},{"system":"urn:t","code":"new"}]}`)
		res := must(s.MetaAdd(t.Context(), p, more, records.UpdateOptions{}))(t)
		if res.Version != 2 || res.Unchanged || contains(res.JSON, "urn:not-taken") ||
			!contains(res.JSON, `"tag":[{"system":"urn:t","code":"old","display":"Old"},{"system":"urn:t","code":"new"}]`) {
			t.Errorf("%s", res.JSON)
		}
		if again := must(s.MetaAdd(t.Context(), p, more, records.UpdateOptions{}))(t); !again.Unchanged || again.Version != 2 {
			t.Errorf("again: %+v", again.Resource)
		}
		for _, query := range []string{"_tag=urn:t|new", "_tag=urn:t|old", "_security=urn:s|R", "_profile=http://example.org/p"} {
			if got := found(t, s, "Patient", query); got != "Patient/p" {
				t.Errorf("%s: %q", query, got)
			}
		}
		res = must(s.MetaDelete(t.Context(), p, metaOf(t, `{"profile":["http://example.org/p"],"security":[{"system":"urn:other","code":"R"}],"tag":[{"system":"urn:t","code":"old"},{"code":"none"}]}`), records.UpdateOptions{}))(t)
		if res.Version != 3 || contains(res.JSON, "old") || contains(res.JSON, "example.org") || !contains(res.JSON, `"code":"R"`) {
			t.Errorf("%s", res.JSON)
		}
		if got := found(t, s, "Patient", "_tag=old") + found(t, s, "Patient", "_profile=http://example.org/p"); got != "" {
			t.Errorf("found by what was removed: %s", got)
		}
		history := must(s.History(t.Context(), records.HistoryRequest{Type: "Patient", ID: "p"}))(t)
		if len(history.Entries) != 3 || history.Entries[0].Method != "PATCH" || contains(history.Entries[2].JSON, "new") {
			t.Errorf("%d versions, %+v", len(history.Entries), history.Entries[0])
		}
		_, err := s.MetaAdd(t.Context(), p, more, records.UpdateOptions{Precondition: records.Precondition{IfMatch: []string{"1"}}})
		refused(t, err, fault.PreconditionFailed, "version 3")
		_, err = s.MetaAdd(t.Context(), key("Patient/none"), more, records.UpdateOptions{})
		refused(t, err, fault.NotFound)
	})
}

func TestLabelsCannotBeUsedToReachOrLeaveWhatIsHidden(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		patient(t, s, "hidden")
		hide(t, s, "Patient/hidden")
		secret := metaOf(t, `{"tag":[{"code":"secret"}]}`)
		_, err := hiding(s).MetaAdd(t.Context(), key("Patient/p"), secret, records.UpdateOptions{})
		refused(t, err, fault.Forbidden)
		_, err = hiding(s).MetaDelete(t.Context(), key("Patient/hidden"), secret, records.UpdateOptions{})
		refused(t, err, fault.NotFound)
		_, _, err = hiding(s).Meta(t.Context(), key("Patient/hidden"), "")
		refused(t, err, fault.NotFound)
		_, _, err = hiding(s).Meta(t.Context(), key("Patient/hidden"), "1")
		refused(t, err, fault.NotFound)
	})
}

func TestTheMetaOfAVersionStaysAsItWas(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		hide(t, s, "Patient/p")
		for version, want := range map[string]int{"": 1, "2": 1, "1": 0} {
			meta, res, err := s.Meta(t.Context(), key("Patient/p"), version)
			if err != nil || meta.Count("tag") != want || meta.Child("versionId").Text() != fmt.Sprint(res.Version) {
				t.Errorf("%q: %s, %v", version, meta.AppendJSON(nil), err)
			}
		}
		must(s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{}))(t)
		_, _, err := s.Meta(t.Context(), key("Patient/p"), "")
		refused(t, err, fault.Gone)
	})
}

func TestLabelsInUseAreThoseOfWhatTheSessionSees(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		if l := must(s.LabelsInUse(t.Context(), ""))(t); len(l.Profiles)+len(l.Security)+len(l.Tags) > 0 {
			t.Errorf("of nothing: %+v", l)
		}
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","meta":{"profile":["http://example.org/p|2"],"tag":[{"system":"urn:t","code":"a"},{"code":"b"}]}}`)
		put(t, s, "Basic/b", `{"resourceType":"Basic","id":"b","code":{"text":"x"},"meta":{"tag":[{"code":"secret"},{"code":"c"}],"security":[{"system":"urn:s","code":"R"}]}}`)
		for _, c := range []struct {
			s    *records.Session
			t    fhir.Type
			want string
		}{
			{s, "", "{[http://example.org/p|2] [{urn:s R}] [{ b} { c} { secret} {urn:t a}]}"},
			{s, "Basic", "{[] [{urn:s R}] [{ c} { secret}]}"},
			{s, "Observation", "{[] [] []}"},
			{hiding(s), "", "{[http://example.org/p|2] [] [{ b} {urn:t a}]}"},
		} {
			if got := fmt.Sprint(must(c.s.LabelsInUse(t.Context(), c.t))(t)); got != c.want {
				t.Errorf("%q: got %s, want %s", c.t, got, c.want)
			}
		}
	})
}
