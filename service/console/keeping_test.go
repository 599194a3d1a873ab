package console_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
)

// consent is a Consent of a patient.
func consent(id, patient, status, provision string) string {
	return fmt.Sprintf(`{"resourceType":"Consent","id":%q,"status":%q,"scope":{"coding":[{"code":"patient-privacy","display":"Privacy <i>"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/%s"},"dateTime":"2026-02-01","provision":%s}`, id, status, patient, provision)
}

func TestAPrivacyOfficerFindsConsentsAndReviewsWhatIsUnclear(t *testing.T) {
	o := newOffice(t)
	vera, root := o.enter("vera"), o.enter("root")
	vera.get("/console/consents").want(200).has("There are no consents yet", "Nothing waits", "TREAT", "v3-ActCode|ETHUD")
	o.put(`{"resourceType":"Patient","id":"ann","name":[{"text":"<script>alert(1)</script> Ann"}]}`, `{"resourceType":"Patient","id":"bob","name":[{"text":"李 小龙"}]}`,
		consent("a", "ann", "active", `{"type":"permit"}`), consent("b", "bob", "draft", `{"type":"deny","provision":[{"type":"permit"}]}`),
		`{"resourceType":"Patient","id":"cyd"}`, consent("odd", "cyd", "active", `{"type":"deny","code":[{"text":"all that <b>hurts</b>"}]}`))
	vera.get("/console/consents").want(200).has("consents/consent/a", "consents/consent/b", "李 小龙", "permits", "denies, with 1 exception", "1 February 2026").lacks("<script>alert", "<i>", "<b>hurts")
	vera.get("/console/consents?patient=ann").want(200).has("consents/consent/a").lacks("consents/consent/b")
	vera.get("/console/consents?patient=Patient/bob&status=draft").want(200).has("consents/consent/b").lacks("consents/consent/a")
	vera.get("/console/consents?patient=eve").want(200).has("No consent is like that")
	vera.get("/console/consents/consent/a").want(200).has(`"status": "active"`).lacks("<i>")
	vera.get("/console/consents/consent/none").want(404)
	vera.get("/console/consents/consent/no%20id").want(404)

	root.get("/console/consents").want(200).has("for privacy officers to see", "Consent/odd", "Change what holds").lacks("Consent/a")
	root.get("/console/consents/consent/a").want(403)
	vera.fill("/console/consents", "/console/consents/review", "consent", "odd", "comment", "").want(422).has(`href="#comment-odd"`)
	vera.fill("/console/consents", "/console/consents/review", "consent", "a", "comment", "x").want(404)
	vera.fill("/console/consents", "/console/consents/review", "consent", "odd", "comment", "she means injections").want(200).has("Reviewed.", "Nothing waits")
	vera.get("/console/audit?patient=ann&user=vera").want(200).has("console/consents")
}

func TestHoldsAreSetAndLifted(t *testing.T) {
	o := newOffice(t)
	o.put(`{"resourceType":"Patient","id":"ann"}`)
	vera := o.enter("vera")
	vera.get("/console/keeping").want(200).has("Nothing is held")
	hold := func(resource, reason string) answer {
		return vera.fill("/console/keeping", "/console/keeping/hold", "resource", resource, "reason", reason)
	}
	hold("ann", "a suit").want(422).has("Name a resource by type and id", `value="a suit"`)
	hold("Cat/ann", "a suit").want(422).has("Name a resource by type and id")
	hold("Patient/none", "a suit").want(422).has("There is no Patient/none")
	hold("Patient/ann", "").want(422).has(`href="#reason"`)
	hold("Patient/ann", "Example <b> v. Example").want(200).has("It is held", "by Vera").lacks("Example <b>")
	hold("Patient/ann", "again").want(422).has("held already")
	vera.fill("/console/keeping", "/console/keeping/lift", "resource", "Patient/ann").want(200).has("The hold is lifted", "Nothing is held")
	vera.fill("/console/keeping", "/console/keeping/lift", "resource", "Patient/ann").want(404)
}

func TestRetentionRulesAreChecked(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	save := func(pairs ...string) answer {
		return root.fill("/console/keeping", "/console/keeping/rules", pairs...)
	}
	save("name-0", "old", "type-0", "Observation", "days-0", "many").want(422).has(`href="#name-0"`, "days is the age in days", `value="old"`)
	save("name-0", "old", "type-0", "Patient", "days-0", "10").want(422).has("no rule is for Patient")
	save("name-0", "old", "type-0", "Observation", "days-0", "3650", "filter-0", "status=cancelled", "name-1", "").want(200).has("The rules are saved", `value="3650"`)
	root.get("/console/keeping?dry=1").want(200).has("What the rules would do now", "old")
	save("name-0", "old", "type-0", "Observation", "days-0", "3650", "remove-0", "1").want(200).lacks(`value="3650"`)
	if rules, err := o.door.Session(records.Principal{}, nil).Retention(t.Context()); err != nil || len(rules) != 0 {
		t.Error(rules, err)
	}
}

func TestUsageIsToldByAppAndUser(t *testing.T) {
	o := newOffice(t)
	vera := o.enter("vera")
	noor, err := o.identity.UserByLogin(t.Context(), "noor")
	if err != nil {
		t.Fatal(err)
	}
	o.door.CountUse(records.Usage{Client: "growth<b>", User: noor.ID, Requests: 1234, Resources: 20, Bytes: 4000, Refused: 7, Failed: 5})
	page := vera.get("/console/usage?days=7").want(200).has("growth<b>", "Noor", "1,234", "1,234, 12 refused or failed", "Requests by day", "Refused").lacks("growth<b>")
	for _, way := range []string{"/console/audit?user=noor", "/console/audit?app=growth%3Cb%3E&amp;outcome=bad"} {
		if !strings.Contains(page.body, way) {
			t.Errorf("no way to %s", way)
		}
	}
	vera.get("/console/usage?app=growth%3Cb%3E").want(200).has("Usage of growth<b>", "All apps")
	vera.get("/console/usage?app=nothing").want(200).has("Nothing was used")
	vera.get("/console/usage?days=0").want(422).has("1 to 366 days")
}
