package terminology

import (
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// unknownSystem says that a code system, or a version of it, is not at hand.
type unknownSystem struct {
	url, version string
	known        []string // versions that are
	empty        bool     // it is defined, but without its concepts
	// supplement is the canonical of a supplement that was taken for a code
	// system, "" otherwise.
	supplement string
}

func (e *unknownSystem) Error() string { return e.message("so the code cannot be validated") }

// message says what is missing and what comes of it.
func (e *unknownSystem) message(consequence string) string {
	url, version := fault.Shorten(e.url), fault.Shorten(e.version)
	switch {
	case e.empty:
		return "The concepts of CodeSystem '" + canonical(url, version) + "' are not on this server, " + consequence
	case e.version == "":
		return "A definition for CodeSystem '" + url + "' could not be found, " + consequence
	case len(e.known) == 0:
		return "A definition for CodeSystem '" + url + "' version '" + version + "' could not be found, " + consequence +
			". No versions of this code system are known"
	}
	return "A definition for CodeSystem '" + url + "' version '" + version + "' could not be found, " + consequence +
		". Valid versions: " + join(e.known, " or ")
}

// id names the message; kind is "" or "_EXP".
func (e *unknownSystem) id(kind string) string {
	switch {
	case e.version == "":
		return "UNKNOWN_CODESYSTEM" + kind
	case len(e.known) == 0:
		return "UNKNOWN_CODESYSTEM_VERSION" + kind + "_NONE"
	}
	return "UNKNOWN_CODESYSTEM_VERSION" + kind
}

func join(list []string, last string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	n := len(list) - 1
	return strings.Join(list[:n], ", ") + last + list[n]
}
