package auth

import (
	"strings"
	"time"

	"github.com/inglehealth/ingle/service/pages"
)

// element is a part of a resource, for what pages show.
type element = pages.Element

// inForce says of a resource whether it is active, and its period not over. A date
// of fewer digits is over when all of it is.
func inForce(e element, now time.Time) bool {
	if e.False("active") {
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
	c := Choice{ID: e.Text("id"), Name: e.At("name").Name()}
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
