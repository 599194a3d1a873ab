package portal

import (
	"testing"
	"unicode/utf8"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
)

// Whatever stands in a resource, valid or not, it becomes an entry, a value and an
// event of text.
func FuzzWhateverIsInARecordBecomesText(f *testing.F) {
	for _, text := range []string{
		`{"code":{"text":"ärztlich"},"participant":[{"role":[{"text":"ärztin"}],"member":{"reference":"x"}}],"telecom":[{"system":"é"}]}`,
		`{"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":1}}],"valueQuantity":{"value":"x"},"referenceRange":[{"low":{"value":1e999}}]}`,
		`{"agent":[{"type":{"coding":[{"code":"IRCP"}]},"altId":"a","who":{"reference":"a/b"}},{"type":{"coding":[{"code":"110153"}]}}],"entity":[{"query":"!"},{"what":{"reference":"X/y"}},{"name":"/"}],"recorded":"z"}`,
		`{"type":[[]],"item":[{"answer":[{"valueString":"x","item":[{}]}]}],"onsetAge":{"value":3},"period":{"start":"2020"},"medicationReference":{"reference":"Medication/x"}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := pages.ParseElement(text)
		if err != nil {
			return
		}
		r := &record{
			Visit: &pages.Visit{House: &pages.House{}, User: &identity.User{Login: "a"}}, id: "p", agents: map[string]string{"a": "A", "": "", "a/b": "B"}, displayed: map[string]string{},
		}
		for i := range maxDisplayed {
			r.displayed[string(rune('a'+i))] = "" // nothing is read
		}
		check := func(texts ...string) {
			for _, one := range texts {
				if utf8.Valid(text) && !utf8.ValidString(one) {
					t.Errorf("%q becomes %q", text, one)
				}
			}
		}
		for _, s := range sections {
			x := s.entry(r, e)
			check(x.Title, x.Original, x.Means, x.When, x.Text)
			for _, one := range x.Facts {
				check(one.Name, one.Value)
			}
			if x.Title == "" {
				t.Errorf("%s: %s has no title", s.Slug, text)
			}
		}
		list := []pages.Element{e, e}
		check(valueWords(e), rangeWords(e), r.did(e), asked(e), codeOf(e), judged(e).Text, newest(list).Concept())
		for _, s := range seriesOf(list) {
			check(s.Name, s.words())
			_ = chart(s.Name, e, []series{s})
		}
	})
}

func TestABillIsToldInPlainWords(t *testing.T) {
	e, err := pages.ParseElement([]byte(`{"type":{"coding":[{"code":"professional","display":"Professional"}]},"total":[
		{"category":{"coding":[{"code":"submitted","display":"Submitted Amount"}]},"amount":{"value":144.00,"currency":"USD"}},
		{"category":{"coding":[{"code":"memberliability","display":"Member liability"}]},"amount":{"value":28.80,"currency":"USD"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	x := benefit(&record{}, e)
	if x.Title != "Bill of a doctor or clinic" || len(x.Facts) != 2 || x.Facts[0] != (fact{"Asked for", "144.00 USD"}) || x.Facts[1] != (fact{"Member liability", "28.80 USD"}) {
		t.Errorf("%+v", x)
	}
}
