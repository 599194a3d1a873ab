package main

import (
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestAlertsAreSeenToByCommands(t *testing.T) {
	dir := t.TempDir()
	p := startClosed(t, "--data", dir)
	p.kill()
	for kind, place := range map[string][]string{"SQLite": {"--data", dir}, "PostgreSQL": {"--database", pgtest.URL(t)}} {
		t.Run(kind, func(t *testing.T) {
			var s store.Store
			var err error
			if kind == "SQLite" {
				s, err = sqlite.Open(t.Context(), dir)
			} else {
				s, err = postgres.Open(t.Context(), pgtest.URL(t), schemaOf(""))
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err = alerts.NewBook(s, time.Now).Evaluator(true).Evaluate(t.Context(), time.Now(), alerts.Readings{alerts.Disk: {{Value: 100}}}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			command := func(args ...string) string {
				return mustRun(t, append(append([]string{"alert"}, args...), place...)...)
			}
			for _, c := range []struct{ args, want string }{
				{"list", "disk/  firing  100 MiB  2048 MiB"}, {"acknowledge disk/", "Nobody is reminded of disk/."}, {"list", "looks after it"},
				{"silence disk/ --for 8h", "Nobody is told of disk/ for 8h0m0s."}, {"list", "silenced until"},
				{"limit disk 4096", "The limit of disk is 4096 MiB."}, {"rules", "below 4096 MiB  new server: 2048 MiB"}, {"limit errors --off", "errors is switched off."},
				{"rules", "above 5 %"}, {"reset disk", "disk is as on a new server."},
			} {
				if out := command(strings.Fields(c.args)...); !strings.Contains(out, c.want) {
					t.Errorf("alert %s: %s", c.args, out)
				}
			}
			for _, bad := range []string{"acknowledge disk/none", "limit disk", "limit disk 1 --off", "limit disk much", "limit none 1", "reset none", "silence disk/ --for 100000h"} {
				if code, _, out := invoke(t, append(append([]string{"alert"}, strings.Fields(bad)...), place...)...); code != 2 {
					t.Errorf("alert %s: %d %s", bad, code, out)
				}
			}
		})
	}
}

func TestAlertsAreSeenToWhileAServerRuns(t *testing.T) {
	dir := t.TempDir()
	startClosed(t, "--data", dir)
	if out := mustRun(t, "alert", "limit", "disk", "4096", "--data", dir); !strings.Contains(out, "4096 MiB") {
		t.Error(out)
	}
	if out := mustRun(t, "alert", "rules", "--data", dir); !strings.Contains(out, "below 4096 MiB") {
		t.Error(out)
	}
}
