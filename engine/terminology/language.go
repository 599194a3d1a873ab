package terminology

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// Languages are the languages in which displays are wanted, the best first.
type Languages struct {
	tags []string
	// strict says that no other language will do: "*;q=0".
	strict bool
	Text   string
}

// ParseLanguages reads displayLanguage, a list in the form of Accept-Language
// (RFC 9110 §12.5.4): "de-CH, de;q=0.9, *".
func ParseLanguages(text string) (Languages, error) {
	l := Languages{Text: text}
	type weighted struct {
		tag string
		q   float64
	}
	var list []weighted
	for item := range strings.SplitSeq(text, ",") {
		tag, params, _ := strings.Cut(item, ";")
		tag = strings.TrimSpace(tag)
		if tag == "" {
			continue
		}
		w := weighted{tag, 1}
		if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			v, err := strconv.ParseFloat(q, 64)
			if err != nil || v < 0 || v > 1 {
				return l, errLanguage(text)
			}
			w.q = v
		}
		if tag != "*" && grammars[languageTags](tag) != Yes {
			return l, errLanguage(text)
		}
		switch {
		case w.q > 0 && tag != "*":
			list = append(list, w)
		case tag == "*":
			l.strict = w.q == 0
		}
	}
	slices.SortStableFunc(list, func(a, b weighted) int { return cmp.Compare(b.q, a.q) })
	for _, w := range list {
		l.tags = append(l.tags, w.tag)
	}
	return l, nil
}

func errLanguage(text string) error {
	return refuse(fault.Invalid, fault.CodeProcessing, "", "invalid-display", "INVALID_DISPLAY_NAME", "Invalid displayLanguage: '%s'", fault.Shorten(text))
}

// none says that no language is asked for.
func (l Languages) none() bool { return len(l.tags) == 0 }

// languageMatches says whether text in a language is in the wanted one: de-CH is de,
// while de is not de-CH.
func languageMatches(wanted, language string) bool {
	if strings.EqualFold(wanted, language) {
		return true
	}
	return len(language) > len(wanted) && language[len(wanted)] == '-' && strings.EqualFold(language[:len(wanted)], wanted)
}

// want says whether one of the languages is a language.
func (l Languages) want(language string) bool {
	return slices.ContainsFunc(l.tags, func(tag string) bool { return languageMatches(tag, language) })
}
