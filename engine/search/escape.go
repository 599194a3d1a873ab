package search

import "strings"

// split cuts a raw search value at separator where no backslash stands before
// it (§3.1.1.3). The parts are still escaped.
func split(s string, separator byte) []string {
	if strings.IndexByte(s, separator) < 0 {
		return []string{s}
	}
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case separator:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// unescape takes away the backslash before "\", ",", "|" and "$". The second
// result is false when a backslash stands before anything else.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
			if i == len(s) || strings.IndexByte(`\,|$`, s[i]) < 0 {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// Escape writes text as a search value that means exactly this text.
func Escape(text string) string { return escaper.Replace(text) }

var escaper = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`)

// plainParts splits a value at its bars and takes the escapes out of each part.
func plainParts(raw string) ([]string, error) {
	parts := split(raw, '|')
	for i := range parts {
		text, err := plain(parts[i])
		if err != nil {
			return nil, err
		}
		parts[i] = text
	}
	return parts, nil
}
