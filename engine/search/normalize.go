package search

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Normalize is how string entries and string queries are made comparable
// (§3.1.1.4.8): compatibility forms are taken apart, accents removed, case
// folded, punctuation and white space reduced to single blanks. Apostrophes
// and full stops vanish, so O'Brien is obrien and St. Mary is st mary.
func Normalize(s string) string {
	if isPlain(s) {
		return s
	}
	if !isASCII(s) {
		s = cases.Fold().String(norm.NFKD.String(strings.ToValidUTF8(s, "\uFFFD")))
	}
	var b strings.Builder
	b.Grow(len(s))
	blank := false
	for _, r := range s {
		switch {
		case r == '.' || isApostrophe(r):
			continue
		case r < utf8.RuneSelf && isPlainByte(byte(r)):
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case r == ' ' || unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsControl(r):
			blank = true
			continue
		case unicode.Is(unicode.Mn, r):
			continue
		}
		if blank && b.Len() > 0 {
			b.WriteByte(' ')
		}
		blank = false
		if plain, ok := undecomposed[r]; ok {
			b.WriteString(plain)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// undecomposed are letters with a stroke or a ligature, which Unicode does not
// decompose but readers take for the plain letters. Folding has made them
// lower case.
var undecomposed = map[rune]string{
	'ø': "o", 'ł': "l", 'đ': "d", 'ħ': "h", 'ŧ': "t", 'ı': "i", 'æ': "ae", 'œ': "oe",
}

// isPlain says whether Normalize would give s back: the usual case of a query
// and of codes.
func isPlain(s string) bool {
	for i := range len(s) {
		if !isPlainByte(s[i]) {
			return false
		}
	}
	return true
}

func isPlainByte(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Bound returns s when it has at most MaxText bytes, and otherwise its start
// with a hash of all of it: equal texts stay equal, different ones different.
// NUL, which PostgreSQL cannot store, becomes U+FFFD.
func Bound(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	if len(s) <= MaxText {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	tail := "#" + hex.EncodeToString(sum[:])
	return cut(s, MaxText-len(tail)) + tail
}

// cut shortens s to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
