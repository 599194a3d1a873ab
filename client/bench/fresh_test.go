package bench

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// synthea is a transaction as Synthea writes it. number tells patients apart;
// all go to one hospital.
func synthea(number int) string {
	patient, visit := fmt.Sprintf("00000000-0000-4000-8000-%012x", number), fmt.Sprintf("00000000-0000-4000-9000-%012x", number)
	entries := []string{
		entryJSON(patient, "Patient", fmt.Sprintf(`"identifier":[{"type":{"text":"SSN"},"system":"http://hl7.org/fhir/sid/us-ssn","value":"999-%d"},`+
			`{"system":"urn:mrn","value":%q}],"telecom":[{"system":"phone","value":"555-0100"}],"text":{"status":"generated","div":"<div>\"%s\"</div>"}`, number, patient, patient)),
		entryJSON(hospital, "Organization", `"identifier":[{"value":"510"}],"name":"General"`),
		entryJSON(visit, "Encounter", fmt.Sprintf(`"status":"finished","class":{"code":"AMB"},"subject":{"reference":"urn:uuid:%s"},`+
			`"serviceProvider":{"reference":"urn:uuid:%s"},"participant":[{"individual":{"reference":"Practitioner?identifier=urn:npi|7"}}]`, patient, hospital)),
	}
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
}

const hospital = "f99c74cc-7d1a-3f95-9a33-4a9357bf2f2a"

func entryJSON(id, kind, rest string) string {
	return fmt.Sprintf(`{"fullUrl":"urn:uuid:%s","resource":{"resourceType":%q,"id":%q,%s},"request":{"method":"POST","url":%q}}`, id, kind, id, rest, kind)
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func renamed(t *testing.T, seed uint64, copied int, bundle string) string {
	t.Helper()
	f, err := newRenaming(seed, copied).bundle(nil, []byte(bundle))
	if err != nil || !json.Valid(f.body) {
		t.Fatalf("%s, %v", f.body, err)
	}
	if want := strings.Count(bundle, `"fullUrl"`); f.resources != want || f.batch {
		t.Errorf("%d resources, not %d; batch %v", f.resources, want, f.batch)
	}
	return string(f.body)
}

func TestACopyDiffersInIdsAndIdentifiersOnlyAndKeepsItsReferences(t *testing.T) {
	before := synthea(1)
	after := renamed(t, 1, 3, before)
	from, to := uuid.FindAllString(before, -1), uuid.FindAllString(after, -1)
	if len(from) != len(to) {
		t.Fatalf("%d UUIDs became %d:\n%s", len(from), len(to), after)
	}
	names := map[string]string{}
	for i, name := range from {
		if names[name] == "" {
			names[name] = to[i]
		}
		if names[name] != to[i] || name == to[i] {
			t.Errorf("%s became %s, and before that %s", name, to[i], names[name])
		}
		before = strings.Replace(before, name, to[i], 1)
	}
	for _, x := range [][2]string{{`"999-1"`, `"999-1-1-3"`}, {`"510"`, `"510-1-3"`}, {`urn:npi|7"`, `urn:npi|7-1-3"`}} {
		before = strings.Replace(before, x[0], x[1], 1)
	}
	if after != before {
		t.Errorf("got  %s\nwant %s", after, before)
	}
}

func TestCopiesShareNothingAndBundlesOfOneCopyTheirOrganization(t *testing.T) {
	ids := func(bundle string) []string {
		all := uuid.FindAllString(bundle, -1)
		slices.Sort(all)
		return slices.Compact(all)
	}
	common := func(a, b string) (n int) {
		for _, id := range ids(a) {
			if slices.Contains(ids(b), id) {
				n++
			}
		}
		return n
	}
	one := renamed(t, 1, 0, synthea(1))
	if n := common(one, renamed(t, 1, 0, synthea(2))); n != 1 {
		t.Errorf("two Bundles of one copy share %d ids, not their Organization's", n)
	}
	for _, other := range []string{renamed(t, 1, 1, synthea(1)), renamed(t, 2, 0, synthea(1)), synthea(1)} {
		if n := common(one, other); n != 0 {
			t.Errorf("two copies share %d ids:\n%s\n%s", n, one, other)
		}
	}
	if renamed(t, 1, 0, synthea(1)) != one {
		t.Error("the same copy of the same seed differs")
	}
}

func TestWhatIsNoSyntheaBundleIsRefused(t *testing.T) {
	for bundle, want := range map[string]string{
		`{"resourceType":"Patient","id":"a"}`: "not a Bundle",
		`{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"http://a.example/Patient/1","resource":{}}]}`: "entry 1",
		synthea(1)[:400]: "no end",
		`[`:              "not a Bundle",
	} {
		if _, err := newRenaming(1, 0).bundle(nil, []byte(bundle)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, not %q", bundle, err, want)
		}
	}
}

func FuzzARenamedBundleStaysJSON(f *testing.F) {
	f.Add([]byte(synthea(1)))
	f.Add([]byte(`{"resourceType":"Bundle","entry":[{"fullUrl":"\"","identifier":[[{"value":"\\"}]]}]}`))
	f.Fuzz(func(t *testing.T, bundle []byte) {
		if got, err := newRenaming(1, 1).bundle(nil, bundle); err == nil && json.Valid(bundle) && !json.Valid(got.body) {
			t.Errorf("%q became %q", bundle, got.body)
		}
	})
}
