package terminology

import (
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// sameDisplay compares displays without minding case.
func sameDisplay(a, b string) bool { return strings.EqualFold(a, b) }

// display checks the display of a coding against the names of the concept, in
// the languages wanted.
func (c *checking) display(f *found, g definitions.Coding) {
	if g.Display == "" {
		return
	}
	all := f.item().names()
	if len(all) == 0 {
		return
	}
	var inUse, wanted []name
	for _, n := range all {
		if n.withdrawn() != "" {
			continue
		}
		inUse = append(inUse, n)
		if c.r.Languages.none() || n.Language == "" || c.r.Languages.want(n.Language) {
			wanted = append(wanted, n)
		}
	}
	same := func(n name) bool { return sameDisplay(n.Value, g.Display) }
	if slices.ContainsFunc(wanted, same) {
		return
	}
	if i := slices.IndexFunc(all, func(n name) bool { return n.withdrawn() != "" && same(n) }); i >= 0 {
		c.issue(fault.Warning, fault.CodeInvalid, c.path("display"), "display-comment", "INACTIVE_DISPLAY_FOUND",
			"'"+fault.Shorten(g.Display)+"' is no longer considered a correct display for code '"+fault.Shorten(g.Code)+"' (status = "+inactiveDisplay(all[i])+
				"). The correct display is one of "+quoted(inUse)+".", false)
		return
	}
	languages := c.r.Languages.Text
	if languages == "" {
		languages = "--"
	}
	what := fault.Shorten(g.System) + "#" + fault.Shorten(g.Code)
	if len(wanted) == 0 {
		c.otherLanguage(all, g, what, languages)
		return
	}
	id, adjective := "Display_Name_for__should_be_one_of__instead_of", "Wrong Display Name"
	if slices.ContainsFunc(wanted, func(n name) bool { return sameDisplay(spaced(n.Value), spaced(g.Display)) }) {
		id, adjective = "Display_Name_WS_for__should_be_one_of__instead_of", "Wrong whitespace in Display Name"
	}
	c.wrongDisplay(id, adjective+" '"+fault.Shorten(g.Display)+"' for "+what+". Valid display is "+choices(wanted)+" (for the language(s) '"+languages+"')")
}

// otherLanguage is for a concept that has no name in the languages wanted.
func (c *checking) otherLanguage(all []name, g definitions.Coding, what, languages string) {
	if slices.ContainsFunc(all, func(n name) bool { return sameDisplay(n.Value, g.Display) }) {
		c.issue(fault.Information, fault.CodeInvalid, c.path("display"), "invalid-display", "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK",
			"There are no valid display names found for the code "+what+" for language(s) '"+languages+"'. The display is '"+fault.Shorten(g.Display)+
				"' which is a valid display for the default language", true)
		return
	}
	c.wrongDisplay("NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR", "Wrong Display Name '"+fault.Shorten(g.Display)+"' for "+what+
		". There are no valid display names found for language(s) '"+languages+"'. Default display is '"+all[0].Value+"'")
}

func (c *checking) wrongDisplay(id, message string) {
	severity := fault.ErrorLevel
	if c.r.LenientDisplay {
		severity = fault.Warning
	}
	c.issue(severity, fault.CodeInvalid, c.path("display"), "invalid-display", id, message, true)
}

func inactiveDisplay(n name) string {
	if n.withdrawn() == "withdrawn" {
		return "deprecated"
	}
	return n.withdrawn()
}

func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }

// choices lists names with their languages, each once.
func choices(names []name) string {
	var list []string
	for _, n := range names {
		text := "'" + n.Value + "'"
		if n.Language != "" {
			text += " (" + n.Language + ")"
		}
		note(&list, text)
	}
	if len(list) == 1 {
		return list[0]
	}
	return "one of " + strconv.Itoa(len(list)) + " choices: " + join(list, " or ")
}

func quoted(names []name) string {
	var list []string
	for _, n := range names {
		note(&list, `"`+n.Value+`"`)
	}
	return join(list, " or ")
}
