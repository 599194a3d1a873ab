package desk

import (
	"fmt"
	"html"
	"html/template"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// Sizes of a drawn tree, in pixels.
const (
	treeRow    = 34
	treeIndent = 26
	treeWidth  = 720
	treeMost   = 60 // nodes that are drawn
	textMost   = 78 // characters of a node
)

// treeNode is a node of the picture.
type treeNode struct {
	text          string
	depth, parent int
}

// drawTree draws an expression as a tree, as SVG; "" for an empty one. The text of each
// node stands in it, and reads from top to bottom.
func drawTree(id, title string, n search.Node) template.HTML {
	if n.Text == "" && len(n.Parts) == 0 {
		return ""
	}
	nodes := flatten(nil, n, 0, -1)
	var b strings.Builder
	height := len(nodes)*treeRow + 6
	fmt.Fprintf(&b, `<svg class="tree" id="tree-%s" viewBox="0 0 %d %d" role="img" aria-labelledby="tree-%s-title"><title id="tree-%s-title">%s: %s</title>`,
		id, treeWidth, height, id, id, html.EscapeString(title), html.EscapeString(line(n)))
	for i, one := range nodes {
		x, y := one.depth*treeIndent+2, i*treeRow+3
		if one.parent >= 0 {
			fmt.Fprintf(&b, `<path class="twig" d="M%d %dV%dH%d"/>`, nodes[one.parent].depth*treeIndent+14, one.parent*treeRow+treeRow-3, y+14, x)
		}
		fmt.Fprintf(&b, `<rect class="leaf d%d" x="%d" y="%d" width="%d" height="28" rx="5"/><text x="%d" y="%d">%s</text>`,
			min(one.depth, 3), x, y, treeWidth-x-2, x+10, y+19, html.EscapeString(short(one.text)))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // all text in it is escaped
}

// flatten lists a tree from top to bottom.
func flatten(all []treeNode, n search.Node, depth, parent int) []treeNode {
	if len(all) >= treeMost {
		return all
	}
	all = append(all, treeNode{n.Text, depth, parent})
	at := len(all) - 1
	for _, p := range n.Parts {
		all = flatten(all, p, min(depth+1, 12), at)
	}
	return all
}

// line is a tree on one line.
func line(n search.Node) string {
	if len(n.Parts) == 0 {
		return n.Text
	}
	var parts []string
	for _, p := range n.Parts[:min(len(n.Parts), treeMost)] {
		parts = append(parts, line(p))
	}
	return n.Text + " (" + strings.Join(parts, "; ") + ")"
}

func short(text string) string {
	runes := []rune(text)
	if len(runes) > textMost {
		return string(runes[:textMost]) + "…"
	}
	return text
}
