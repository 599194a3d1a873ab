package limits_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/limits"
)

func TestARuleReadsAsItIsWritten(t *testing.T) {
	for text, want := range map[string]string{
		"user requests 100/s burst 1000":             "",
		"user requests 100/s burst 100":              "user requests 100/s",
		"app growth-chart requests none":             "",
		"tenant in-flight 64":                        "",
		"app exported-resources 1_000_000/day":       "app exported-resources 1000000/day",
		"address 192.0.2.7 sign-ins 10/min burst 50": "",
		"address 192.0.2.7/32 tokens 5/h":            "address 192.0.2.7 tokens 5/h",
		"address 192.0.2.9/24 requests 5/s":          "address 192.0.2.0/24 requests 5/s",
		"address 2001:db8::7 requests 5/s":           "address 2001:db8::/64 requests 5/s",
		"address ::ffff:192.0.2.7 requests 5/s":      "address 192.0.2.7 requests 5/s",
		"user query-cost 1000":                       "",
	} {
		if want == "" {
			want = text
		}
		r, err := limits.ParseRule(text)
		if err != nil || r.String() != want {
			t.Errorf("%s is %s, %v", text, r, err)
			continue
		}
		body, err := json.Marshal(r)
		var again limits.Rule
		if err != nil || json.Unmarshal(body, &again) != nil || again != r {
			t.Errorf("%s becomes %s by JSON, %v", r, again, err)
		}
	}
}

func TestARuleThatMeansNothingIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                                  "it looks like",
		"user requests":                                     "it looks like",
		"patient requests 5/s":                              "none of tenant, app, user, address",
		"user maria walks 5/s":                              "none of requests",
		"user requests 5/fortnight":                         "it looks like",
		"user requests 0/s":                                 "whole number",
		"user requests 99999999999999999/s":                 "whole number",
		"user requests -5/s":                                "whole number",
		"user requests 5":                                   "counted over time",
		"user in-flight 5/s":                                "not counted over time",
		"user sign-ins 5/min":                               "not counted by user",
		"address exported-resources 5/day":                  "not counted by address",
		"tenant east requests 5/s":                          "names nobody",
		"address nowhere requests 5/s":                      "no address or network",
		"address 2001:db8::/96 requests 5/s":                "2001:db8::/64",
		"user requests 1/day burst 1000":                    "in a year",
		"app " + strings.Repeat("x", 300) + " requests 5/s": "no id",
		"user in-flight 5 burst 6":                          "it looks like",
	} {
		if r, err := limits.ParseRule(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %v, %v", text, r, err)
		}
	}
}

func TestTheDefaultsAreRules(t *testing.T) {
	seen := map[limits.Rule]bool{}
	for _, r := range limits.Defaults() {
		again, err := limits.ParseRule(r.String())
		if err != nil || !reflect.DeepEqual(again, r) || seen[r.Place()] {
			t.Errorf("%s is %s, %v", r, again, err)
		}
		seen[r.Place()] = true
	}
}

func FuzzParseRule(f *testing.F) {
	f.Add("user requests 100/s burst 1000")
	f.Add("address 2001:db8::/32 tokens 5/h")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := limits.ParseRule(text)
		if err != nil {
			return
		}
		if again, err := limits.ParseRule(r.String()); err != nil || again != r {
			t.Errorf("%q is %s, then %s, %v", text, r, again, err)
		}
	})
}
