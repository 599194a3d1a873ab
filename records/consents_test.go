package records_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// clinician is a session of a Practitioner dr of an organization, for treatment, as
// it is made now.
func clinician(t testing.TB, d *records.Door) *records.Session {
	t.Helper()
	actors, err := d.Actors(t.Context(), key("Practitioner/dr"))
	if err != nil {
		t.Fatal(err)
	}
	scopes, err := smart.ParseScopes("user/*.cruds")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := d.Rules(t.Context(), access.Grant{Scopes: scopes, User: key("Practitioner/dr"), Asker: access.Asker{Actors: actors, Purpose: "TREAT"}})
	if err != nil {
		t.Fatal(err)
	}
	return d.Session(records.Principal{ID: "dr"}, rules)
}

// consents stores a Consent of a patient with a provision.
func consents(t testing.TB, s *records.Session, id, patient, provision string) {
	t.Helper()
	put(t, s, "Consent/"+id, `{"resourceType":"Consent","id":%q,"status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/%s"},"dateTime":"2024-05-01","provision":%s}`, id, patient, provision)
}

const (
	denyAll  = `{"type":"deny"}`
	denyDr   = `{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"recipient"},"reference":{"reference":"Practitioner/dr"}}]}]}`
	denyOrg  = `{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"recipient"},"reference":{"reference":"Organization/o"}}]}]}`
	denyTeam = `{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"recipient"},"reference":{"reference":"CareTeam/t"}}]}]}`
	permit   = `{"type":"permit"}`
)

func TestAConsentHoldsAtTheNextRequestOfEveryProcess(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		other := d
		if db.name == "postgres" {
			other = db.door(t, records.Policy{})
		}
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		for _, p := range []string{"p", "q"} {
			patient(t, s, p)
			for n := range 3 {
				observation(t, s, fmt.Sprintf("%s%d", p, n), "Patient/"+p)
			}
		}
		sees := func(when string, patients, observations int64) {
			t.Helper()
			for name, d := range map[string]*records.Door{"here": d, "elsewhere": other} {
				dr := clinician(t, d)
				if n := count(t, dr, "Patient", ""); n != patients {
					t.Errorf("%s, %s: %d patients, want %d", when, name, n, patients)
				}
				if n := count(t, dr, "Observation", ""); n != observations {
					t.Errorf("%s, %s: %d observations, want %d", when, name, n, observations)
				}
			}
		}
		sees("without consents", 2, 6)
		consents(t, s, "c", "p", denyAll)
		sees("after a denial", 1, 3)
		consents(t, s, "c", "p", denyDr)
		sees("after a denial of the asker", 1, 3)
		consents(t, s, "c", "q", denyDr)
		sees("after it is another patient's", 1, 3)
		if n := count(t, clinician(t, d), "Observation", "subject=Patient/p"); n != 3 {
			t.Errorf("of the first patient: %d", n)
		}
		consents(t, s, "d", "p", denyAll)
		sees("after a denial of each", 0, 0)
		if _, err := s.Delete(t.Context(), key("Consent/d"), records.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		sees("after one is deleted", 1, 3)
		consents(t, s, "c", "q", permit)
		sees("after all is permitted", 2, 6)
	})
}

func TestAConsentThatNamesAnOrganizationOrACareTeamIsOfItsMembers(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		put(t, s, "Organization/o", `{"resourceType":"Organization","id":"o","name":"O"}`)
		patient(t, s, "p")
		put(t, s, "CareTeam/t", `{"resourceType":"CareTeam","id":"t","status":"active"}`)
		consents(t, s, "c", "p", denyOrg)
		if n := count(t, clinician(t, d), "Patient", ""); n != 1 {
			t.Errorf("who does not belong to it sees %d", n)
		}
		put(t, s, "PractitionerRole/r", `{"resourceType":"PractitionerRole","id":"r","practitioner":{"reference":"Practitioner/dr"},"organization":{"reference":"Organization/o"}}`)
		if n := count(t, clinician(t, d), "Patient", ""); n != 0 {
			t.Errorf("who belongs to it sees %d", n)
		}
		consents(t, s, "c", "p", denyTeam)
		if n := count(t, clinician(t, d), "Patient", ""); n != 1 {
			t.Errorf("who does not belong to the team sees %d", n)
		}
		put(t, s, "CareTeam/t", `{"resourceType":"CareTeam","id":"t","status":"active","participant":[{"member":{"reference":"Practitioner/dr"}}]}`)
		if n := count(t, clinician(t, d), "Patient", ""); n != 0 {
			t.Errorf("who belongs to the team sees %d", n)
		}
		put(t, s, "Group/g", `{"resourceType":"Group","id":"g","type":"practitioner","actual":true}`)
		consents(t, s, "c", "p", strings.Replace(denyTeam, "CareTeam/t", "Group/g", 1))
		if n := count(t, clinician(t, d), "Patient", ""); n != 1 {
			t.Errorf("who does not belong to the group sees %d", n)
		}
		put(t, s, "Group/g", `{"resourceType":"Group","id":"g","type":"practitioner","actual":true,"member":[{"entity":{"reference":"Practitioner/dr"}}]}`)
		if n := count(t, clinician(t, d), "Patient", ""); n != 0 {
			t.Errorf("who belongs to the group sees %d", n)
		}
	})
}

