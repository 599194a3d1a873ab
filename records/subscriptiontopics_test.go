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
