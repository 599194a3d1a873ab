package auth_test

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// inaccessible says what a page lacks of what keyboards and screen readers need: a
// language, a title and headings in order, a name for whatever is used, fields
// that belong to their messages, and nothing that only a script does. Every page
// that any test is shown passes here.
func inaccessible(page string) []string {
	a := &examination{ids: map[string]int{}, labelled: map[string]bool{}}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return append(a.wrong, err.Error())
		}
		switch x := token.(type) {
		case xml.StartElement:
			a.open(x)
			if slices.Contains(xml.HTMLAutoClose, x.Name.Local) {
				a.stack = a.stack[:len(a.stack)-1]
			}
		case xml.CharData:
			for _, e := range a.stack {
				e.text += strings.TrimSpace(string(x))
			}
		case xml.EndElement:
			if n := len(a.stack); n == 0 || a.stack[n-1].name != x.Name.Local {
				return append(a.wrong, "</"+x.Name.Local+"> closes nothing")
			}
			a.close()
		}
	}
	a.end()
	return a.wrong
}

// tag is an element that is open, or a field.
type tag struct {
	name string
	has  map[string]string
	text string // within, without space
}

type examination struct {
	stack    []*tag
	ids      map[string]int
	labelled map[string]bool // ids that a label is for
	fields   []*tag          // that no label is around
	points   []string        // ids that something refers to
	h1       int
	level    int // of the last heading
	titled   bool
	main     bool
	wrong    []string
}

func (a *examination) fault(parts ...string) { a.wrong = append(a.wrong, strings.Join(parts, " ")) }

func (a *examination) inside(name string) bool {
	return slices.ContainsFunc(a.stack, func(e *tag) bool { return e.name == name })
}

func (a *examination) open(x xml.StartElement) {
	e := &tag{name: x.Name.Local, has: map[string]string{}}
	for _, attr := range x.Attr {
		name := attr.Name.Local
		if strings.HasPrefix(name, "on") || name == "style" {
			a.fault(e.name, "has the attribute", name)
		}
		e.has[name] = attr.Value
	}
	if id, ok := e.has["id"]; ok {
		a.ids[id]++
	}
	a.points = append(a.points, strings.Fields(e.has["aria-describedby"]+" "+e.has["aria-labelledby"])...)
	if id, ok := strings.CutPrefix(e.has["href"], "#"); ok {
		a.points = append(a.points, id)
	}
	_, hidden := e.has["hidden"]
	kind := e.has["type"]
	switch e.name {
	case "html":
		if e.has["lang"] == "" {
			a.fault("no language")
		}
	case "main":
		a.main = true
	case "label":
		if id := e.has["for"]; id != "" {
			a.labelled[id], a.points = true, append(a.points, id)
		}
	case "input", "textarea", "select":
		if kind == "hidden" || hidden {
			break
		}
		if !a.inside("label") && e.has["aria-label"] == "" {
			a.fields = append(a.fields, e)
		}
		if (kind == "radio") && !a.inside("fieldset") {
			a.fault("a choice outside of a fieldset")
		}
		if e.has["aria-invalid"] == "true" && e.has["aria-describedby"] == "" {
			a.fault("a wrong field", e.has["id"], "that does not say why")
		}
		if kind == "password" && e.has["autocomplete"] == "" {
			a.fault("a password that no manager fills in")
		}
	case "img":
		if e.has["alt"] == "" {
			a.fault("an image without words")
		}
	case "th":
		if e.has["scope"] == "" {
			a.fault("a heading of a table without scope")
		}
	}
	a.stack = append(a.stack, e)
}

func (a *examination) close() {
	e := a.stack[len(a.stack)-1]
	a.stack = a.stack[:len(a.stack)-1]
	switch e.name {
	case "h1", "h2", "h3", "h4":
		level := int(e.name[1] - '0')
		if level == 1 {
			a.h1++
		}
		// The summary of what is wrong stands before the heading of its page.
		if level > a.level+1 && a.level > 0 || e.text == "" {
			a.fault("heading", e.name, e.text, "is empty or skips a level")
		}
		a.level = max(level, 1)
	case "title":
		a.titled = e.text != ""
	case "a", "button", "legend", "summary", "label":
		if e.text == "" && e.has["aria-label"] == "" {
			a.fault("nothing says what", e.name, e.has["href"], e.has["name"], "is")
		}
	}
}

func (a *examination) end() {
	if a.h1 != 1 || !a.titled || !a.main {
		a.fault("not one main heading, one title and a main part")
	}
	for id, n := range a.ids {
		if n > 1 {
			a.fault("twice the id", id)
		}
	}
	for _, id := range a.points {
		if a.ids[id] == 0 {
			a.fault("something refers to", id, "which is not there")
		}
	}
	for _, e := range a.fields {
		if !a.labelled[e.has["id"]] {
			a.fault("no label for", e.name, e.has["id"], e.has["name"])
		}
	}
}

func TestPagesThatSomebodyCannotUseAreFound(t *testing.T) {
	const good = `<!DOCTYPE html><html lang="en"><head><title>A</title></head><body><main id="m"><h1>A</h1><label for="a">A</label><input id="a"></main></body></html>`
	if wrong := inaccessible(good); wrong != nil {
		t.Error(wrong)
	}
	for name, change := range map[string][2]string{
		"a field without label":    {`<label for="a">A</label>`, ``},
		"a script in an element":   {`<h1>`, `<h1 onclick="x()">`},
		"no language":              {` lang="en"`, ``},
		"no heading":               {`<h1>A</h1>`, ``},
		"a heading too low":        {`</h1>`, `</h1><h3>B</h3>`},
		"a link that says nothing": {`</h1>`, `</h1><a href="/"></a>`},
		"an id twice":              {`<h1>`, `<h1 id="a">`},
		"a reference to nothing":   {`<input id="a">`, `<input id="a" aria-describedby="b">`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if wrong := inaccessible(bad); len(wrong) != 1 {
			t.Errorf("%s: %q", name, wrong)
		}
	}
}
