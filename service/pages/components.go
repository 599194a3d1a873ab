package pages

import (
	"embed"
	"strings"
)

//go:embed page/*.html
var pageFiles embed.FS

// Field is one of a form, for the component "field". Its ID is also its name.
type Field struct {
	ID, Label, Hint, Error, Value string
	Type                          string // of the input; "": text
	Complete, Mode                string // autocomplete and inputmode
	Optional, Short, Code         bool
	Open                          bool     // may be empty as well, without saying so: of a search
	Rows                          int      // of a textarea; 0: an input
	Choices                       []Choice // of a select
}

// Describes are the ids of what describes the field.
func (f Field) Describes() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.ID+"-hint")
	}
	if f.Error != "" {
		ids = append(ids, f.ID+"-error")
	}
	return strings.Join(ids, " ")
}

// Choice is one of a select, or of radio buttons.
type Choice struct {
	Value, Name string
	Chosen      bool
}

// Choices makes choices of pairs of value and name.
func Choices(chosen string, pairs ...string) []Choice {
	var all []Choice
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, Choice{pairs[i], pairs[i+1], pairs[i] == chosen})
	}
	return all
}

// Tag is a short word about something; Kind is good, warn, bad or info, which a sign
// tells as well as a colour, or "".
type Tag struct{ Kind, Text string }

// SubscriptionTags are the tags of what a Subscription's status may be.
var SubscriptionTags = map[string]Tag{
	"requested": {Kind: "info", Text: "requested"}, "active": {Kind: "good", Text: "active"}, "error": {Kind: "bad", Text: "error"}, "off": {Text: "off"},
}

// Pager is the addresses of the pages before and after; "" for none.
type Pager struct{ Before, After string }
