package main

import (
	"bufio"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// start runs a program until the test ends, and returns what a line of its output
// has in the place of the group.
func start(t *testing.T, line *regexp.Regexp, program string, args ...string) (found string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup((&process{cmd: cmd}).kill)
	for lines := bufio.NewScanner(out); found == "" && lines.Scan(); {
		if m := line.FindStringSubmatch(lines.Text()); m != nil {
			found = m[1]
		}
	}
	if found == "" {
		t.Fatalf("%s %q did not start: %v: %s", program, args, cmd.Wait(), errs.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // until the process ends
	return found
}

// The way that docs/apps.md shows, from its two commands to the revocation.
func TestTheTwoCommandsOfTheDocumentsOpenAChart(t *testing.T) {
	text, err := os.ReadFile("../../docs/apps.md")
	if err != nil {
		t.Fatal(err)
	}
	serve, chart, ok := strings.Cut(strings.TrimSpace(shellBlock.FindStringSubmatch(string(text))[1]), "\n")
	serve, isServe := strings.CutPrefix(serve, "go run ./cmd/ingle ")
	chart, isChart := strings.CutPrefix(chart, "go run ./apps/chart --iss http://127.0.0.1:8080/fhir")
	if !ok || !isServe || !isChart || strings.Contains(chart, "\n") {
		t.Fatal("docs/apps.md does not begin with the two commands")
	}
	app := filepath.Join(t.TempDir(), "chart")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", app, "./apps/chart")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	listener := "127.0.0.1:" + freePort(t)
	password := start(t, regexp.MustCompile(`^Sign in at http://\S+/account as maria .* the password (\w+),`), "ingle", append(strings.Fields(serve), "--listen", listener)...)
	issuer := "http://" + listener
	address := start(t, regexp.MustCompile(`^The chart is at (\S+)`), app, append(strings.Fields(chart), "--iss", issuer+"/fhir", "--listen", "127.0.0.1:0")...)

	b := newBrowser(t)
	launch := address + "/launch?iss=" + url.QueryEscape(issuer+"/fhir")
	b.open(address).has("Open a chart", issuer+"/account")
	b.open(launch).has("not yet approved")
	b.open(issuer+"/account").fill("login", "admin", "password", password).submit("")
	id := regexp.MustCompile(`/account/clients/app/([\w-]+)"`).FindStringSubmatch(b.open(issuer + "/account/clients").text)
	if id == nil {
		t.Fatal("the administrator does not see the app")
	}
	registered := b.open(issuer + "/account/clients/app/" + id[1])
	registered.has("Chart", "waits for approval")
	approved := registered.action(registered.address.String()).fill("do", "approve").submit("")
	approved.has("The app is approved.")
	approved.action(issuer + "/account/sign-out").submit("")
	shown := b.open(launch).fill("login", "maria", "password", password).submit("").submit("allow")
	shown.has("<h1>Maria Elena Delgado</h1>", "Diabetes mellitus type 2", "mmHg")
	shown.action("/refresh").submit("").has("<h1>Maria Elena Delgado</h1>")
	shown.action("/revoke").submit("").has("401 Unauthorized")
}
