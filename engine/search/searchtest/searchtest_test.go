package searchtest

import (
	"regexp"
	"testing"

	"github.com/inglehealth/ingle/internal/synthetic"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
)

var packages = Packages{R5: testpackage.R5, Load: testpackage.Load}

func TestTheMatcherInMemoryRunsEveryScript(t *testing.T) {
	for _, release := range Releases {
		t.Run(string(release), func(t *testing.T) { packages.Run(t, release, Memory) })
	}
}

// What is asked of each release is stated here, so that none is left out unseen.
func TestEveryReleaseIsAskedEveryQueryButThoseThatSayOtherwise(t *testing.T) {
	const (
		usCore   = 370 // which is about R4
		advanced = 46  // what only R5 has
	)
	all := 0
	asked := map[definitions.Release]int{}
	for name, script := range readScripts(t) {
		text, err := scripts.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		all += len(regexp.MustCompile(`(?m)^(\[.*\] )?query `).FindAll(text, -1))
		for _, release := range Releases {
			for _, c := range of(script, release) {
				if c.verb != "query" {
					continue
				}
				if asked[release]++; len(c.more) == 0 {
					t.Errorf("%s.txt:%d: %s has no expectation", name, c.line, release)
				}
			}
		}
	}
	for release, others := range map[definitions.Release]int{
		definitions.R4: 7 + advanced, definitions.R4B: 7 + advanced + usCore, definitions.R5: 11 + usCore,
	} {
		if asked[release] != all-others {
			t.Errorf("%s is asked %d of %d queries, want all but %d", release, asked[release], all, others)
		}
	}
}

func TestResourcesAreFoundByWhatTheyHave(t *testing.T) {
	for _, release := range []definitions.Release{definitions.R4, definitions.R5} {
		catalog := packages.Catalog(t, release)
		resources := Read(t, catalog, synthetic.Patients(t, 2))
		Comparison{
			Catalog: catalog, Resources: append(resources, Contain(t, resources, 8)...), Queries: 400, Seed: 1, Want: Memory(t), Got: Memory(t),
		}.Run(t)
	}
}
