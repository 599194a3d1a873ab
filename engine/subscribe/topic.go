// Package subscribe says which changes of resources concern which subscriptions:
// topics (SubscriptionTopic of FHIR R4B and R5, and its form in R4, a Basic with
// extensions) and R4's own criteria become search trees, which are matched in memory
// with a resource as it was and as it is, and found by the values that they ask for.
package subscribe

import (
	"slices"
	"strings"
)

// Interactions is a set of what may be done to a resource.
type Interactions uint8

// Interactions (resourceTrigger.supportedInteraction).
const (
	Create Interactions = 1 << iota
	Update
	Delete
	All = Create | Update | Delete
)

var interactionCodes = map[string]Interactions{"create": Create, "update": Update, "delete": Delete}

// Topic is what events there are, and how subscribers choose among them.
type Topic struct {
	URL, Version, Title, Description string

	Triggers []Trigger
	Filters  []Filter
	Shapes   []Shape
}

// Trigger is one kind of change that is an event (resourceTrigger).
type Trigger struct {
	Description string
	Resource    string // type; "" for every type
	On          Interactions
	Query       *Query // nil: none
	FHIRPath    string // with %previous and %current; "" for none
}

// Query compares the resource before and after with searches (queryCriteria).
type Query struct {
	Previous, Current string // as in a URL; "" for none
	// CreatePasses and DeletePasses are the results where there is no state before, or
	// after.
	CreatePasses, DeletePasses bool
	Both                       bool // both have to hold, and not either
}

// Filter is what subscribers may choose by (canFilterBy).
type Filter struct {
	Description string
	Resource    string // type; "" for every type
	Parameter   string
	Modifiers   []string // comparators and modifiers allowed; none: whatever the parameter takes
}

// Shape is what goes along with resources of a type (notificationShape).
type Shape struct {
	Resource            string
	Include, RevInclude []string // as values of _include and _revinclude
}

// Canonical is the topic's URL, with its version if it has one.
func (t *Topic) Canonical() string {
	if t.Version == "" {
		return t.URL
	}
	return t.URL + "|" + t.Version
}

// Is says whether a canonical names the topic.
func (t *Topic) Is(canonical string) bool {
	url, version, versioned := strings.Cut(canonical, "|")
	return url == t.URL && (!versioned || version == t.Version)
}

// Types are the resource types that the topic is about; none: all.
func (t *Topic) Types() []string {
	var types []string
	for _, one := range t.Triggers {
		if one.Resource == "" {
			return nil
		}
		types = append(types, one.Resource)
	}
	slices.Sort(types)
	return slices.Compact(types)
}
