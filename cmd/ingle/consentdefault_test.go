package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConsentDefaultsAreSetBesideAServerAndRecorded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	for name, where := range map[string][]string{
		"sqlite":   {"--data", dir},
		"postgres": {"--database", freshDatabase(t), "--key-file", filepath.Join(t.TempDir(), "ingle.key")},
	} {
		t.Run(name, func(t *testing.T) {
			startClosed(t, where...)
			run := func(args ...string) string {
				t.Helper()
				of := where
				if args[0] == "consent-default" {
					of = where[:2]
				}
				out, err := ingle(t, append(args, of...)...)
				if err != nil {
					t.Fatalf("%s: %v", out, err)
				}
				return out
			}
			run("consent-default", "set", "break-glass-only")
			if out := run("consent-default", "show"); strings.Contains(out, "TREAT") || !strings.Contains(out, "BTG") {
				t.Error(out)
			}
			recorded := ""
			for range 1200 { // the log numbers it within a second
				if recorded = run("audit", "export"); strings.Contains(recorded, "consent-default set") {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if !strings.Contains(recorded, "command: consent-default set break-glass-only {[BTG] [http://terminology.hl7.org/CodeSystem/v3-ActCode|42CFRPart2") {
				t.Errorf("%.2000s", recorded)
			}
			run("consent-default", "reset")
			if out := run("consent-default", "show"); !strings.Contains(out, "TREAT") {
				t.Error(out)
			}
		})
	}
}
