package records_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestAClockThatJumpsTakesTheConsentThatIsInForceThen(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		var now atomic.Pointer[time.Time]
		at := func(text string) { now.Store(new(must(time.Parse(time.DateOnly, text))(t))) }
		at("2024-06-15")
		d := must(records.Open(t.Context(), records.Config{
			Store: db.open(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Clock: func() time.Time { return *now.Load() },
		}))(t)
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		consents(t, s, "c", "p", `{"type":"deny","period":{"start":"2024-06-01","end":"2024-06-30"}}`)
		for _, one := range []struct {
			when string
			want int64
		}{{"2024-06-15", 0}, {"2030-01-01", 1}, {"2024-06-15", 0}, {"1999-01-01", 1}, {"2024-06-30", 0}} {
			at(one.when)
			if n := count(t, clinician(t, d), "Patient", ""); n != one.want {
				t.Errorf("on %s %d are seen, want %d", one.when, n, one.want)
			}
		}
		// What is written by a clock that went back is no older than what it replaces.
		at("2024-06-20")
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","active":true}`)
		before := must(s.Read(t.Context(), key("Patient/p"), records.ReadOptions{}))(t).Updated
		at("1999-01-01")
		consents(t, s, "c", "p", `{"type":"permit"}`)
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","active":false}`)
		if after := must(s.Read(t.Context(), key("Patient/p"), records.ReadOptions{}))(t).Updated; after.Before(before) {
			t.Errorf("version 2 is of %s, version 3 of %s", before, after)
		}
		at("2024-06-15")
		if n := count(t, clinician(t, d), "Patient", ""); n != 1 {
			t.Errorf("after a consent of a clock that was behind %d are seen", n)
		}
	})
}

func TestContradictoryConsentsAreDecidedByTimeAndThenByDenial(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		decide := func(id, day, provision string) {
			t.Helper()
			put(t, s, "Consent/"+id, `{"resourceType":"Consent","id":%q,"status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
				"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/p"},"dateTime":%q,"provision":%s}`, id, day, provision)
		}
		for _, one := range []struct {
			name, permitted, denied string
			want                    int64
		}{
			{"the newer one permits", "2024-05-02", "2024-05-01", 1}, {"the newer one denies", "2024-05-01", "2024-05-02", 0},
			{"of the same time", "2024-05-01", "2024-05-01", 0}, {"with another precision of the same day", "2024-05-01T00:00:00Z", "2024-05-01", 0},
		} {
			decide("a", one.permitted, permit)
			decide("b", one.denied, denyAll)
			if n := count(t, clinician(t, d), "Patient", ""); n != one.want {
				t.Errorf("%s: %d are seen, want %d", one.name, n, one.want)
			}
			// In whichever order they come.
			decide("b", one.permitted, permit)
			decide("a", one.denied, denyAll)
			if n := count(t, clinician(t, d), "Patient", ""); n != one.want {
				t.Errorf("%s, the other way round: %d are seen, want %d", one.name, n, one.want)
			}
		}
	})
}

func TestOfAConsentThatCannotBeUnderstoodTheDenialsHoldAndTheRestFollowsTheDefault(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		observation(t, s, "plain", "Patient/p")
		put(t, s, "Observation/hiv", `{"resourceType":"Observation","id":"hiv","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`)
		put(t, s, "Observation/alcohol", `{"resourceType":"Observation","id":"alcohol","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`)
		const hiv = `"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]`
		const eth = `"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]`
		const vague = `"code":[{"text":"what matters"}]`
		for name, one := range map[string]struct{ provision, want string }{
			"an opt-out":              {`{"type":"deny",` + vague + `}`, ""},
			"a sensitive denial":      {`{"type":"permit","provision":[{"type":"deny",` + hiv + `,` + vague + `}]}`, "Observation/plain"},
			"another denial":          {`{"type":"permit","provision":[{"type":"deny",` + vague + `}]}`, "Observation/hiv Observation/plain"},
			"a permission of Part 2":  {`{"type":"permit","provision":[{"type":"permit",` + eth + `,` + vague + `}]}`, "Observation/hiv Observation/plain"},
			"a denial beside a vague": {`{"type":"permit",` + vague + `,"provision":[{"type":"deny",` + hiv + `}]}`, "Observation/plain"},
		} {
			consents(t, s, "c", "p", one.provision)
			if got := found(t, clinician(t, d), "Observation", "_sort=_id"); got != one.want {
				t.Errorf("%s: %q is seen, want %q", name, got, one.want)
			}
			if list, _, err := s.UnclearConsents(t.Context(), ""); err != nil || len(list) != 1 {
				t.Errorf("%s: %d wait for a review, %v", name, len(list), err)
			}
		}
	})
}

func TestOfAThousandPatientsThoseWhoDenyAreNeitherFoundNorCounted(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n, each = 1000, 7
		d := db.door(t, records.DefaultPolicy())
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		var all []records.Content
		denied := int64(0)
		for i := range n {
			all = append(all, body(`{"resourceType":"Patient","id":"p%04d"}`, i))
			if i%each == 0 {
				denied++
				all = append(all, body(`{"resourceType":"Consent","id":"c%d","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
					"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/p%04d"},"dateTime":"2024-05-01","provision":%s}`, i, i, denyDr))
			}
		}
		for _, l := range must(s.Load(t.Context(), all, records.LoadOptions{}))(t) {
			if l.Err != nil {
				t.Fatal(l.Err)
			}
		}
		res := must(clinician(t, d).Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: pairs(t, "_count=1000&_total=accurate&_sort=_id")}))(t)
		if int64(len(res.Entries)) != n-denied || res.Total != n-denied || res.Next != "" {
			t.Errorf("%d found, total %d, next %q; want %d", len(res.Entries), res.Total, res.Next, n-denied)
		}
		for i := range res.Entries {
			var number int
			if _, err := fmt.Sscanf(string(res.Entries[i].Key.ID), "p%d", &number); err != nil || number%each == 0 {
				t.Fatalf("%s is found: %v", res.Entries[i].Key, err)
			}
		}
		_, err := clinician(t, d).Read(t.Context(), key("Patient/p0007"), records.ReadOptions{})
		refused(t, err, fault.NotFound)
	})
}
