package auth

import (
	"encoding/json"
	"strings"
	"time"
)

// element is a part of a resource as JSON has it, for what pages show.
type element struct{ value any }

func parseElement(text []byte) (element, error) {
	var e element
	err := json.Unmarshal(text, &e.value)
	return e, err
}

// Exists says whether there is anything.
func (e element) Exists() bool { return e.value != nil }

// At follows names; of a list, the first.
func (e element) At(path ...string) element {
	for _, name := range path {
		if list, ok := e.value.([]any); ok && len(list) > 0 {
			e.value = list[0]
		}
		object, _ := e.value.(map[string]any)
		e.value = object[name]
	}
	return e
}

// Text is the text at a path; "" for none.
func (e element) Text(path ...string) string {
	text, _ := e.At(path...).value.(string)
	return text
}

// List is the list at a path.
func (e element) List(path ...string) []element {
	list, _ := e.At(path...).value.([]any)
	all := make([]element, len(list))
	for i, v := range list {
		all[i] = element{v}
	}
	return all
}

// inForce says of a resource whether it is active, and its period not over. A date
// of fewer digits is over when all of it is.
func (e element) inForce(now time.Time) bool {
	if e.At("active").value == false {
		return false
	}
	end := e.Text("period", "end")
	if at, err := time.Parse(time.RFC3339, end); err == nil {
		return now.Before(at)
	}
	today := now.UTC().Format(time.DateOnly)
	return end == "" || len(end) <= len(today) && today[:len(end)] <= end
}

func patientChoice(e element) Choice {
	c := Choice{ID: e.Text("id"), Name: humanName(e.List("name"))}
	if c.Name == "" {
		c.Name = "Patient " + c.ID
	}
	var detail []string
	if born := e.Text("birthDate"); born != "" {
		detail = append(detail, "born "+born)
	}
	if number := e.Text("identifier", "value"); number != "" {
		detail = append(detail, "number "+number)
	}
	c.Detail = strings.Join(detail, ", ")
	return c
}

// humanName writes the name that is in use.
func humanName(names []element) string {
	var best element
	for _, n := range names {
		if use := n.Text("use"); !best.Exists() || use == "official" || use == "usual" && best.Text("use") != "official" {
			best = n
		}
	}
	if text := best.Text("text"); text != "" {
		return text
	}
	var words []string
	for _, given := range best.List("given") {
		if text, ok := given.value.(string); ok {
			words = append(words, text)
		}
	}
	if family := best.Text("family"); family != "" {
		words = append(words, family)
	}
	return strings.Join(words, " ")
}

func encounterChoice(e element) Choice {
	c := Choice{ID: e.Text("id"), Name: "Visit"}
	for _, path := range [][]string{{"type", "text"}, {"type", "coding", "display"}, {"class", "display"}} {
		if text := e.Text(path...); text != "" {
			c.Name = text
			break
		}
	}
	start, _, _ := strings.Cut(e.Text("period", "start"), "T")
	end, _, _ := strings.Cut(e.Text("period", "end"), "T")
	switch {
	case start != "" && end != "" && end != start:
		c.Detail = start + " to " + end
	case start != "":
		c.Detail = start
	}
	return c
}
