package label

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// phrases finds words, and several in a row, in texts.
type phrases struct {
	byFirst map[string][]phrase
	longest int // words of a phrase
}

// phrase is a phrase's words after the first, and the rule that has it.
type phrase struct {
	rest []string
	rule int
}

func (p *phrases) add(text string, rule int) {
	words := wordsOf(text)
	if p.byFirst == nil {
		p.byFirst = map[string][]phrase{}
	}
	p.byFirst[words[0]] = append(p.byFirst[words[0]], phrase{words[1:], rule})
	p.longest = max(p.longest, len(words))
}

// wordsOf are the words of a text in small letters.
func wordsOf(text string) []string {
	var words []string
	var buffer []byte
	for at := 0; ; {
		word, next := nextWord(text, at, buffer)
		if word == nil {
			return words
		}
		words = append(words, string(word))
		at, buffer = next, word[:0]
	}
}

// find says which rules have a phrase that the text has.
func (p *phrases) find(text string, found func(rule int)) {
	if p.byFirst == nil {
		return
	}
	var buffer []byte
	for at := 0; ; {
		word, next := nextWord(text, at, buffer)
		if word == nil {
			return
		}
		for _, one := range p.byFirst[string(word)] {
			if one.follows(text, next) {
				found(one.rule)
			}
		}
		at, buffer = next, word[:0]
	}
}

func (p phrase) follows(text string, at int) bool {
	var buffer []byte
	for _, want := range p.rest {
		word, next := nextWord(text, at, buffer)
		if string(word) != want {
			return false
		}
		at, buffer = next, word[:0]
	}
	return true
}

// nextWord is the word at or after a place in a text, in small letters and written
// over buffer, and the place behind it; nil when there is none. Tags are no words.
func nextWord(text string, at int, buffer []byte) (word []byte, next int) {
	for at < len(text) {
		c, n := utf8.DecodeRuneInString(text[at:])
		if isWord(c) {
			break
		}
		if at += n; c == '<' {
			if end := strings.IndexByte(text[at:], '>'); end >= 0 {
				at += end + 1
			}
		}
	}
	if at == len(text) {
		return nil, at
	}
	word = buffer
	for at < len(text) {
		c, n := utf8.DecodeRuneInString(text[at:])
		if !isWord(c) && (c != '-' || at+1 == len(text) || !isWord(rune(text[at+1]))) {
			break
		}
		word, at = utf8.AppendRune(word, unicode.ToLower(c)), at+n
	}
	return word, at
}

func isWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }
