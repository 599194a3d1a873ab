package pages

import (
	"html/template"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func FuzzLocal(f *testing.F) {
	for _, path := range []string{"/account/users", "//evil.example", "/clinic?q=x", "/clinic/../../x", "https://evil.example/clinic", `/clinic\\evil`, "/clinic%2f%2fevil"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := Local(path, "/account", "/account", "/clinic")
		at, _, _ := strings.Cut(got, "?")
		if at != "/account" && !strings.HasPrefix(at, "/account/") && at != "/clinic" && !strings.HasPrefix(at, "/clinic/") || strings.Contains(at, "//") || strings.ContainsAny(got, "\\\r\n") {
			t.Errorf("%q leads to %q", path, got)
		}
	})
}

func TestABrowserIsLedToRoomsOfThisServerOnly(t *testing.T) {
	for path, want := range map[string]string{
		"/clinic": "/clinic", "/clinic/patient/x?tab=labs": "/clinic/patient/x?tab=labs", "/clinics": "/account", "//evil.example/clinic": "/account",
		"https://evil.example/clinic": "/account", "/clinic/../account": "/account", "": "/account", "/clinic#x": "/account", `/clinic\evil`: "/account",
	} {
		if got := Local(path, "/account", "/account", "/clinic"); got != want {
			t.Errorf("%q leads to %q, want %q", path, got, want)
		}
	}
}

func TestAPageRunsNothingButSharedScripts(t *testing.T) {
	w := httptest.NewRecorder()
	body := template.Must(template.New("x").Parse(`<h1>{{.}}</h1>`))
	f := Frame{Title: "<script>", Frames: []string{"http://127.0.0.1:9"}, Targets: []string{"https://app.example"}, Problems: []Problem{{"name", "wrong"}}}
	if err := Write(w, 200, f, body, "<script>alert(1)</script>"); err != nil {
		t.Fatal(err)
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-src http://127.0.0.1:9", "form-action 'self' https://app.example", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s is missing in %s", want, policy)
		}
	}
	if page := w.Body.String(); strings.Contains(page, "<script>") || !strings.Contains(page, `<a href="#name">wrong</a>`) {
		t.Error(page)
	}
	f.Plain = true
	if policy := f.policy(); strings.Contains(policy, "script") {
		t.Error(policy)
	}
}

func TestWhatEveryPageLoadsStaysSmall(t *testing.T) {
	if n := shared.Size("ingle.css") + shared.Size("ingle.js"); n > 60_000 {
		t.Errorf("%d bytes: no page may take more than 100 KB, with its own scripts and styles", n)
	}
}

func TestAChartIsDrawnAndToldInWords(t *testing.T) {
	day := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	c := Chart{ID: "x", Title: "A <b>", Unit: "<%", Low: math.NaN(), High: 5.7, Series: []Series{{"A1c", []Point{{Time: day, Value: 5.5}, {Time: day.AddDate(0, 1, 0), Value: 8.25, Text: "8.25", Link: "/x?a=1&b=2"}}}}}
	got := string(c.HTML())
	for _, want := range []string{`A &lt;b&gt;`, `class="band"`, `class="dot out"`, "the latest 8.25 &lt;%, outside of the reference range", `<a href="/x?a=1&amp;b=2">8.25</a>`, "2 values from 1 May 2024 to 1 June 2024"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	if strings.Contains(got, "NaN") || strings.Contains(got, "Inf") || strings.Contains(got, "<%") {
		t.Error(got)
	}
	if got := (Chart{}).HTML(); got != "" {
		t.Error(got)
	}
	one := Chart{ID: "y", Series: []Series{{"", []Point{{Time: day, Value: 3}}}}}
	if got := string(one.HTML()); strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
		t.Error(got)
	}
}

func TestNumbersReadWell(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := Number(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if got := Count(2, "entry") + Count(1, "app") + Count(3, "box"); got != "2 entries1 app3 boxes" {
		t.Error(got)
	}
}

func TestElementsAreSaidInWords(t *testing.T) {
	e, err := ParseElement([]byte(`{"name":[{"use":"old","text":"Old"},{"use":"official","given":["Ada","B."],"family":"Ng"}],
		"valueQuantity":{"comparator":"<","value":5.40,"unit":"mmol/L"},"code":{"coding":[{"code":"x"},{"display":"X ray"}]},
		"period":{"start":"2024-05","end":"2024-06-02"},"effectivePeriod":{"start":"2020"},"active":false,"subject":{"reference":"Patient/1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		e.At("name").Name(): "Ada B. Ng", e.Value(): "< 5.40 mmol/L", e.At("code").Concept(): "X ray", e.At("period").Period(): "May 2024 to 2 June 2024",
		e.When("effectiveDateTime", "effectivePeriod"): "2020", e.At("subject").Reference(): "Patient/1", e.At("nothing").Concept() + e.At("no", "such").Quantity(): "",
		DateTime("2024-05-01T10:20:00+02:00"): "1 May 2024, 10:20 +02:00", Date("not a date"): "not a date",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if !e.False("active") || e.True("active") || e.False("other") {
		t.Error("booleans")
	}
	for unit, want := range map[string]string{"mL/min/{1.73_m2}": "mL/min/1.73 m²", "{INR}": "", "Cel": "°C", "mg/dL": "mg/dL", "beats/min": "beats/min", "{score}": "", "}x{": "}x{", "/{visit}": ""} {
		if got := Unit(unit); got != want {
			t.Errorf("%s: %q, want %q", unit, got, want)
		}
	}
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for born, want := range map[string]string{"2026-02-26": "3 days", "2025-08-02": "6 months", "1984-03-02": "41 years", "1984-03-01": "42 years", "2030-01-01": "", "": "", "1950": "about 76 years"} {
		if got := Age(born, now); got != want {
			t.Errorf("%s: %q, want %q", born, got, want)
		}
	}
}
