package fhir

import "strings"

// rewriteNarrative passes the values of href and src attributes to rewrite.
func rewriteNarrative(xhtml string, rewrite func(string) (string, bool)) (string, bool) {
	var b strings.Builder
	changed := false
	rest := xhtml
	for {
		at, quote := nextLink(rest)
		if at < 0 {
			break
		}
		end := strings.IndexByte(rest[at:], quote)
		if end < 0 {
			break
		}
		link := rest[at : at+end]
		b.WriteString(rest[:at])
		if to, ok := rewrite(unescapeXML(link)); ok {
			b.Write(appendXMLText(nil, to, true))
			changed = true
		} else {
			b.WriteString(link)
		}
		rest = rest[at+end:]
	}
	if !changed {
		return "", false
	}
	b.WriteString(rest)
	return b.String(), true
}

// nextLink finds where the value of the next href or src attribute starts.
func nextLink(s string) (at int, quote byte) {
	at = -1
	for _, name := range [...]string{` href=`, ` src=`} {
		i := strings.Index(s, name)
		v := i + len(name)
		if i >= 0 && v < len(s) && (s[v] == '"' || s[v] == '\'') && (at < 0 || v+1 < at) {
			at, quote = v+1, s[v]
		}
	}
	return at, quote
}
