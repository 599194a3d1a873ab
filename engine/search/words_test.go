package search

import (
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
)

func TestATextIsTakenApartIntoWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"word":                             "word",
		"Two  Words.":                      "two words",
		"O'Brien’s 3.5 mg/dL":              "obriens 3 5 mg dl",
		"Müller, Ångström; ŁÓDŹ":           "muller angstrom lodz",
		"¶ «x» ¶":                          "x",
		"ﬁne ½":                            "fine 1 2",
		"नमस्ते दुनिया":                    strings.Join(Words("नमस्ते दुनिया"), " "),
		"血圧 120":                           "血圧 120",
		"\x00a\xffb":                       "a b",
		strings.Repeat("x", 300) + " y":    strings.Repeat("x", maxWord) + " y",
		"a" + strings.Repeat("é", 300):     "a" + strings.Repeat("e", maxWord-1),
		strings.Repeat("-", 2000) + "tail": "tail",
	} {
		if got := strings.Join(Words(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if len(Words("नमस्ते दुनिया")) != 2 {
		t.Errorf("%q", Words("नमस्ते दुनिया"))
	}
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{"a b", "O'Brien 3.5", "ﷺﷺﷺ", "é\u0301", "\xff", "½ĳǆ", strings.Repeat("ab ", 900)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := Words(s)
		for _, w := range words {
			if len(w) > maxWord+2 || strings.ContainsAny(w, " '\"*\\:<>&|!()") || w == pause {
				t.Fatalf("%q has the word %q", s, w)
			}
		}
		phrase := Phrase(s)
		if len(phrase) > MaxText || !strings.HasPrefix(strings.Join(words, " "), phrase) {
			t.Fatalf("%q has the phrase %q", s, phrase)
		}
		if again := Words(strings.Join(words, " ")); !slices.Equal(again, words) {
			t.Fatalf("%q gives %q, and these %q", s, words, again)
		}
		for _, p := range passages(words) {
			if len(p) > MaxText || len(strings.Fields(p)) > passage {
				t.Fatalf("a passage of %d bytes", len(p))
			}
		}
	})
}

func TestPassagesShareWhatAQueryMayAskFor(t *testing.T) {
	words := make([]string, 1000)
	for i := range words {
		words[i] = "w" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26))
	}
	list := passages(words)
	for i := range len(words) - maxSequence {
		if !slices.ContainsFunc(list, func(p string) bool { return holdsWords(p, words[i:i+maxSequence], false) }) {
			t.Fatalf("the words from %d on are in no passage", i)
		}
	}
}

func FuzzWordsQuery(f *testing.F) {
	for _, s := range []string{"a", `"a b"*`, "(a OR b) and -c", "NOT not", "((((", `"`, "- -a", "a* OR"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x, err := readWords(Param{Code: codeText}, s)
		if (x == nil) == (err == nil) {
			t.Fatalf("%q gives %v and %v", s, x, err)
		}
		if x != nil {
			_, _ = Match(t.Context(), x, &Document{}, nil)
		}
		x, err = readWords(Param{Code: "name", Kind: definitions.SearchString}, s)
		if (x == nil) == (err == nil) {
			t.Fatalf("%q gives of strings %v and %v", s, x, err)
		}
	})
}

func TestANarrativeIsReadWithoutItsTags(t *testing.T) {
	for xhtml, want := range map[string]string{
		`<div><p>One</p><p>two</p></div>`:                  "one two",
		`<div>an <b>inn</b>er</div>`:                       "an inner",
		`<div>a<br/>b<!-- c -->d</div>`:                    "a bd",
		`<div title="x > y">z</div>`:                       "z",
		`<div>&lt;p&gt; &#233; &amp;</div>`:                "p e",
		`<table><tr><td>1</td><td>2</td></tr></table><div`: "1 2",
	} {
		if got := Phrase(readable(xhtml)); got != want {
			t.Errorf("%s: %q, want %q", xhtml, got, want)
		}
	}
}
