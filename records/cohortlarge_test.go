package records_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// fillWith loads n patients, p0 and on, every other one a woman.
func fillWith(t testing.TB, s *records.Session, n int) {
	t.Helper()
	var some []records.Content
	for i := range n {
		some = append(some, body(`{"resourceType":"Patient","id":"p%d","gender":%q}`, i, []string{"female", "male"}[i%2]))
		if len(some) < 1000 && i < n-1 {
			continue
		}
		loaded, err := s.Load(t.Context(), some, records.LoadOptions{})
		if err != nil || loaded[0].Err != nil {
			t.Fatal(err, loaded[0].Err)
		}
		some = some[:0]
	}
}

func TestALargeGroupIsReadSearchedAndWalkedWhole(t *testing.T) {
	n := 2_500
	if os.Getenv("INGLE_SOAK") != "" {
		n = 100_000
	}
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.DefaultPolicy())
		fillWith(t, s, n)
		var list strings.Builder
		for i := range n {
			if i > 0 {
				list.WriteByte(',')
			}
			fmt.Fprintf(&list, `{"entity":{"reference":"Patient/p%d"}}`, i)
		}
		put(t, s, "Group/list", `{"resourceType":"Group","id":"list","type":"person","actual":true,"member":[%s]}`, list.String())
		put(t, s, "Group/women", "%s", filtered("women", "", "Patient?gender=female"))
		put(t, s, "Group/listed", "%s", filtered("listed", `,"member":[{"entity":{"reference":"Group/list"}}]`, "Patient?gender=female"))
		if got := found(t, s, "Group", fmt.Sprintf("member=Patient/p%d&_summary=true", n-1)); got != "Group/list" {
			t.Errorf("the last patient's Groups are %q", got)
		}
		if got := count(t, s, "Patient", "_has:Group:member:_id=list"); got != int64(n) {
			t.Errorf("%d patients are found by their Group", got)
		}
		r, err := s.Read(t.Context(), key("Group/list"), records.ReadOptions{})
		if err != nil || strings.Count(string(r.JSON), "reference") != n {
			t.Errorf("it is read with %d members, %v", strings.Count(string(r.JSON), "reference"), err)
		}
		for id, want := range map[fhir.ID]int{"list": n, "women": n / 2, "listed": n / 2} {
			seen := map[fhir.Key]bool{}
			for key, err := range s.GroupMembers(t.Context(), id) {
				if err != nil {
					t.Fatal(err)
				}
				seen[key] = true
			}
			if len(seen) != want {
				t.Errorf("%s has %d members, want %d", id, len(seen), want)
			}
		}
	})
}
