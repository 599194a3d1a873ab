package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/client/doctor"
)

// The server passes the examination that it offers for others.
func TestTheSandboxPassesItsOwnExamination(t *testing.T) {
	p := startClosed(t, "--sandbox")
	page := filepath.Join(t.TempDir(), "report.html")
	out, err := ingle(t, "doctor", p.url, "--token", p.token, "--html", page)
	if err != nil || !strings.Contains(out, "Nothing that the standards demand is missing") || strings.Contains(out, "US Core searches: 0 ok") {
		t.Fatalf("%s%v", out, err)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "Observation?patient&amp;category&amp;date") {
		t.Errorf("the page: %v", err)
	}
	out, err = ingle(t, "doctor", p.url, "--json")
	var reports []doctor.Report
	if json.Unmarshal([]byte(out), &reports) != nil || err != nil || len(reports) != 1 || reports[0].Count("US Core searches", doctor.Skip) != 1 {
		t.Errorf("%.300s %v", out, err)
	}
}

func TestATokenIsSentToOneServerAlone(t *testing.T) {
	out, err := ingle(t, "doctor", "https://a.example/fhir", "https://b.example/fhir", "--token", "x")
	if err == nil || !strings.Contains(out, "one server") {
		t.Errorf("%s%v", out, err)
	}
}
