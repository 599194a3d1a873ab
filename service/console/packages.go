package console

import (
	"cmp"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/definitions"
)

var packagesTemplate = parse("packages.html")

// lackingShown is how many incomplete parameters a page lists.
const lackingShown = 200

// loaded is a release with what packages added to it.
type loaded struct {
	*definitions.Definitions
	Name     string
	Packages []definitions.Package
	Types    int
	Sets     int // value sets
	Systems  int // code systems
}

// parameter is a search parameter of the type that is looked at.
type parameter struct {
	Code, Type, Words string
	Stored            bool
	State             pages.Tag
}

type packagesPage struct {
	pages.Frame
	Releases   []loaded
	Stored     []records.StoredParameter
	Lacking    []records.Incomplete
	More       int // of Lacking
	Fields     []pages.Field
	Type       string
	Parameters []parameter
}

func isStuck(i records.Incomplete) bool { return i.Problem != "" }

// packages shows the releases and packages that are loaded, and the search parameters
// with the state of their index.
func (v *visit) packages() error {
	page := packagesPage{Frame: v.frame("Packages", Path+"/packages", pages.Wide)}
	var releases []string
	for _, d := range v.Door.Releases() {
		page.Releases = append(page.Releases, loaded{d, string(d.Release), d.Packages(), len(d.ResourceTypes()), len(d.ValueSets()), len(d.CodeSystems())})
		releases = append(releases, string(d.Release), string(d.Release))
	}
	ctx := v.R.Context()
	var err error
	if page.Stored, err = v.Door.StoredParameters(ctx); err != nil {
		return err
	}
	lacking, err := v.Door.Incomplete(ctx)
	if err != nil {
		return err
	}
	release := definitions.Release(cmp.Or(v.Query.Get("release"), string(v.Door.Releases()[0].Release)))
	page.Type = cmp.Or(v.Query.Get("type"), "Patient")
	defs := v.Door.Definitions(release)
	if defs == nil || !defs.IsResource(page.Type) {
		page.Problems = append(page.Problems, pages.Problem{Field: "type", Message: "There is no such resource type in a release that is loaded."})
	} else {
		page.Parameters = parameters(v.Door.Catalog(release), page.Type, lacking)
	}
	page.Fields = []pages.Field{{ID: "type", Label: "Resource type", Value: page.Type, Error: page.Problem("type"), Complete: "off"}}
	if len(releases) > 2 {
		page.Fields = append(page.Fields, pages.Field{ID: "release", Label: "Release", Choices: pages.Choices(string(release), releases...)})
	}
	if n := len(lacking); n > lackingShown {
		lacking, page.More = lacking[:lackingShown], n-lackingShown
	}
	page.Lacking = lacking
	return v.Write(pages.StatusOf(page.Problems), page.Frame, packagesTemplate, page)
}

func parameters(c *search.Catalog, typeName string, lacking []records.Incomplete) (all []parameter) {
	states := map[string]pages.Tag{}
	for _, i := range lacking {
		states[i.Param] = stateOf(i)
	}
	for _, p := range c.Parameters(typeName) {
		one := parameter{Code: p.Code, Type: string(p.Kind), Words: meaning(p.Human, typeName), Stored: p.Added, State: pages.Tag{Kind: "good", Text: "complete"}}
		if s, ok := states[typeName+"."+p.Code]; ok {
			one.State = s
		}
		if p.Problem != "" {
			one.State, one.Words = pages.Tag{Kind: "warn", Text: "not searchable"}, pages.Sentence(p.Problem)
		}
		all = append(all, one)
	}
	return all
}

// stateOf is how far the index of a parameter is.
func stateOf(i records.Incomplete) pages.Tag {
	switch {
	case isStuck(i):
		return pages.Tag{Kind: "bad", Text: "stuck"}
	case i.Reading:
		return pages.Tag{Kind: "warn", Text: "being made"}
	}
	return pages.Tag{Kind: "warn", Text: "to be made"}
}

// meaning is what a parameter means for a type. The description of one that several
// types share has a part for each: "* [Patient](patient.html): Gender of the patient".
func meaning(text, typeName string) string {
	_, own, shared := strings.Cut(text, "["+typeName+"](")
	if shared {
		_, own, _ = strings.Cut(own, "): ")
		text, _, _ = strings.Cut(own, "* [")
	}
	return strings.TrimSpace(text)
}