func TestAConsentNamesItsPatientActorsAndDataByWhateverReference(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		put(t, s, "Organization/o", `{"resourceType":"Organization","id":"o","name":"o"}`)
		put(t, s, "PractitionerRole/r", `{"resourceType":"PractitionerRole","id":"r","practitioner":{"reference":%q},"organization":{"reference":%q}}`, base+"/Practitioner/dr", base+"/Organization/o")
		patient(t, s, "p")
		observation(t, s, "o", "Patient/p")
		for _, form := range []string{"%s", base + "/%s", "%s/_history/1", base + "/%s/_history/1"} {
			as := func(name string) string { return fmt.Sprintf(form, name) }
			for what, provision := range map[string]string{
				"an actor":        strings.Replace(denyDr, "Practitioner/dr", as("Practitioner/dr"), 1),
				"an organization": strings.Replace(denyOrg, "Organization/o", as("Organization/o"), 1),
				"data":            fmt.Sprintf(`{"type":"permit","provision":[{"type":"deny","data":[{"meaning":"instance","reference":{"reference":%q}}]}]}`, as("Observation/o")),
			} {
				put(t, s, "Consent/c", `{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
					"policy":[{"uri":"https://policy.example"}],"patient":{"reference":%q},"dateTime":"2024-05-01","provision":%s}`, as("Patient/p"), provision)
				if n := count(t, clinician(t, d), "Observation", ""); n != 0 {
					t.Errorf("%s by %s is still seen", what, form)
				}
			}
			if _, err := s.Delete(t.Context(), key("Consent/c"), records.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			if n := count(t, clinician(t, d), "Observation", ""); n != 1 {
				t.Errorf("%s: %d without the consent", form, n)
			}
		}
	})
}

func TestTheFirstConsentThatNamesAnOrganizationHoldsAtTheNextRequest(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		put(t, s, "Organization/o", `{"resourceType":"Organization","id":"o","name":"O"}`)
		put(t, s, "PractitionerRole/r", `{"resourceType":"PractitionerRole","id":"r","practitioner":{"reference":"Practitioner/dr"},"organization":{"reference":"Organization/o"}}`)
		patient(t, s, "p")
		consents(t, s, "c", "p", denyOrg)
		if n := count(t, clinician(t, d), "Patient", ""); n != 0 {
			t.Errorf("who belongs to it sees %d", n)
		}
	})
}

func TestConsentsThatAreWrittenAtOnceAllCount(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		patient(t, s, "p")
		types := []string{"Observation", "Condition", "Procedure", "Encounter", "Flag", "Goal", "Immunization", "List"}
		for _, typ := range types {
			switch typ {
			case "Observation":
				observation(t, s, "x", "Patient/p")
			case "Flag":
				put(t, s, "Flag/x", `{"resourceType":"Flag","id":"x","status":"active","code":{"text":"f"},"subject":{"reference":"Patient/p"}}`)
			}
		}
		var all sync.WaitGroup
		for n, typ := range types {
			all.Go(func() {
				consents(t, s, fmt.Sprintf("c%d", n), "p", fmt.Sprintf(`{"type":"permit","provision":[{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":%q}]}],
					"actor":[{"role":{"text":"recipient"},"reference":{"reference":"Practitioner/dr"}}]}`, typ))
			})
		}
		all.Wait()
		dr := clinician(t, d)
		if n := count(t, dr, "Observation", "") + count(t, dr, "Flag", ""); n != 0 {
			t.Errorf("%d are seen", n)
		}
		if n := count(t, dr, "Patient", ""); n != 1 {
			t.Errorf("%d patients are seen", n)
		}
	})
}

func TestAConsentComesBeforeItsPatientAndIsExpungedWithTheOthers(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		policy := records.Policy{AllowDangling: true, Expunge: true}
		d := db.door(t, policy)
		s := d.Session(records.Principal{ID: "tester"}, nil)
		consents(t, s, "c", "p", denyAll)
		patient(t, s, "p")
		if n := count(t, clinician(t, d), "Patient", ""); n != 0 {
			t.Errorf("%d are seen", n)
		}
		if _, err := s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Consent/c"), Everything: true}); err != nil {
			t.Fatal(err)
		}
		if n := count(t, clinician(t, d), "Patient", ""); n != 1 {
			t.Errorf("after the expunge %d are seen", n)
		}
	})
}

