package sqlite

import (
	"strings"
	"testing"
)

func TestAQueryCountsTheRowsOfEachOfItsTables(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT x1.rid AS rid FROM token x1 WHERE x1.param = ? OR x1.code = ')'":                                                             "SELECT x1.rid AS rid FROM token x1 WHERE #(x1.rid) AND x1.param = ? OR x1.code = ')'",
		"SELECT 1 FROM reference f2 INDEXED BY reference_rid CROSS JOIN resource t3 ON t3.rid = f2.target WHERE f2.rid = r.rid":              "SELECT 1 FROM reference f2 INDEXED BY reference_rid CROSS JOIN resource t3 ON t3.rid = f2.target WHERE #(f2.rid) AND #(t3.rid) AND f2.rid = r.rid",
		"SELECT p.rid FROM (SELECT r.rid AS rid FROM resource r NOT INDEXED LIMIT 5) p CROSS JOIN version v ON v.seq = p.seq ORDER BY p.rid": "SELECT p.rid FROM (SELECT r.rid AS rid FROM resource r NOT INDEXED WHERE #(r.rid) LIMIT 5) p CROSS JOIN version v ON v.seq = p.seq WHERE #(v.seq) ORDER BY p.rid",
		"SELECT rid FROM token UNION ALL SELECT rid FROM date":                                                                               "SELECT rid FROM token WHERE #(token.rid) UNION ALL SELECT rid FROM date WHERE #(date.rid)",
		"WITH RECURSIVE h1 (rid) AS (SELECT k.rid FROM resource k WHERE k.id = ?) SELECT h1.rid FROM h1":                                     "WITH RECURSIVE h1 (rid) AS (SELECT k.rid FROM resource k WHERE #(k.rid) AND k.id = ?) SELECT h1.rid FROM h1",
	} {
		got, ok := counted(query)
		got = strings.NewReplacer("likelihood("+touchedFunction, "#", ", 1.0)", "").Replace(got)
		got = strings.Join(strings.Fields(got), " ")
		if got = strings.ReplaceAll(got, " )", ")"); !ok || got != want {
			t.Errorf("%s\n got %s\nwant %s", query, got, want)
		}
	}
	for _, query := range []string{"SELECT 1 FROM sqlite_schema", "SELECT 1)"} {
		if got, ok := counted(query); ok {
			t.Errorf("%s: %s", query, got)
		}
	}
}
