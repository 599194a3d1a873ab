package synth

import (
	"strings"
	"testing"
)

func TestNamesOfAnotherScriptAreWrittenInBoth(t *testing.T) {
	for _, o := range readTables().origins {
		for column, own := range map[string]string{"women": "ownWomen", "men": "ownMen", "families": "ownFamilies"} {
			if a, b := len(strings.Fields(o[column])), len(strings.Fields(o[own])); o["script"] != "" && a != b || o["script"] == "" && b != 0 {
				t.Errorf("%s: %d %s, %d in their own script", o["origin"], a, column, b)
			}
		}
	}
	missing := map[string]string{"Chinese": `"valueCode":"IDE"}],"use":"usual","text":"黄佳"`, "Indian": `"family":"पटेल"`, "Arabic": `"given":["فاطمة`}
	for record := range Generate(1, 400, asOf) {
		for _, r := range record.Resources {
			for origin, text := range missing {
				if r.Type == "Patient" && strings.Contains(string(r.JSON), text) && strings.Contains(string(r.JSON), `"valueCode":"ABC"}],"use":"official"`) {
					delete(missing, origin)
				}
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("nobody is written so: %v", missing)
	}
}
