package search

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// examples yields the official examples of a release that are valid JSON
// resources.
func examples(t testing.TB, d *definitions.Definitions, archive string, use func(name string, tree *fhir.Tree)) {
	t.Helper()
	n := 0
	for name, src := range testdata.Zipped(t, testdata.Dir(t, "examples", archive)) {
		tree, err := fhir.ParseJSON(d, src, fhir.Limits{})
		if err != nil {
			continue // the codec's own tests say which and why
		}
		use(name, tree)
		n++
	}
	if n < 500 {
		t.Fatalf("only %d examples in %s", n, archive)
	}
}

// release loads the definitions of a release by its name.
func release(t testing.TB, name string) *definitions.Definitions {
	t.Helper()
	switch name {
	case "r4":
		return definitions.MustBuiltIn(definitions.R4)
	case "r4b":
		return definitions.MustBuiltIn(definitions.R4B)
	case "r5":
		return testpackage.R5(t)
	}
	return testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), "hl7.fhir.us.core-7.0.0.tgz")
}

func TestEveryParameterThatOfficialExamplesHaveDataForIsExtracted(t *testing.T) {
	for _, name := range []string{"r4", "r4b", "r5"} {
		t.Run(name, func(t *testing.T) {
			d := release(t, name)
			c, err := NewCatalog(d, "")
			if err != nil {
				t.Fatal(err)
			}
			entries := map[string]bool{}
			examples(t, d, "examples-"+name+".zip", func(name string, tree *fhir.Tree) {
				list, err := c.Extract(t.Context(), tree)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				checkEntries(t, name, list)
				again, err := c.Extract(t.Context(), tree)
				if err != nil || !slices.EqualFunc(list, again, func(a, b Entry) bool { return a.equal(&b) }) {
					t.Errorf("%s: a second extraction differs", name)
				}
				for i := range list {
					entries[list[i].Param.Type+"."+list[i].Param.Code] = true
				}
			})
			if len(entries) < 1000 {
				t.Errorf("only %d parameters have entries", len(entries))
			}
		})
	}
}

// checkEntries checks that entries are there once and have the fields of their
// kind.
func checkEntries(t *testing.T, name string, list []Entry) {
	t.Helper()
	keys := map[string]bool{}
	for i := range list {
		checkEntry(t, name, &list[i])
		key := string(list[i].appendKey(nil))
		if keys[key] {
			t.Errorf("%s: entry %+v is there twice", name, list[i])
		}
		keys[key] = true
	}
}

func TestSyntheticPatientsAreExtracted(t *testing.T) {
	c := r4(t)
	for name, trees := range synthea(t, c, 200) {
		for _, tree := range trees {
			list, err := c.Extract(t.Context(), tree)
			if err != nil {
				t.Fatal(name, err)
			}
			if len(list) < 3 {
				t.Errorf("%s has %d entries", tree.Root().Child("id").Text(), len(list))
			}
			checkEntries(t, name, list)
		}
	}
}

// checkEntry checks that an entry has the fields of its kind.
func checkEntry(t *testing.T, name string, e *Entry) {
	t.Helper()
	ok := false
	switch e.Param.Kind {
	case definitions.SearchToken:
		ok = e.Code != "" || e.System != "" || e.Text != ""
	case definitions.SearchString:
		ok = e.Text != "" && Normalize(e.Norm) == e.Norm
	case definitions.SearchReference:
		ok = (e.RefType != "") == (e.RefID != "") && (e.RefID != "" || e.URL != "" || e.Code != "" || e.System != "" || e.Text != "")
	case definitions.SearchURI:
		ok = e.URL != ""
	case definitions.SearchDate:
		ok = e.Time.Lo < e.Time.Hi
	case definitions.SearchNumber, definitions.SearchQuantity:
		ok = e.Number.Lo <= e.Number.Hi
	case definitions.SearchSpecial:
		ok = math.Abs(e.Point.Chord2(Point{})-1) < 1e-9
		if e.Param.Code == codeText {
			ok = e.Norm != "" && strings.Join(Words(e.Norm), " ") == e.Norm
		}
	case definitions.SearchComposite:
		ok = len(e.Parts) > 0
		for i := range e.Parts {
			checkEntry(t, name, &e.Parts[i])
		}
	}
	if !ok {
		t.Errorf("%s: entry %+v lacks what its kind needs", name, *e)
	}
	for _, s := range []string{e.System, e.Code, e.Text, e.Norm, e.RefType, e.RefID, e.URL, e.Version} {
		if len(s) > MaxText {
			t.Errorf("%s: %s has a text of %d bytes", name, e.Param.Code, len(s))
		}
	}
}

// collector gathers the nodes that a path ends in.
func (c *Catalog) nodesOf(root fhir.Node, p path) []fhir.Node {
	var nodes []fhir.Node
	x := extraction{c: c, root: root}
	var follow func(b *branch, n fhir.Node)
	follow = func(b *branch, n fhir.Node) {
		if len(b.sinks) > 0 {
			nodes = append(nodes, n)
		}
		for _, t := range b.tests {
			if t.kind == stepExtension {
				for e := range n.All("extension") {
					if e.Child("url").Text() == t.literal {
						follow(t.to, e)
					}
				}
			} else if x.passes(t.step, n) {
				follow(t.to, n)
			}
		}
		for _, e := range b.edges {
			for child := range n.All(e.name) {
				follow(e.to, child)
			}
		}
	}
	b := &branch{}
	end := b.add(p.steps)
	end.sinks = append(end.sinks, sink{})
	follow(b, root)
	return nodes
}

func TestPathsFindTheNodesThatFHIRPathFinds(t *testing.T) {
	c := r4(t)
	type rule struct {
		path       path
		expression *fhirpath.Expression
	}
	rules := map[string][]rule{}
	for _, name := range c.defs.ResourceTypes() {
		for _, def := range c.defs.SearchParameters(name) {
			for _, alternative := range splitUnion(def.Expression) {
				paths, err := parsePaths(c.defs, alternative)
				if err != nil || len(paths) != 1 || !c.concerns(paths[0].root, name) || strings.Contains(alternative, "resolve()") {
					continue
				}
				// FHIRPath's "as" refuses several items, which search
				// parameters mean to filter.
				text := strings.ReplaceAll(alternative, ".as(", ".ofType(")
				compiled, err := fhirpath.Compile(text)
				if err != nil {
					t.Fatalf("%s of %s: %v", def.Code, name, err)
				}
				rules[name] = append(rules[name], rule{paths[0], compiled})
			}
		}
	}
	compared := 0
	examples(t, c.defs, "examples-r4.zip", func(name string, tree *fhir.Tree) {
		root := tree.Root()
		for _, r := range rules[root.Type().Name] {
			values, err := r.expression.AppendNode(t.Context(), &fhirpath.Env{}, root, nil)
			if several := (*fhirpath.EvaluationError)(nil); errors.As(err, &several) && strings.Contains(r.expression.String(), " as ") {
				continue
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, r.expression, err)
				continue
			}
			got := c.nodesOf(root, r.path)
			if !slices.EqualFunc(got, values, func(n fhir.Node, v fhirpath.Value) bool {
				m, ok := v.Node()
				return ok && m == n
			}) {
				t.Errorf("%s: %s: the path finds %d nodes, FHIRPath %d", name, r.expression, len(got), len(values))
			}
			compared += len(got)
		}
	})
	if compared < 5_000 {
		t.Errorf("only %d nodes were compared", compared)
	}
	t.Logf("%d nodes compared", compared)
}
