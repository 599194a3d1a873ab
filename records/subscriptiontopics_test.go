package records_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// packaged is a release with a package of topics, each given by its JSON.
func packaged(t *testing.T, release definitions.Release, topics ...string) *definitions.Definitions {
	t.Helper()
	base := definitions.MustBuiltIn(release)
	files := map[string]string{"package.json": fmt.Sprintf(`{"name":"example.topics","version":"1.0.0","fhirVersions":[%q]}`, base.Version)}
	for i, one := range topics {
		files[fmt.Sprintf("topic-%d.json", i)] = one
	}
	all, err := definitions.LoadPackage(bytes.NewReader(testpackage.Pack(t, files)), base)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const crossVersion = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."

// basicTopic is R4's form of a topic about Patients.
func basicTopic(url, current string) string {
	return fmt.Sprintf(`{"resourceType":"Basic","id":"topic","code":{"coding":[{"system":"http://hl7.org/fhir/fhir-types","code":"SubscriptionTopic"}]},"extension":[
		{"url":"%[1]surl","valueUri":%[2]q},{"url":"%[1]sstatus","valueCode":"active"},
		{"url":"%[1]sresourceTrigger","extension":[{"url":"resource","valueUri":"Patient"},{"url":"queryCriteria","extension":[{"url":"current","valueString":%[3]q}]}]}]}`, crossVersion, url, current)
}

func TestTopicsOfPackagesAreSubscribedTo(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const own = `{"resourceType":"SubscriptionTopic","id":"t","url":"http://x.example/own","version":"2","status":"active","resourceTrigger":[{"resource":"Patient","queryCriteria":{"current":"gender=male"}}]}`
		h := db.telling(t, func(c *records.Config, _ *records.SubscriptionConfig) {
			c.Definitions = packaged(t, definitions.R4, basicTopic("http://x.example/basic", "active=true"), basicTopic("http://x.example/never", "organization.name=x"),
				`{"resourceType":"Basic","id":"b","code":{"text":"none"}}`)
			c.Others = []*definitions.Definitions{packaged(t, definitions.R4B, own)}
		})
		topics, err := h.Topics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var urls []string
		for _, one := range topics[len(subscribe.BuiltIn()):] {
			urls = append(urls, one.Canonical())
		}
		if want := []string{"http://x.example/basic", "http://x.example/own|2"}; !slices.Equal(urls, want) { // the other one cannot be matched
			t.Errorf("topics of packages: %q, not %q", urls, want)
		}
		h.subscribeTo(t, "basic", "http://x.example/basic")
		h.subscribeTo(t, "own", "http://x.example/own|2")
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a","active":true,"gender":"female"}`)
		h.put(t, "Patient/b", `{"resourceType":"Patient","id":"b","active":false,"gender":"male"}`)
		h.hears(t, "basic", "handshake", "1:create:Patient/a")
		h.hears(t, "own", "handshake", "1:create:Patient/b")
	})
}

func TestATopicIsMadeByWhoSeesEveryOne(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		topic := body("%s", basicTopic("http://x.example/basic", "active=true"))
		narrow := tokenSession(t, h.Door, "system/Basic.cruds?code=http://hl7.org/fhir/fhir-types|SubscriptionTopic")
		_, err := narrow.Update(t.Context(), key("Basic/topic"), topic, records.UpdateOptions{})
		refused(t, err, fault.Forbidden)
		_, err = narrow.Create(t.Context(), "Basic", topic, records.CreateOptions{})
		refused(t, err, fault.Forbidden, "a topic is for all subscribers", "every Basic")
		put(t, tokenSession(t, h.Door, "system/Basic.cruds"), "Basic/topic", "%s", basicTopic("http://x.example/basic", "active=true"))
	})
}

// TestWhatTellsHowAResourceWasIsToldToWhoMaySeeThat has a patient's Consent hide how a
// resource was before an event that its topic has because of that.
func TestWhatTellsHowAResourceWasIsToldToWhoMaySeeThat(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		for _, id := range []string{"a", "b"} {
			h.put(t, "Patient/"+id, `{"resourceType":"Patient","id":%q}`, id)
		}
		h.put(t, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		topic := func(name, criteria string) {
			h.put(t, "Basic/"+name, "%s", fmt.Sprintf(`{"resourceType":"Basic","id":%[2]q,"code":{"coding":[{"system":"http://hl7.org/fhir/fhir-types","code":"SubscriptionTopic"}]},"extension":[
				{"url":"%[1]surl","valueUri":"http://x.example/%[2]s"},{"url":"%[1]sstatus","valueCode":"active"},
				{"url":"%[1]sresourceTrigger","extension":[{"url":"resource","valueUri":"Encounter"},{"url":"queryCriteria","extension":[%[3]s]}]}]}`, crossVersion, name, criteria))
		}
		topic("was", `{"url":"previous","valueString":"status=planned"}`)
		topic("is", `{"url":"current","valueString":"status=finished"}`)
		h.sessions.are(func(d *records.Door) (*records.Session, error) { return clinician(t, d), nil })
		h.subscribeTo(t, "was", "http://x.example/was")
		h.subscribeTo(t, "is", "http://x.example/is")
		for _, id := range []string{"1", "2"} {
			h.put(t, "Encounter/"+id, "%s", encounterOf(id, "planned", map[string]string{"1": "a", "2": "b"}[id]))
			h.put(t, "Encounter/"+id, "%s", encounterOf(id, "finished", "b"))
		}
		h.hears(t, "was", "handshake", "1:update:Encounter/1", "2:update:Encounter/2")
		h.hears(t, "is", "handshake", "1:update:Encounter/1", "2:update:Encounter/2")
		consents(t, h.Session(records.Principal{}, nil), "c", "a", denyAll)
		for id, want := range map[fhir.ID][]int64{"was": {2}, "is": {1, 2}} {
			m, _, err := h.log.Message(t.Context(), id, notify.QueryEvent, notify.IDOnly, "", 1, 10, 10)
			var got []int64
			for _, e := range m.Events {
				got = append(got, e.Number)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("of %s events %v are told, and not %v: %v", id, got, want, err)
			}
		}
	})
}

func TestNotificationsAreOfTheReleaseOfTheirSubscription(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t, func(c *records.Config, _ *records.SubscriptionConfig) {
			c.Others = []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)}
		})
		h.subscribeTo(t, "r4", "Patient?active=true")
		content := body("%s", subscriptionOf("r4b", "Patient?active=true"))
		content.Release = definitions.R4B
		if _, err := h.Session(records.Principal{}, nil).Update(t.Context(), key("Subscription/r4b"), content, records.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		h.await(t, "r4b", "active")
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a","active":true}`)
		h.hears(t, "r4", "handshake", "1:create:Patient/a")
		h.hears(t, "r4b", "handshake", "1:create:Patient/a")
		h.receiver.mu.Lock()
		defer h.receiver.mu.Unlock()
		for _, m := range h.receiver.got {
			want, profile := `"resource":{"resourceType":"Parameters"`, notify.BundleProfileR4
			if m.Subscription == "r4b" {
				want, profile = `"resource":{"resourceType":"SubscriptionStatus"`, notify.BundleProfileR4B
			}
			if !bytes.Contains(m.Body, []byte(want)) || !bytes.Contains(m.Body, []byte(`"`+profile+`"`)) {
				t.Errorf("%s: %s", m.Subscription, m.Body)
			}
		}
	})
}
