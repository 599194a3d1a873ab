package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// crud is the life of one resource.
func crud(ctx context.Context, w *worker) error {
	kind, make := "Patient", w.patientJSON
	if w.rand.IntN(2) == 0 {
		kind, make = "Observation", func(id string) []byte { return w.observationJSON(id, "", "") }
	}
	location, _, err := w.do(ctx, http.MethodPost, "/"+kind, make(""), http.StatusCreated)
	if err != nil {
		return err
	}
	w.wrote(1)
	id, err := locationID(kind, location)
	if err != nil {
		return err
	}
	path := "/" + kind + "/" + id
	for _, step := range []struct {
		method string
		body   []byte
		want   []int
	}{
		{http.MethodGet, nil, []int{http.StatusOK}},
		{http.MethodPut, make(id), []int{http.StatusOK}},
		{http.MethodGet, nil, []int{http.StatusOK}},
		{http.MethodDelete, nil, []int{http.StatusOK, http.StatusNoContent, http.StatusAccepted}},
	} {
		if _, _, err := w.do(ctx, step.method, path, step.body, step.want...); err != nil {
			return err
		}
	}
	w.wrote(-1)
	return nil
}

// smallTransaction creates a patient with an encounter, an observation and a
// condition.
func smallTransaction(ctx context.Context, w *worker) error {
	_, _, err := w.do(ctx, http.MethodPost, "", w.bundle(1, 1, 1), http.StatusOK)
	if err == nil {
		w.wrote(4)
	}
	return err
}

// patientBundle creates a whole patient and remembers it for the reads.
func patientBundle(ctx context.Context, w *worker) error {
	const encounters, observations, conditions = 6, 48, 5
	bundle := w.bundle(encounters, observations, conditions)
	_, answer, err := w.do(ctx, http.MethodPost, "", bundle, http.StatusOK)
	if err != nil {
		return err
	}
	p, err := created(bundle, answer)
	if err != nil {
		return err
	}
	if p.id == "" || len(p.observations) != observations {
		return fmt.Errorf("the answer to a transaction does not locate what it created: %.300s", answer)
	}
	w.wrote(1 + encounters + observations + conditions)
	w.remember(p)
	return nil
}

// created reads the patient in a transaction or batch and the locations in its
// answer.
func created(bundle, answer []byte) (p patient, err error) {
	var request struct {
		Entry []struct {
			Resource struct {
				ResourceType, BirthDate string
				Name                    []struct{ Family string }
			}
		}
	}
	if err := json.Unmarshal(bundle, &request); err != nil {
		return p, fmt.Errorf("a Bundle to send: %w", err)
	}
	for _, e := range request.Entry {
		if e.Resource.ResourceType == "Patient" && len(e.Resource.Name) > 0 {
			p.family, p.born = e.Resource.Name[0].Family, e.Resource.BirthDate
		}
	}
	var response struct {
		Entry []struct {
			Response struct{ Status, Location string }
		}
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return p, fmt.Errorf("the answer to a transaction: %w", err)
	}
	for i, e := range response.Entry {
		if !strings.HasPrefix(e.Response.Status, "2") {
			return p, fmt.Errorf("entry %d of a batch was answered with %q", i+1, e.Response.Status)
		}
		if id, err := locationID("Patient", e.Response.Location); err == nil {
			p.id = id
		}
		for kind, ids := range map[string]*[]string{"Encounter": &p.encounters, "Observation": &p.observations} {
			if id, err := locationID(kind, e.Response.Location); err == nil {
				*ids = append(*ids, id)
			}
		}
	}
	return p, nil
}

// readMix is one request of an app that shows charts: half reads by id, half
// searches of a page of 20. Every answer is as large in a large database as in a
// small one.
func readMix(ctx context.Context, w *worker) error {
	w.mu.Lock()
	p := w.patients[w.rand.IntN(len(w.patients))]
	w.mu.Unlock()
	path := ""
	switch n := w.rand.IntN(100); {
	case n < 20:
		path = "/Patient/" + p.id
	case n < 50:
		path = "/Observation/" + p.observations[w.rand.IntN(len(p.observations))]
	case n < 65:
		path = "/Observation?patient=" + p.id + "&code=http://loinc.org|" + vitals[w.rand.IntN(len(vitals))].code + "&_count=20"
	case n < 75:
		path = "/Encounter?patient=" + p.id + "&_count=20"
	case n < 83:
		path = "/Observation?patient=" + p.id + "&category=vital-signs&date=ge2020-01-01&_sort=-date&_count=20"
	case n < 90:
		path = "/Condition?patient=" + p.id + "&clinical-status=active&_count=20"
	case n < 95:
		path = "/Patient?family=" + url.QueryEscape(p.family) + "&birthdate=" + p.born + "&_count=20"
	default:
		path = "/Encounter?_id=" + p.encounters[0] + "&_include=Encounter:subject"
	}
	_, _, err := w.do(ctx, http.MethodGet, path, nil, http.StatusOK)
	return err
}

// locationID takes the id out of ".../Patient/123/_history/1".
func locationID(kind, location string) (string, error) {
	_, rest, ok := strings.Cut("/"+location, "/"+kind+"/")
	if id, _, _ := strings.Cut(rest, "/"); ok && id != "" {
		return id, nil
	}
	return "", fmt.Errorf("the Location %q does not name a %s", location, kind)
}
