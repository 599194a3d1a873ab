package clinic

import (
	"net/http"
	"testing"

	"github.com/inglehealth/ingle/service/pages"
)

func observation(t *testing.T, text string) pages.Element {
	t.Helper()
	e, err := pages.ParseElement([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAValueIsJudgedByWhoMeasuredItAndElseByItsRange(t *testing.T) {
	h := &chart{}
	for text, want := range map[string]string{
		`{"valueQuantity":{"value":9},"referenceRange":[{"low":{"value":10}}]}`:                                                "low",
		`{"valueQuantity":{"value":11},"referenceRange":[{"low":{"value":10}}]}`:                                               "",
		`{"valueQuantity":{"value":99},"referenceRange":[{"high":{"value":10}}]}`:                                              "high",
		`{"valueQuantity":{"value":99},"referenceRange":[{"high":{"value":10}}],"interpretation":[{"coding":[{"code":"N"}]}]}`: "",
		`{"valueQuantity":{"value":5},"interpretation":[{"coding":[{"code":"HH"}]}]}`:                                          "critically high",
		`{"valueString":"x"}`: "",
		`{"dataAbsentReason":{"text":"unknown"},"referenceRange":[{"high":{"value":10}}]}`: "",
		`{"valueQuantity":{"value":1e400},"referenceRange":[{"high":{"value":10}}]}`:       "",
	} {
		o := observation(t, text)
		got := ""
		if tag := judge(o, h.rangeOf(o)); tag != nil {
			got = tag.Text
		}
		if got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

func TestUsualRangesAreForAdults(t *testing.T) {
	o := observation(t, `{"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"valueQuantity":{"value":130,"code":"/min"}}`)
	if r := (&chart{}).rangeOf(o); r.any() {
		t.Errorf("a child's pulse is compared with %s", r.words)
	}
	if tag := judge(o, (&chart{adult: true}).rangeOf(o)); tag == nil || tag.Text != "high" {
		t.Error(tag)
	}
	other := observation(t, `{"code":{"coding":[{"system":"http://loinc.org","code":"8310-5"}]},"valueQuantity":{"value":98.6,"code":"[degF]"}}`)
	if r := (&chart{adult: true}).rangeOf(other); r.any() {
		t.Errorf("degrees Fahrenheit are compared with %s", r.words)
	}
}

func TestLongNamesAndUnitsReadWell(t *testing.T) {
	for name, want := range map[string]string{
		"Glucose [Mass/volume] in Urine": "Glucose in Urine", "Calcium [Mass/volume] in Serum or Plasma": "Calcium", "Asthma [": "Asthma [", "Weight": "Weight", " [x] y": " [x] y",
	} {
		if got := briefly(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	if got := unitsOf("36.8 Cel"); got != "36.8 °C" {
		t.Error(got)
	}
}

func TestDatesOfBirthAreReadAsPeopleWriteThem(t *testing.T) {
	for word, want := range map[string]string{"1964-03-17": "1964-03-17", "3/17/1964": "1964-03-17", "17.3.1964": "1964-03-17", "19640317": "1964-03-17", "1964": "1964", "1964-3": "1964-03", "0001": "", "HS-1": "", "12345": ""} {
		if got, _ := birthDate(word); got != want {
			t.Errorf("%s is %q, want %q", word, got, want)
		}
	}
}

func TestMarkupIsShownAsText(t *testing.T) {
	for markup, want := range map[string]string{
		"<p>One &lt;b&gt;</p><p>two</p>":     "One <b>\n\ntwo",
		"<script>alert(1)</script>x<style>y": "x",
		"a<!-- <b> -->b<br/>c <td>d":         "ab\nc d",
		"<":                                  "", "x<y": "x", "<SCRIPT >z</ScRiPt>ok": "ok",
	} {
		if got := plain(markup); got != want {
			t.Errorf("%q becomes %q, want %q", markup, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("<p>x</p>")
	f.Add("<script")
	f.Add("<!--")
	f.Fuzz(func(t *testing.T, markup string) {
		if got := plain(markup); len(got) > 8*len(markup)+8 {
			t.Errorf("%q becomes %q", markup, got)
		}
	})
}

func TestWhoMayBeFramed(t *testing.T) {
	for _, c := range []struct {
		policy, options string
		want            bool
	}{
		{"", "", true}, {"", "DENY", false}, {"", "sameorigin", false}, {"default-src 'self'", "DENY", false}, {"frame-ancestors *", "DENY", true}, {"frame-ancestors 'none'", "", false},
		{"frame-ancestors 'self'", "", false}, {"frame-ancestors https:", "", true}, {"frame-ancestors https://ehr.example", "", true}, {"frame-ancestors ehr.example:443", "", true},
		{"frame-ancestors http://ehr.example", "", false}, {"frame-ancestors *.example", "", true}, {"frame-ancestors https://ehr.example:8443", "", false}, {"frame-ancestors", "", false},
		{"default-src 'none'; Frame-Ancestors https://ehr.example:*", "", true}, {"frame-ancestors https://ehr.example, frame-ancestors 'none'", "", false},
	} {
		h := http.Header{}
		if c.policy != "" {
			h.Set("Content-Security-Policy", c.policy)
		}
		if c.options != "" {
			h.Set("X-Frame-Options", c.options)
		}
		if got := mayFrame(h, "https://app.example", "https://ehr.example"); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestOneUserListensToSoMany(t *testing.T) {
	var s streams
	var leave []func()
	for range maxStreams {
		l, ok := s.enter("u")
		if !ok {
			t.Fatal("refused too early")
		}
		leave = append(leave, l)
	}
	if _, ok := s.enter("u"); ok {
		t.Error("there is no bound")
	}
	if _, ok := s.enter("v"); !ok {
		t.Error("another user is refused")
	}
	leave[0]()
	if _, ok := s.enter("u"); !ok {
		t.Error("what has ended counts")
	}
}
