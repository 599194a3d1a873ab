package kit

import (
	"encoding/json"
	"strings"
	"testing"
)

// Whatever an EHR sends, a style holds values that cannot end their declaration.
func FuzzAStyleHoldsValuesOnly(f *testing.F) {
	f.Add("color_background", "#fff", "#112233")
	f.Add("font_family_body", "Georgia, serif", "url(//evil)")
	f.Add("dim_font_size", "16px; }", "16px")
	f.Fuzz(func(t *testing.T, name, value, background string) {
		body, err := json.Marshal(map[string]string{"color_background": background, name: value})
		if err != nil {
			t.Skip()
		}
		for own, value := range parseStyle(body) {
			if !strings.HasPrefix(own, "--") || strings.ContainsAny(value, ";{}:/\\\"<>\n") {
				t.Errorf("%s: %s", own, value)
			}
		}
	})
}
