package searchtest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// form is one way to ask for a parameter of a kind: its modifier, and the prefix
// of its value or what else tells it from others. Without a kind it is about the
// parameter that modifier names.
type form struct {
	kind             definitions.SearchType
	modifier, prefix string
}

func (f form) String() string { return strings.TrimSpace(string(f.kind) + f.modifier + " " + f.prefix) }

var prefixes = []string{"", "eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap"}

// forms are all that there are: every kind with every modifier and prefix. Those
// for words in texts are advanced.
func forms(advanced bool) []form {
	list := []form{
		{definitions.SearchReference, "", "canonical"}, {definitions.SearchReference, ":below", "canonical"},
		{definitions.SearchSpecial, "", "near"}, {definitions.SearchSpecial, "", "_text"}, {definitions.SearchSpecial, "", "_content"},
		{"", "_id", ""}, {"", "_id:not", ""},
	}
	if advanced {
		list = append(list, form{definitions.SearchString, ":text", ""}, form{definitions.SearchToken, ":text-advanced", ""}, form{definitions.SearchReference, ":text-advanced", ""})
	}
	for _, of := range []struct {
		kind      definitions.SearchType
		modifiers []string
	}{
		{definitions.SearchString, []string{"", ":exact", ":contains"}},
		{definitions.SearchToken, []string{"", ":not", ":text", ":in", ":not-in", ":above", ":below", ":of-type"}},
		{definitions.SearchReference, []string{"", ":Type", ":identifier", ":text", ":above", ":below"}},
		{definitions.SearchURI, []string{"", ":above", ":below", ":contains"}},
		{definitions.SearchComposite, []string{""}},
		{definitions.SearchDate, nil}, {definitions.SearchNumber, nil}, {definitions.SearchQuantity, nil},
	} {
		for _, m := range of.modifiers {
			list = append(list, form{of.kind, m, ""})
		}
		list = append(list, form{of.kind, ":missing", "true"}, form{of.kind, ":missing", "false"})
	}
	for _, prefix := range prefixes {
		list = append(list, form{definitions.SearchDate, "", prefix}, form{definitions.SearchNumber, "", prefix}, form{definitions.SearchQuantity, "", prefix},
			form{"", "_lastUpdated", prefix})
		if prefix != "" {
			list = append(list, form{definitions.SearchComposite, "", prefix})
		}
	}
	return list
}

// formed makes a query of a form; ok is false when no resource is fit for it.
func (g *generator) formed(f form) (url string, sure fhir.Key, ok bool) {
	g.fixed = &f.prefix
	defer func() { g.fixed = nil }()
	for _, n := range g.Perm(len(g.documents)) {
		d := g.documents[n]
		if f.kind == "" {
			text, certain := g.ofRow(f, n)
			url, sure = g.whole(d, text, certain)
			return url, sure, true
		}
		for _, i := range g.Perm(len(d.Entries)) {
			text, certain := g.ofEntry(f, &d.Entries[i])
			if text == "" {
				continue
			}
			url, sure = g.whole(d, text, certain)
			if _, err := ParseURL(g.catalog, url, g.options()); err != nil && (f.modifier == ":above" || f.modifier == ":below") {
				continue // of a type without a hierarchy
			}
			return url, sure, true
		}
	}
	return "", fhir.Key{}, false
}

// whole is the query of one parameter, sure to find d if that is certain.
func (g *generator) whole(d *search.Document, parameter string, certain bool) (url string, sure fhir.Key) {
	if certain {
		sure = d.Key
	}
	return string(d.Key.Type) + "?" + strings.NewReplacer("%", "%25", "&", "%26").Replace(parameter) + "&_count=" + strconv.Itoa(5+g.IntN(500)), sure
}

// ofRow asks for the id or the last update of document n.
func (g *generator) ofRow(f form, n int) (text string, sure bool) {
	if f.modifier == "_lastUpdated" {
		at := updatedAt(n)
		return f.modifier + "=" + f.prefix + g.time(search.TimeRange{Lo: at.UnixMicro(), Hi: at.Add(time.Second).UnixMicro()}), false
	}
	return f.modifier + "=" + string(g.documents[n].Key.ID) + "," + string(g.documents[g.IntN(len(g.documents))].Key.ID), f.modifier == "_id"
}

