package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/alerts"
)

var update = flag.Bool("update", false, "write the tables of the documents anew")

// described is a metric as /metrics tells it.
type described struct {
	name, kind, help string
	labels           []string // nil when it has no value yet
}

var (
	helpLine   = regexp.MustCompile(`^# HELP (\S+) (.*)$`)
	typeLine   = regexp.MustCompile(`^# TYPE (\S+) (\S+)$`)
	sampleLine = regexp.MustCompile(`^([a-z0-9_]+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$`)
	labelPair  = regexp.MustCompile(`([a-z_]+)="`)
)

// describe lists the metrics of a server, in order.
func describe(t *testing.T) []described {
	t.Helper()
	p := startClosed(t, "--sandbox", castAlone, "--metrics-listen", "127.0.0.1:0", "--audit-log", t.TempDir()+"/copy")
	send(t.Context(), client, "GET", p.url+"/Patient?_count=1", "", "Authorization", "Bearer "+p.token)
	_, text := send(t.Context(), client, "GET", p.metrics, "")
	var all []described
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := helpLine.FindStringSubmatch(line); m != nil {
			all = append(all, described{name: m[1], help: m[2]})
		} else if m := typeLine.FindStringSubmatch(line); m != nil {
			all[len(all)-1].kind = m[2]
		} else if m := sampleLine.FindStringSubmatch(line); m != nil && all[len(all)-1].labels == nil {
			all[len(all)-1].labels = []string{}
			for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
				if pair[1] != "le" {
					all[len(all)-1].labels = append(all[len(all)-1].labels, pair[1])
				}
			}
		}
	}
	if len(all) < 40 {
		t.Fatalf("only %d metrics in %s", len(all), text)
	}
	return all
}

const watchingPage = "../../docs/watching.md"

var metricRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| (\\w+) \\| (.*?) \\| (.*) \\|$")

// The table of the document is that of a server; -update writes it.
func TestTheDocumentListsEveryMetric(t *testing.T) {
	all := describe(t)
	text, err := os.ReadFile(watchingPage)
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{}
	var rows []string
	for _, m := range metricRow.FindAllStringSubmatch(string(text), -1) {
		labels[m[1]] = m[3]
		rows = append(rows, m[0])
	}
	var want []string
	for _, m := range all {
		of := labels[m.name]
		if m.labels != nil {
			of = strings.Join(m.labels, ", ")
		}
		want = append(want, "| `"+m.name+"` | "+m.kind+" | "+of+" | "+m.help+" |")
	}
	if *update {
		begin, rest, _ := strings.Cut(string(text), "<!-- metrics -->\n")
		_, end, _ := strings.Cut(rest, "<!-- end of metrics -->\n")
		table := "| Metric | Type | Labels | What |\n|---|---|---|---|\n" + strings.Join(want, "\n") + "\n"
		if err := os.WriteFile(watchingPage, []byte(begin+"<!-- metrics -->\n"+table+"<!-- end of metrics -->\n"+end), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, row := range want {
		if !slices.Contains(rows, row) {
			t.Errorf("%s lacks %s", watchingPage, row)
		}
	}
	for _, row := range rows {
		if !slices.Contains(want, row) {
			t.Errorf("%s has %s, which no server tells", watchingPage, row)
		}
	}
}

// The table of rules is that of the program; -update writes it.
func TestTheDocumentListsEveryRuleOfAlerts(t *testing.T) {
	want := "| Rule | Fires | For | What it says | What to do |\n|---|---|---|---|---|\n"
	for _, r := range alerts.Rules() {
		when, how := "above "+alerts.Told(r.Limit, r.Unit), "at once"
		if r.Below {
			when = "below " + alerts.Told(r.Limit, r.Unit)
		}
		if r.For > 0 {
			how = fmt.Sprintf("%d s", int(r.For.Seconds()))
		}
		want += "| `" + r.Name + "`: " + r.Title + " | " + when + " | " + how + " | " + r.Means + " | " + r.Advice + " |\n"
	}
	text, err := os.ReadFile(watchingPage)
	if err != nil {
		t.Fatal(err)
	}
	begin, rest, _ := strings.Cut(string(text), "<!-- alerts -->\n")
	table, end, _ := strings.Cut(rest, "<!-- end of alerts -->\n")
	if *update {
		if err := os.WriteFile(watchingPage, []byte(begin+"<!-- alerts -->\n"+want+"<!-- end of alerts -->\n"+end), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if table != want {
		t.Errorf("%s has another table of rules: write it anew with -update", watchingPage)
	}
}

var (
	askedMetric = regexp.MustCompile(`\b((?:ingle|go|process)_[a-z0-9_]+)(?:\{([^}]*)\})?`)
	byLabels    = regexp.MustCompile(`by \(([a-z_, ]+)\)`)
	matcher     = regexp.MustCompile(`([a-z_]+)=~?"`)
)

// Every query of the dashboard names metrics that exist, with labels that they have.
func TestTheDashboardAsksForMetricsThatExist(t *testing.T) {
	known := map[string]described{}
	for _, m := range describe(t) {
		known[m.name] = m
	}
	text, err := os.ReadFile("../../docs/grafana/ingle.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Query string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, v := range board.Templating.List {
		if strings.HasPrefix(v.Query, "label_values(") {
			queries = append(queries, v.Query)
		}
	}
	for _, p := range board.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %s asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	asked := map[string]bool{}
	for _, q := range queries {
		found := askedMetric.FindAllStringSubmatch(q, -1)
		if len(found) == 0 {
			t.Errorf("%s names no metric", q)
		}
		for _, one := range found {
			name := one[1]
			m, ok := known[name]
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if base, cut := strings.CutSuffix(name, suffix); cut && known[base].kind == "histogram" {
					m, ok = known[base], true
				}
			}
			if !ok {
				t.Errorf("%s: there is no metric %s", q, name)
				continue
			}
			asked[m.name] = true
			if m.labels == nil {
				continue // none has a value yet
			}
			var labels []string
			for _, l := range matcher.FindAllStringSubmatch(one[2], -1) {
				labels = append(labels, l[1])
			}
			for _, l := range byLabels.FindAllStringSubmatch(q, -1) {
				labels = append(labels, strings.Split(l[1], ", ")...)
			}
			for _, l := range labels {
				if !slices.Contains(m.labels, l) && l != "job" && l != "instance" && l != "le" {
					t.Errorf("%s: %s has no label %s", q, m.name, l)
				}
			}
		}
	}
	if len(queries) < 30 || len(asked) < 20 {
		t.Errorf("%d queries of %d metrics", len(queries), len(asked))
	}
}
