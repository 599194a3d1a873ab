package search

import (
	"html"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Parameters over texts (§3.1.1.4.20).
const (
	codeText    = "_text"
	codeContent = "_content"
)

// texts makes the entries of _text and _content.
func (x *extraction) texts(t *typeCatalog) {
	if p := t.params[codeText]; p != nil && p.problem == "" {
		if div := x.root.Find("text", "div").Text(); div != "" {
			x.passages(p.Param, Words(readable(div)))
		}
	}
	if p := t.params[codeContent]; p != nil && p.problem == "" {
		c := content{seen: map[string]bool{}}
		for i := range x.entries {
			if phrase := x.entries[i].Phrase(); phrase != "" && x.entries[i].Param.Kind != definitions.SearchSpecial {
				c.seen[phrase] = true
			}
		}
		c.collect(x.root)
		x.passages(p.Param, c.words)
	}
}

func (x *extraction) passages(p Param, words []string) {
	x.param = p
	for _, text := range passages(words) {
		x.add(Entry{Norm: text})
	}
}

// content is the words of a resource that no other entry has.
type content struct {
	words []string
	seen  map[string]bool // phrases
}

func (c *content) collect(n fhir.Node) {
	if t := n.Type(); t.Kind == definitions.Primitive {
		text := n.Text()
		switch t.Name {
		case "xhtml":
			text = readable(text)
		case "string", "markdown", "code", "id":
		default:
			return
		}
		words := Words(text)
		phrase := strings.Join(words, " ")
		if phrase == "" || c.seen[phrase] {
			return
		}
		c.seen[phrase] = true
		if len(c.words) > 0 {
			c.words = append(c.words, pause)
		}
		c.words = append(c.words, words...)
		return
	}
	for child := n.FirstChild(); !child.IsZero(); child = child.NextSibling() {
		c.collect(child)
	}
}

// inline are the elements of XHTML that do not part words.
var inline = map[string]bool{
	"a": true, "abbr": true, "acronym": true, "b": true, "bdo": true, "big": true, "cite": true, "code": true, "dfn": true, "em": true,
	"i": true, "kbd": true, "q": true, "samp": true, "small": true, "span": true, "strong": true, "sub": true, "sup": true, "tt": true, "var": true,
}

// readable is the text of a narrative's XHTML.
func readable(xhtml string) string {
	var b strings.Builder
	for {
		text, rest, tagged := strings.Cut(xhtml, "<")
		b.WriteString(text)
		if !tagged {
			return html.UnescapeString(b.String())
		}
		var tag string
		if comment, ok := strings.CutPrefix(rest, "!--"); ok {
			_, xhtml, _ = strings.Cut(comment, "-->")
			continue
		}
		tag, xhtml = cutTag(rest)
		tag = strings.TrimPrefix(tag, "/")
		if i := strings.IndexAny(tag, " \t\r\n/"); i >= 0 {
			tag = tag[:i]
		}
		if !inline[strings.ToLower(tag)] {
			b.WriteByte(' ')
		}
	}
}

// cutTag cuts behind the > that ends a tag, not one in an attribute's value.
func cutTag(s string) (tag, rest string) {
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}