// ofEntry asks in a form for what an entry has; "" when that does not fit.
func (g *generator) ofEntry(f form, e *search.Entry) (text string, sure bool) {
	code, typed := strings.CutSuffix(e.Param.Code, "/type")
	switch {
	case e.Param.Kind != f.kind, typed != (f.modifier == ":of-type"):
		return "", false
	case typed:
		kind, value, _ := strings.Cut(e.Code, "|")
		return code + ":of-type=" + search.Escape(e.System) + "|" + search.Escape(kind) + "|" + search.Escape(value), true
	case f.modifier == ":missing":
		return code + ":missing=" + f.prefix, f.prefix == "false"
	case f.modifier == ":text-advanced" || f.modifier == ":text" && f.kind == definitions.SearchString:
		return g.advancedText(e), true
	case f.modifier == ":text":
		begin, _, _ := strings.Cut(e.Phrase(), " ")
		return given(code+":text=", begin), true
	}
	value := ""
	switch f.kind {
	case definitions.SearchToken:
		value, sure = g.ofToken(f, e)
	case definitions.SearchReference:
		return g.ofReference(f, e)
	case definitions.SearchURI:
		value, sure = g.ofURI(f, e)
	case definitions.SearchString:
		modifier := "none"
		for modifier != f.modifier {
			modifier, value, sure = g.text(e)
		}
	case definitions.SearchSpecial:
		return g.ofSpecial(f, e)
	default:
		_, value, sure = g.value(e)
		if f.kind == definitions.SearchComposite && f.prefix != "" && !strings.Contains("$"+value, "$"+f.prefix) {
			return "", false // it has no part that takes a prefix
		}
	}
	return given(code+f.modifier+"=", value), sure
}

// given is a parameter with its value, "" without one.
func given(name, value string) string {
	if value == "" {
		return ""
	}
	return name + value
}

func (g *generator) ofToken(f form, e *search.Entry) (value string, sure bool) {
	switch {
	case e.Code == "" || f.modifier == "" || f.modifier == ":not":
		return g.token(e), e.Code != "" && f.modifier == ""
	case f.modifier == ":in" || f.modifier == ":not-in":
		set := fmt.Sprint("urn:set:", len(g.terms.sets))
		codings := []search.Coding{{System: e.System, Code: e.Code}}
		for _, other := range g.others(e) {
			codings = append(codings, search.Coding{System: other.System, Code: other.Code})
		}
		g.terms.sets[set] = codings
		return set, f.modifier == ":in"
	case e.System == "":
		return "", false
	}
	// The other codes of its system are above it, or below.
	self := search.Coding{System: e.System, Code: e.Code}
	g.terms.parents[self] = nil
	for _, other := range g.others(e) {
		relative := search.Coding{System: e.System, Code: other.Code}
		if other.System != e.System || relative == self {
			continue
		}
		g.terms.parents[relative] = nil
		if f.modifier == ":above" {
			g.terms.parents[self] = append(g.terms.parents[self], relative)
		} else {
			g.terms.parents[relative] = []search.Coding{self}
		}
	}
	return search.Escape(e.System) + "|" + search.Escape(e.Code), true
}

// others are a few entries of e's parameter in other documents.
func (g *generator) others(e *search.Entry) []*search.Entry {
	var out []*search.Entry
	for range 20 {
		d := g.documents[g.IntN(len(g.documents))]
		for i := range d.Entries {
			if o := &d.Entries[i]; o.Param == e.Param && o.Code != "" {
				out = append(out, o)
			}
		}
	}
	return out
}

func (g *generator) ofReference(f form, e *search.Entry) (text string, sure bool) {
	name := e.Param.Code + f.modifier + "="
	switch {
	case f.prefix == "canonical":
		if e.Version == "" || e.URL == "" {
			return "", false
		}
		version := e.Version
		if f.modifier == ":below" {
			version, _, _ = strings.Cut(version, ".")
		}
		return name + search.Escape(e.URL) + "|" + search.Escape(version), true
	case f.modifier == ":identifier":
		if e.RefID != "" || e.URL != "" || e.Code == "" {
			return "", false
		}
		return name + g.token(e), true
	case e.RefID == "":
		return "", false
	case f.modifier == ":Type":
		return e.Param.Code + ":" + e.RefType + "=" + e.RefID, true
	}
	return name + e.RefType + "/" + e.RefID, f.modifier != ":above"
}

func (g *generator) ofURI(f form, e *search.Entry) (value string, sure bool) {
	scheme := strings.Index(e.URL, "://")
	switch {
	case f.modifier == "":
		return search.Escape(e.URL), true
	case f.modifier == ":contains":
		at := g.IntN(len(e.URL))
		return search.Escape(e.URL[at:]), true
	case scheme < 0:
		return "", false
	case f.modifier == ":above":
		return search.Escape(strings.TrimRight(e.URL, "/") + "/part"), true
	}
	end := scheme + 3 + strings.IndexByte(e.URL[scheme+3:]+"/", '/')
	return search.Escape(e.URL[:end]), true
}

func (g *generator) ofSpecial(f form, e *search.Entry) (text string, sure bool) {
	switch {
	case f.prefix == "near" && e.Param.Code == "near":
		return g.near(), false
	case f.prefix == e.Param.Code && e.Phrase() != "":
		words := strings.Fields(e.Phrase())
		word := words[g.IntN(len(words))]
		if word == "¶" {
			return "", false
		}
		return e.Param.Code + "=" + word, true
	}
	return "", false
}
