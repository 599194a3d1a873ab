package console_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/placetest"
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
	vera.get("/console/consents").Want(200).Has("There are no consents yet", "Nothing waits", "TREAT", "v3-ActCode|ETHUD")
	o.Put(`{"resourceType":"Patient","id":"ann","name":[{"text":"<script>alert(1)</script> Ann"}]}`, `{"resourceType":"Patient","id":"bob","name":[{"text":"李 小龙"}]}`,
		consent("a", "ann", "active", `{"type":"permit"}`), consent("b", "bob", "draft", `{"type":"deny","provision":[{"type":"permit"}]}`),
		`{"resourceType":"Patient","id":"cyd"}`, consent("odd", "cyd", "active", `{"type":"deny","code":[{"text":"all that <b>hurts</b>"}]}`))
	vera.get("/console/consents").Want(200).Has("consents/consent/a", "consents/consent/b", "李 小龙", "permits", "denies, with 1 exception", "1 February 2026").Lacks("<script>alert", "<i>", "<b>hurts")
	vera.get("/console/consents?patient=ann").Want(200).Has("consents/consent/a").Lacks("consents/consent/b")
	vera.get("/console/consents?patient=Patient/bob&status=draft").Want(200).Has("consents/consent/b").Lacks("consents/consent/a")
	vera.get("/console/consents?patient=eve").Want(200).Has("No consent is like that")
	vera.get("/console/consents/consent/a").Want(200).Has(`"status": "active"`).Lacks("<i>")
	vera.get("/console/consents/consent/none").Want(404)
	vera.get("/console/consents/consent/no%20id").Want(404)

	root.get("/console/consents").Want(200).Has("for privacy officers to see", "Consent/odd", "Change what holds").Lacks("Consent/a")
	root.get("/console/consents/consent/a").Want(403)
	vera.fill("/console/consents", "/console/consents/review", "consent", "odd", "comment", "").Want(422).Has(`href="#comment-odd"`)
	vera.fill("/console/consents", "/console/consents/review", "consent", "a", "comment", "x").Want(404)
	vera.fill("/console/consents", "/console/consents/review", "consent", "odd", "comment", "she means injections").Want(200).Has("Reviewed.", "Nothing waits")
	vera.get("/console/audit?patient=ann&user=vera").Want(200).Has("console/consents")
}

func TestHoldsAreSetAndLifted(t *testing.T) {
	o := newOffice(t)
	o.Put(`{"resourceType":"Patient","id":"ann"}`)
	vera := o.enter("vera")
	vera.get("/console/keeping").Want(200).Has("Nothing is held")
	hold := func(resource, reason string) placetest.Answer {
		return vera.fill("/console/keeping", "/console/keeping/hold", "resource", resource, "reason", reason)
	}
	hold("ann", "a suit").Want(422).Has("Name a resource by type and id", `value="a suit"`)
	hold("Cat/ann", "a suit").Want(422).Has("Name a resource by type and id")
	hold("Patient/none", "a suit").Want(422).Has("There is no Patient/none")
	hold("Patient/ann", "").Want(422).Has(`href="#reason"`)
	hold("Patient/ann", "Example <b> v. Example").Want(200).Has("It is held", "by Vera").Lacks("Example <b>")
	hold("Patient/ann", "again").Want(422).Has("held already")
	vera.fill("/console/keeping", "/console/keeping/lift", "resource", "Patient/ann").Want(200).Has("The hold is lifted", "Nothing is held")
	vera.fill("/console/keeping", "/console/keeping/lift", "resource", "Patient/ann").Want(404)
}

func TestRetentionRulesAreChecked(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	save := func(pairs ...string) placetest.Answer {
		return root.fill("/console/keeping", "/console/keeping/rules", pairs...)
	}
	save("name-0", "old", "type-0", "Observation", "days-0", "many").Want(422).Has(`href="#name-0"`, "days is the age in days", `value="old"`)
	save("name-0", "old", "type-0", "Patient", "days-0", "10").Want(422).Has("no rule is for Patient")
	save("name-0", "old", "type-0", "Observation", "days-0", "3650", "filter-0", "status=cancelled", "name-1", "").Want(200).Has("The rules are saved", `value="3650"`)
	root.get("/console/keeping?dry=1").Want(200).Has("What the rules would do now", "old")
	save("name-0", "old", "type-0", "Observation", "days-0", "3650", "remove-0", "1").Want(200).Lacks(`value="3650"`)
	if rules, err := o.Door.Session(records.Principal{}, nil).Retention(t.Context()); err != nil || len(rules) != 0 {
		t.Error(rules, err)
	}
}

func TestUsageIsToldByAppAndUser(t *testing.T) {
	o := newOffice(t)
	vera := o.enter("vera")
	noor, err := o.Identity.UserByLogin(t.Context(), "noor")
	if err != nil {
		t.Fatal(err)
	}
	o.Door.CountUse(records.Usage{Client: "growth<b>", User: noor.ID, Requests: 1234, Resources: 20, Bytes: 4000, Refused: 7, Failed: 5})
	page := vera.get("/console/usage?days=7").Want(200).Has("growth<b>", "Noor", "1,234", "1,234, 12 refused or failed", "Requests by day", "Refused").Lacks("growth<b>")
	for _, way := range []string{"/console/audit?user=noor", "/console/audit?app=growth%3Cb%3E&amp;outcome=bad"} {
		if !strings.Contains(page.Body, way) {
			t.Errorf("no way to %s", way)
		}
	}
	vera.get("/console/usage?app=growth%3Cb%3E").Want(200).Has("Usage of growth<b>", "All apps")
	vera.get("/console/usage?app=nothing").Want(200).Has("Nothing was used")
	vera.get("/console/usage?days=0").Want(422).Has("1 to 366 days")
}
