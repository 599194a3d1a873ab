package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	nextCurl   = regexp.MustCompile(`\n(?:curl )`)
)

// The documents show requests to a sandbox; each of them works as it stands,
// in the order in which they are shown.
func TestTheRequestsThatTheDocumentsShowWork(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed: it is needed to try what the documents show", tool)
		}
	}
	shown := 0
	for file, p := range map[string]*process{"README.md": startClosed(t, "--sandbox"), "docs/access.md": startClosed(t, "--sandbox", castAlone), "docs/rest.md": startServer(t, "--sandbox", castAlone)} {
		host := strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/fhir")
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
			for _, command := range nextCurl.Split("\n"+block[1], -1)[1:] {
				shown++
				command = "curl --fail-with-body " + strings.ReplaceAll(command, "localhost:8080", host)
				cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
				cmd.Env = append(os.Environ(), "TOKEN="+p.token)
				if out, err := cmd.CombinedOutput(); err != nil || len(out) == 0 {
					t.Errorf("%s: %s\n%v\n%.500s", file, command, err, out)
				}
			}
		}
	}
	if shown < 8 {
		t.Errorf("only %d requests were found", shown)
	}
}
