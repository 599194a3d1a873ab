package smart_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

// readFrom is a FHIR API that f answers, for a user who is signed in.
func readFrom(t *testing.T, f http.HandlerFunc) (fhir *smart.FHIR, base string) {
	t.Helper()
	s := smarttest.New(t)
	c := register(t, s)
	token := signIn(t, c)
	web := httptest.NewServer(f)
	t.Cleanup(web.Close)
	c.Server.Base = web.URL + "/fhir"
	return c.Server.FHIR(c.Source(token, nil)), c.Server.Base
}

func TestAPatientIsReadWithTheToken(t *testing.T) {
	s := smarttest.New(t)
	c := register(t, s)
	var patient struct{ BirthDate string }
	if err := c.Server.FHIR(c.Source(signIn(t, c), nil)).Read(t.Context(), "Patient/maria", &patient); err != nil || patient.BirthDate != "1964-03-17" {
		t.Errorf("%+v, %v", patient, err)
	}
}

func TestASearchIsReadPageByPage(t *testing.T) {
	fhir, _ := readFrom(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("page") {
		case "":
			if r.URL.Path != "/fhir/Observation" || r.URL.Query().Get("code") != "a|b" {
				t.Errorf("asked for %s", r.URL)
			}
			_, _ = w.Write([]byte(`{"resourceType":"Bundle","total":3,"link":[{"relation":"next","url":"?page=2"}],
				"entry":[{"resource":{"id":"1"}},{"search":{"mode":"include"},"resource":{"id":"p"}}]}`))
		case "2":
			_, _ = w.Write([]byte(`{"resourceType":"Bundle","link":[{"relation":"self","url":"?page=2"}],"entry":[{"resource":{"id":"2"}}]}`))
		}
	})
	var found []string
	for e, err := range fhir.All(t.Context(), "Observation", map[string][]string{"code": {"a|b"}}) {
		if err != nil {
			t.Fatal(err)
		}
		var r struct{ ID string }
		if err := json.Unmarshal(e.Resource, &r); err != nil {
			t.Fatal(err)
		}
		found = append(found, e.Mode+r.ID)
	}
	if got := strings.Join(found, " "); got != "1 includep 2" {
		t.Errorf("found %s", got)
	}
	first, err := fhir.Search(t.Context(), "Observation", map[string][]string{"code": {"a|b"}})
	if err != nil || first.Total == nil || *first.Total != 3 {
		t.Fatalf("%+v, %v", first, err)
	}
	last, err := fhir.NextPage(t.Context(), first)
	if err != nil || last.Next != "" {
		t.Fatalf("%+v, %v", last, err)
	}
	if after, err := fhir.NextPage(t.Context(), last); after != nil || err != nil {
		t.Errorf("after the last page: %+v, %v", after, err)
	}
}

func TestALinkToTheNextPageDoesNotCarryTheTokenAway(t *testing.T) {
	fhir, base := readFrom(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"resourceType":"Bundle","link":[{"relation":"next","url":"http://elsewhere.example/fhir?page=2"}]}`))
	})
	if _, err := fhir.Search(t.Context(), "Condition", nil); err == nil || !strings.Contains(err.Error(), "leads away") {
		t.Errorf("error %v", err)
	}
	if _, err := fhir.NextPage(t.Context(), &smart.Bundle{Next: strings.TrimSuffix(base, "fhir") + "other"}); err == nil {
		t.Error("an address outside of the base is asked")
	}
}

func TestASearchThatGoesRoundInACircleEnds(t *testing.T) {
	fhir, _ := readFrom(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"resourceType":"Bundle","link":[{"relation":"next","url":"?again"}],"entry":[{"resource":{}}]}`))
	})
	n := 0
	var last error
	for _, err := range fhir.All(t.Context(), "Condition", nil) {
		n++
		last = err
	}
	if last == nil || n != 1001 {
		t.Errorf("%d entries, error %v", n, last)
	}
}

func TestWhatTheServerRefusesIsATypedError(t *testing.T) {
	for status, kind := range map[int]error{
		http.StatusUnauthorized: smart.ErrUnauthorized, http.StatusForbidden: smart.ErrForbidden, http.StatusNotFound: smart.ErrNotFound,
		http.StatusGone: smart.ErrNotFound, http.StatusInternalServerError: nil,
	} {
		fhir, _ := readFrom(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"x","diagnostics":"because","expression":["Patient.name"]},{"details":{"text":"and so"}}]}`))
		})
		err := fhir.Read(t.Context(), "Patient/1?secret=1", new(any))
		refused, ok := errors.AsType[*smart.FHIRError](err)
		if !ok || refused.Status != status || len(refused.Issues) != 2 || refused.Issues[0].Where[0] != "Patient.name" {
			t.Fatalf("%d: %v", status, err)
		}
		if text := err.Error(); !strings.Contains(text, "because; and so") || strings.Contains(text, "secret") {
			t.Errorf("it says %s", text)
		}
		for _, other := range []error{smart.ErrUnauthorized, smart.ErrForbidden, smart.ErrNotFound, smart.ErrBusy} {
			if errors.Is(err, other) != errors.Is(kind, other) {
				t.Errorf("%d is %v", status, other)
			}
		}
	}
}

func TestWhatIsNoFHIRIsAnError(t *testing.T) {
	for body, want := range map[string]string{`<html>`: "not the FHIR", `{"resourceType":"Patient"}`: "no Bundle"} {
		fhir, _ := readFrom(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
		if _, err := fhir.Search(t.Context(), "Condition", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
	}
}
