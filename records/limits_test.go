package records_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestASearchWithAllThatTheLimitsAllowIsAnswered(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Organization/o", `{"resourceType":"Organization","id":"o","name":"Good"}`)
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","gender":"male","name":[{"family":"Eve"}],"managingOrganization":{"reference":"Organization/o"}}`)
		many := func(n int, value, last string) string { return strings.Repeat(value+",", n-1) + last }
		for _, query := range []string{
			"gender=" + many(1000, "x", "male"),
			"name=" + many(1000, "x", "eve") + "&gender=" + many(1000, "y", "male"),
			"gender:not=" + many(1000, "x", "y") + "&name=eve",
			"organization.name=" + many(1000, "x", "good"),
			"_id=" + many(1000, "x", "p") + "&_lastUpdated=" + many(500, "1990", "ge2000"),
			"_list=none," + many(900, "x", "y") + "&name=eve,adam",
			"_filter=" + strings.Repeat("(gender eq x or name eq y) and ", 0) + strings.Repeat("gender eq x or ", 99) + "gender eq male",
			"_filter=" + strings.Repeat("gender eq x and name eq y or ", 49) + "gender eq male",
			"_filter=" + strings.Repeat("(", 19) + "gender eq male" + strings.Repeat(")", 19),
			strings.Repeat("gender=male&", 99) + "name=eve",
			strings.Repeat("_has:Patient:link:name=x,y&", 50) + "name=eve",
			strings.Repeat("organization.partof.partof.partof.name=x&", 30) + "name=eve",
			"_filter=gender eq male" + strings.Repeat(" and organization.name sw g", 33),
		} {
			got := found(t, s, "Patient", query)
			want := "Patient/p"
			if strings.Contains(query, "_list") || strings.Contains(query, "link:") || strings.Contains(query, "partof") {
				want = ""
			}
			if got != want {
				t.Errorf("%.80s: found %q, want %q", query, got, want)
			}
		}
	})
}

func TestASearchByTooManyCodesIsRefusedWithTheBound(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		codes := func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `{"code":"c%d"},`, i)
			}
			return strings.TrimSuffix(b.String(), ",")
		}
		put(t, s, "ValueSet/few", `{"resourceType":"ValueSet","id":"few","status":"active","url":"urn:few","compose":{"include":[{"system":"urn:x","concept":[%s]}]}}`, codes(100_000))
		put(t, s, "ValueSet/many", `{"resourceType":"ValueSet","id":"many","status":"active","url":"urn:many","compose":{"include":[{"valueSet":["urn:few"]},{"system":"urn:x","concept":[{"code":"more"}]}]}}`)
		put(t, s, "Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"urn:x","code":"c99999"}]}}`)
		if got := found(t, s, "Observation", "code:in=urn:few"); got != "Observation/o" {
			t.Errorf("found %q", got)
		}
		for _, query := range []string{"code:in=urn:many", "code:not-in=urn:many", "_filter=code in urn:many"} {
			_, err := s.Search(t.Context(), records.SearchRequest{Type: "Observation", Pairs: pairs(t, query)})
			refused(t, err, fault.Invalid, "more than 100000 codes, which is the most that can be searched for")
		}
	})
}