func TestHiddenByConsentIsAsMissing(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		observation(t, s, "x", "Patient/p")
		consents(t, s, "c", "p", denyAll)
		dr := clinician(t, d)
		_, hidden := dr.Read(t.Context(), key("Observation/x"), records.ReadOptions{})
		_, missing := dr.Read(t.Context(), key("Observation/y"), records.ReadOptions{})
		if fmt.Sprint(hidden) != fmt.Sprint(missing) && hidden != nil && missing != nil {
			if got, want := hidden.Error(), missing.Error(); len(got) != len(want) {
				t.Errorf("hidden: %v\nmissing: %v", hidden, missing)
			}
		}
		if hidden == nil {
			t.Error("it is read")
		}
		if _, err := dr.History(t.Context(), records.HistoryRequest{Type: "Observation", ID: "x"}); err == nil {
			t.Error("its history is read")
		}
	})
}

func TestAConsentInTheMiddleOfAWalkHoldsFromTheNextPage(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		for n := range 9 {
			patient(t, s, fmt.Sprintf("p%d", n))
		}
		for _, query := range []string{"_count=2", "_count=2&_sort=_id", "_count=2&_sort=-_id"} {
			var seen []string
			request := records.SearchRequest{Type: "Patient", Pairs: pairs(t, query)}
			for page := 0; ; page++ {
				res, err := clinician(t, d).Search(t.Context(), request)
				if err != nil {
					t.Fatalf("%s, page %d: %v", query, page, err)
				}
				for _, e := range res.Entries {
					seen = append(seen, string(e.Key.ID))
				}
				if page == 1 {
					consents(t, s, "c", "p4", denyDr)
				}
				if request.After = res.Next; request.After == "" {
					break
				}
			}
			// p4 comes on the third page of all three walks.
			if len(seen) != 8 || slices.Contains(seen, "p4") {
				t.Errorf("%s: %v", query, seen)
			}
			if _, err := s.Delete(t.Context(), key("Consent/c"), records.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAConsentOfTheFutureYieldsToWhatIsDecidedAfterIt(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{}, nil)
		patient(t, s, "p")
		put(t, s, "Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`)
		for _, c := range []struct {
			id, dateTime, provision string
			seen                    bool
		}{{"c1", "2099-01-01", permit, true}, {"c2", "2098-01-01", denyAll, false}, {"c3", "2097-01-01", permit, true}} {
			put(t, s, "Consent/"+c.id, `{"resourceType":"Consent","id":%q,"status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
				"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/p"},"dateTime":%q,"provision":%s}`, c.id, c.dateTime, c.provision)
			if _, err := clinician(t, d).Read(t.Context(), key("Observation/o"), records.ReadOptions{}); (err == nil) != c.seen {
				t.Errorf("after %s: %v", c.id, err)
			}
		}
	})
}

// What a new version would refer to decides, too, whether it may be written: a hidden patient, an Encounter
// whose labels it would have, what it tells about. That must not tell that these are there.
func TestWhatWouldBelongToSomethingHiddenIsRefusedAsThoughThatWereMissing(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "seen")
		patient(t, s, "hidden")
		put(t, s, "Encounter/hidden", `{"resourceType":"Encounter","id":"hidden","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},
			"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/seen"}}`)
		observation(t, s, "hidden", "Patient/hidden")
		observation(t, s, "own", "Patient/seen")
		consents(t, s, "all", "hidden", denyAll)
		consents(t, s, "label", "seen", `{"type":"permit","provision":[{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}]}`)
		dr := clinician(t, d)
		for _, content := range []string{
			`{"resourceType":"Observation","id":"own","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/ID"}}`,
			`{"resourceType":"Observation","id":"own","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/seen"},"encounter":{"reference":"Encounter/ID"}}`,
			`{"resourceType":"Provenance","id":"own","recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"somebody"}}],"target":[{"reference":"Observation/ID"}]}`,
		} {
			ways := map[string]func(r records.Content) error{
				"create": func(c records.Content) error {
					_, err := dr.Create(t.Context(), "", c, records.CreateOptions{})
					return err
				},
				"transaction": func(c records.Content) error {
					typ, _, _ := strings.Cut(strings.TrimPrefix(string(c.JSON), `{"resourceType":"`), `"`)
					_, err := dr.Bundle(t.Context(), body(`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":%s,"request":{"method":"POST","url":%q}}]}`, c.JSON, typ), records.BundleOptions{})
					return err
				},
			}
			if strings.Contains(content, "Observation\",\"id") {
				ways["update"] = func(c records.Content) error {
					_, err := dr.Update(t.Context(), key("Observation/own"), c, records.UpdateOptions{})
					return err
				}
			}
			for name, way := range ways {
				of := func(id string) string {
					err := way(body("%s", strings.ReplaceAll(content, "/ID", "/"+id)))
					refused(t, err, fault.Unprocessable, "/"+id+" does not exist here")
					return strings.ReplaceAll(err.Error(), id, "ID")
				}
				if hidden, missing := of("hidden"), of("absent"); hidden != missing {
					t.Errorf("%s of %s:\nhidden:  %s\nmissing: %s", name, content, hidden, missing)
				}
			}
		}
	})
}
