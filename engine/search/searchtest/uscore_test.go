package searchtest

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestEveryCombinationOfUSCoreIsAskedForByName(t *testing.T) {
	asked := map[string]bool{} // "Condition category patient"
	put := map[string]int{}
	script := of(readScripts(t)["us-core"], definitions.R4)
	for _, c := range script {
		if c.verb == "put" {
			put[typeOf(t, c.rest)]++
		}
	}
	for _, c := range script {
		if c.verb != "query" {
			continue
		}
		typeName, query, _ := strings.Cut(c.rest, "?")
		asked[typeName+" "+strings.Join(namesIn(query), " ")] = true
		for _, want := range c.more {
			if found := len(strings.Fields(want.rest)); want.verb != "ids" || found == 0 || found >= put[typeName] {
				t.Errorf("us-core.txt:%d: %s needs one that it finds and one that it does not", c.line, c.rest)
			}
		}
	}
	for _, version := range []string{"6.1.0", "7.0.0", "8.0.0"} {
		catalog, err := search.NewCatalog(packages.Load(t, definitions.MustBuiltIn(definitions.R4), "hl7.fhir.us.core-"+version+".tgz"), Base)
		if err != nil {
			t.Fatal(err)
		}
		known := 0
		for _, resource := range usCoreServer(t, version).Rest[0].Resource {
			for name, values := range map[string][]string{"_include": resource.SearchInclude, "_revinclude": resource.SearchRevInclude} {
				for _, value := range values {
					if q, err := catalog.Parse(resource.Type, []search.Pair{{Name: name, Value: value}}, search.ParseOptions{}); err != nil || len(q.Includes) != 1 {
						t.Errorf("US Core %s: %s?%s=%s: %v", version, resource.Type, name, value, err)
					}
				}
			}
			for _, p := range resource.SearchParam {
				known++
				if !asked[resource.Type+" "+p.Name] {
					t.Errorf("US Core %s: no query of %s by %s", version, resource.Type, p.Name)
				}
			}
			for _, e := range resource.Extension {
				if !strings.HasSuffix(e.URL, "/capabilitystatement-search-parameter-combination") {
					continue
				}
				var names []string
				for _, part := range e.Extension {
					if part.URL == "required" {
						names = append(names, part.ValueString)
					}
				}
				slices.Sort(names)
				known++
				if !asked[resource.Type+" "+strings.Join(names, " ")] {
					t.Errorf("US Core %s: no query of %s by %s together", version, resource.Type, strings.Join(names, ", "))
				}
			}
		}
		if known < 100 {
			t.Errorf("US Core %s has %d parameters and combinations: too few to be all", version, known)
		}
	}
}

// namesIn lists the parameters of a query, sorted, each once.
func namesIn(query string) []string {
	var names []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func typeOf(t *testing.T, resource string) string {
	var r struct {
		ResourceType string `json:"resourceType"`
	}
	if err := json.Unmarshal([]byte(resource), &r); err != nil {
		t.Fatal(err)
	}
	return r.ResourceType
}

// serverStatement is what is read of a CapabilityStatement.
type serverStatement struct {
	Rest []struct {
		Resource []struct {
			Type        string `json:"type"`
			SearchParam []struct {
				Name string `json:"name"`
			} `json:"searchParam"`
			SearchInclude    []string `json:"searchInclude"`
			SearchRevInclude []string `json:"searchRevInclude"`
			Extension        []struct {
				URL       string `json:"url"`
				Extension []struct {
					URL         string `json:"url"`
					ValueString string `json:"valueString"`
				} `json:"extension"`
			} `json:"extension"`
		} `json:"resource"`
	} `json:"rest"`
}

// usCoreServer reads US Core's demands on servers from its package.
func usCoreServer(t *testing.T, version string) serverStatement {
	t.Helper()
	f, err := os.Open(testdata.Dir(t, "packages", "hl7.fhir.us.core-"+version+".tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(unzipped); ; {
		h, err := files.Next()
		if err != nil {
			t.Fatalf("the package has no server's CapabilityStatement: %v", err)
		}
		if h.Name != "package/CapabilityStatement-us-core-server.json" {
			continue
		}
		content, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		var s serverStatement
		if err := json.Unmarshal(content, &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
}
