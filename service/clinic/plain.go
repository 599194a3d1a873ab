package clinic

import (
	"html"
	"slices"
	"strings"
)

// breaking are elements that begin a line.
var breaking = []string{"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "title", "section", "paragraph", "item", "component"}

// plain is markup as text: what a browser would show, and no more.
func plain(markup string) string {
	var b strings.Builder
	for markup != "" {
		before, rest, found := strings.Cut(markup, "<")
		b.WriteString(before)
		if !found {
			break
		}
		if comment, ok := strings.CutPrefix(rest, "!--"); ok {
			_, markup, _ = strings.Cut(comment, "-->")
			continue
		}
		tag, after, closed := strings.Cut(rest, ">")
		if !closed {
			break
		}
		name := strings.ToLower(strings.Trim(tag, "/"))
		if i := strings.IndexAny(name, " \t\r\n/"); i >= 0 {
			name = name[:i]
		}
		switch {
		case (name == "script" || name == "style") && !strings.HasPrefix(tag, "/") && !strings.HasSuffix(tag, "/"):
			at := strings.Index(strings.ToLower(after), "</"+name)
			if at < 0 {
				at = len(after)
			}
			after = after[min(at, len(after)):]
		case slices.Contains(breaking, name):
			b.WriteByte('\n')
		case name == "td" || name == "th":
			b.WriteByte(' ')
		}
		markup = after
	}
	var lines []string
	for line := range strings.SplitSeq(html.UnescapeString(b.String()), "\n") {
		line = strings.Join(strings.Fields(line), " ")
		if line != "" || len(lines) > 0 && lines[len(lines)-1] != "" {
			lines = append(lines, line)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
