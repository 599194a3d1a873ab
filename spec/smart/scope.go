package smart

import (
	"fmt"
	"iter"
	"net/url"
	"strings"
)

// Level says whose data a scope is about.
type Level string

// Levels.
const (
	Patient Level = "patient" // the patient in context
	User    Level = "user"    // what the user may see
	System  Level = "system"  // what the client itself may see
)

// Interactions is a set of what may be done with resources.
type Interactions uint8

// The interactions, in the order in which a scope writes them.
const (
	Create Interactions = 1 << iota // create
	Read                            // read, vread, instance history
	Update                          // update (also where it creates) and patch
	Delete                          // delete
	Search                          // search, type and system history
	All    = Create | Read | Update | Delete | Search
)

const letters = "cruds"

// String writes the letters of version 2: "rs".
func (i Interactions) String() string {
	var b strings.Builder
	for n := range letters {
		if i&(1<<n) != 0 {
			b.WriteByte(letters[n])
		}
	}
	return b.String()
}

// Each yields the interactions one by one, in the order in which a scope writes them.
func (i Interactions) Each() iter.Seq[Interactions] {
	return func(yield func(Interactions) bool) {
		for n := range letters {
			if one := Interactions(1 << n); i&one != 0 && !yield(one) {
				return
			}
		}
	}
}

// Scope is one scope about resources: patient/Observation.rs?category=laboratory.
// It is immutable.
type Scope struct {
	Level        Level
	Type         string // resource type, or Any
	Interactions Interactions
	// Query restricts it to resources that a search with these parameters
	// finds, as written after the question mark; "" for all.
	Query string
	V1    bool // written in the form of version 1
}

// Any is the Type of a scope for every type.
const Any = "*"

// String writes the scope in the form it was read in.
func (s Scope) String() string {
	permission := s.Interactions.String()
	if s.V1 {
		switch s.Interactions {
		case Read | Search:
			permission = "read"
		case Create | Update | Delete:
			permission = "write"
		case All:
			permission = "*"
		}
	}
	text := string(s.Level) + "/" + s.Type + "." + permission
	if s.Query != "" {
		text += "?" + s.Query
	}
	return text
}

// ParseScope reads a scope about resources, of version 1 or 2 (§3.0.2.1). The
// error says what is wrong with it. Whether the type and the parameters exist is
// not looked at.
func ParseScope(text string) (Scope, error) {
	if err := checkToken(text); err != nil {
		return Scope{}, err
	}
	level, rest, ok := strings.Cut(text, "/")
	s := Scope{Level: Level(level)}
	if !ok || s.Level != Patient && s.Level != User && s.Level != System {
		return Scope{}, fmt.Errorf("%q is not a scope about resources: those begin with patient/, user/ or system/", text)
	}
	rest, s.Query, ok = strings.Cut(rest, "?")
	if ok {
		if err := checkQuery(s.Query); err != nil {
			return Scope{}, fmt.Errorf("scope %q: %w", text, err)
		}
	}
	var permission string
	if s.Type, permission, ok = strings.Cut(rest, "."); !ok || !isType(s.Type) {
		return Scope{}, fmt.Errorf("scope %q: after %s/ stands a resource type or *, a dot and what may be done", text, level)
	}
	switch permission {
	case "read":
		s.Interactions, s.V1 = Read|Search, true
	case "write":
		s.Interactions, s.V1 = Create|Update|Delete, true
	case "*":
		s.Interactions, s.V1 = All, true
	default:
		last := -1
		for _, c := range permission {
			n := strings.IndexRune(letters, c)
			if n <= last {
				return Scope{}, fmt.Errorf("scope %q: what may be done is some of the letters %s in this order, or read, write or * in the form of version 1", text, letters)
			}
			s.Interactions |= 1 << n
			last = n
		}
		if permission == "" {
			return Scope{}, fmt.Errorf("scope %q: nothing that may be done", text)
		}
	}
	if s.V1 && s.Query != "" {
		return Scope{}, fmt.Errorf("scope %q: parameters belong to the form of version 2", text)
	}
	return s, nil
}

// maxQuery is the most parameters of a granular scope.
const maxQuery = 8

func checkQuery(query string) error {
	pairs := strings.Split(query, "&")
	if len(pairs) > maxQuery {
		return fmt.Errorf("more than %d parameters", maxQuery)
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if name == "" || value == "" {
			return fmt.Errorf("a parameter is name=value, not %q", pair)
		}
		for _, part := range []string{name, value} {
			if _, err := url.QueryUnescape(part); err != nil {
				return fmt.Errorf("parameter %q: %w", pair, err)
			}
		}
	}
	return nil
}

func isType(s string) bool {
	if s == Any {
		return true
	}
	for i := range s {
		c := s[i]
		if !(c >= 'A' && c <= 'Z' || i > 0 && (c >= 'a' && c <= 'z')) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// Covers says whether all that o allows s allows, too. A restricted scope covers
// those that add parameters to its own, and no other.
func (s Scope) Covers(o Scope) bool {
	if s.Level != o.Level || s.Type != o.Type && s.Type != Any || s.Interactions&o.Interactions != o.Interactions {
		return false
	}
	if s.Query == "" {
		return true
	}
	has := map[string]bool{}
	for _, pair := range strings.Split(o.Query, "&") {
		has[pair] = true
	}
	for _, pair := range strings.Split(s.Query, "&") {
		if !has[pair] {
			return false
		}
	}
	return true
}
