package main

import (
	"strings"
	"testing"
)

// castAlone is for tests that look at no patients but the cast.
const castAlone = "--sandbox-patients=4"

// hasPatients says whether a server has just so many.
func hasPatients(t *testing.T, p *process, total string) {
	t.Helper()
	_, body := send(t.Context(), client, "GET", p.url+"/Patient?_summary=count", "")
	_, got, _ := strings.Cut(body, `"total":`)
	if !strings.HasPrefix(got, total+",") && !strings.HasPrefix(got, total+"}") {
		t.Errorf("there are not %s patients: %.500s", total, body)
	}
}

func TestASandboxHasAsManyPatientsAsItIsToldTo(t *testing.T) {
	hasPatients(t, startServer(t, "--sandbox", "--read-only", "--sandbox-patients", "6"), "6") // it begins with all of them
	for _, words := range [][]string{{"serve"}, {"tenant", "create", "training"}} {
		if said := command(t, false, nil, append(words, "--sandbox", "--sandbox-patients", "3")...); !strings.Contains(said, "at least the 4 with whom it begins") {
			t.Errorf("three patients of %s: %s", words[0], said)
		}
	}
}
