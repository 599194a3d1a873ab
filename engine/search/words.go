package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxWord is the most bytes of a word that count.
const maxWord = 40

// Words takes a text apart into words as every evaluator does: runs of letters
// and digits in any script, in lower case, with accents removed. Apostrophes
// vanish, so O'Brien is obrien; all else parts words, so 3.5 is 3 and 5.
func Words(s string) []string { return strings.Fields(joined(s, len(s)*maxGrowth)) }

// Phrase is the words of a text with a blank between them, as far as they fit
// into MaxText bytes: what :text compares and words are looked for in.
func Phrase(s string) string { return joined(s, MaxText) }

// maxGrowth is more than what Unicode's decomposition makes of a byte.
const maxGrowth = 16

// joined gives as many words as fit into a number of bytes.
func joined(s string, most int) string {
	if isPlain(s) {
		return cut(s, maxWord)
	}
	if !isASCII(s) {
		s = cases.Fold().String(norm.NFKD.String(strings.ToValidUTF8(s, "\uFFFD")))
	}
	var b strings.Builder
	b.Grow(min(len(s), most))
	parted, word := false, 0 // bytes of the last word
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf && isPlainByte(byte(r)):
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case isApostrophe(r):
			continue
		case r < utf8.RuneSelf:
			parted = true
			continue
		case unicode.Is(unicode.Mn, r):
			continue
		case !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Mc, r):
			parted = true
			continue
		}
		if parted && b.Len() > 0 {
			b.WriteByte(' ')
			word = 0
		}
		parted = false
		if word += utf8.RuneLen(r); word > maxWord {
			continue
		}
		if plain, ok := undecomposed[r]; ok {
			b.WriteString(plain)
		} else {
			b.WriteRune(r)
		}
		if b.Len() > most {
			text := b.String()
			return text[:max(strings.LastIndexByte(text, ' '), 0)]
		}
	}
	return b.String()
}

// isApostrophe says whether a character is one that readers take for part of a
// word.
func isApostrophe(r rune) bool {
	return r == '\'' || r == '’' || r == '‘' || r == 'ʼ' || r == '`'
}

// pause stands between texts in one phrase: no query has it, so that words that
// follow each other are of one text.
const pause = "¶"

// Passages of long texts.
const (
	passage = 200 // words
	overlap = maxSequence
)

// passages cuts a long text into phrases of a bounded length. Neighbours share
// as many words as a query may ask for in a row.
func passages(words []string) []string {
	var list []string
	for len(words) > 0 {
		n, size := 0, 0
		for n < min(len(words), passage) && size+len(words[n])+1 <= MaxText+1 {
			size += len(words[n]) + 1
			n++
		}
		list = append(list, strings.Join(words[:n], " "))
		if n == len(words) {
			break
		}
		words = words[max(n-overlap, 1):]
	}
	return list
}

// holdsWords says whether a phrase has these words behind each other; with
// begun, of the last one only the beginning.
func holdsWords(phrase string, sequence []string, begun bool) bool {
	text := " " + phrase + " "
	wanted := " " + strings.Join(sequence, " ")
	if !begun {
		wanted += " "
	}
	return strings.Contains(text, wanted)
}
