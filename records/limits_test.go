package records_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
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
