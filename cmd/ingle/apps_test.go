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
	found, _ = started(t, line, program, args...)
	return found
}

// started is start with what was printed until then.
func started(t *testing.T, line *regexp.Regexp, program string, args ...string) (found, printed string) {
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
		printed += lines.Text() + "\n"
		if m := line.FindStringSubmatch(lines.Text()); m != nil {
			found = m[1]
		}
	}
	if found == "" {
		t.Fatalf("%s %q did not start: %v: %s", program, args, cmd.Wait(), errs.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // until the process ends
	return found, printed
}

// tried is a sandbox and the sample app, both as docs/apps.md starts them, and a
// browser at the app.
type tried struct {
	browser                                   *browser
	issuer, launch, password, printed, client string
}

// tryApp starts them, registers the app and approves it.
func tryApp(t *testing.T) tried {
	t.Helper()
	text, err := os.ReadFile("../../docs/apps.md")
	if err != nil {
		t.Fatal(err)
	}
	serve, chart, ok := strings.Cut(strings.TrimSpace(shellBlock.FindStringSubmatch(string(text))[1]), "\n")
	serve, isServe := strings.CutPrefix(serve, "go run ./cmd/ingle ")
	chart, isChart := strings.CutPrefix(chart, "go run ./apps/chart --iss http://localhost:8080/fhir")
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
	try := tried{browser: newBrowser(t), issuer: "http://" + strings.Replace(listener, "127.0.0.1", "localhost", 1)}
	try.password, try.printed = started(t, regexp.MustCompile(`^Open http://\S+ in a browser.* the password (\w+),`), "ingle", append(strings.Fields(serve), "--listen", listener)...)
	address := start(t, regexp.MustCompile(`^Chart is at (\S+)`), app, append(strings.Fields(chart), "--iss", try.issuer+"/fhir", "--listen", "127.0.0.1:0")...)

	b := try.browser
	try.launch = address + "/launch?iss=" + url.QueryEscape(try.issuer+"/fhir")
	b.open(address).has("Open Chart", try.issuer+"/account")
	b.open(try.launch).has("not yet approved")
	b.open(try.issuer+"/account").fill("login", "admin", "password", try.password).submit("")
	id := regexp.MustCompile(`ingle client approve ([\w-]+)`).FindStringSubmatch(b.open(address).text)
	if id == nil {
		t.Fatal("the app does not say how it is registered")
	}
	b.open(try.issuer + "/account/clients").has("/account/clients/app/" + id[1])
	try.client = id[1]
	registered := b.open(try.issuer + "/account/clients/app/" + id[1])
	registered.has("Chart", "waits for approval")
	approved := registered.action(registered.address.String()).fill("do", "approve").submit("")
	approved.has("The app is approved.")
	approved.action(try.issuer + "/account/sign-out").submit("")
	return try
}

// The way that docs/apps.md shows, from its two commands to the revocation.
func TestTheTwoCommandsOfTheDocumentsOpenAChart(t *testing.T) {
	try := tryApp(t)
	shown := try.browser.open(try.launch).fill("login", "maria", "password", try.password).submit("").submit("allow")
	shown.has("<h1>Maria Elena Delgado</h1>", "Diabetes mellitus type 2", "mmHg")
	shown.action(shown.address.Path + "/refresh").submit("").has("<h1>Maria Elena Delgado</h1>")
	shown.action(shown.address.Path + "/revoke").submit("").has("401 Unauthorized")
}

// The way that docs/consents.md shows behind the two commands: a consent restricts
// the app at once, its total changes, why can be asked, and the audit log is whole.
func TestAConsentRestrictsTheAppOfTheDocumentsAtOnce(t *testing.T) {
	try := tryApp(t)
	token := regexp.MustCompile(`TOKEN=(\S+)`).FindStringSubmatch(try.printed)
	folder := regexp.MustCompile(`find them with --data (\S+)`).FindStringSubmatch(try.printed)
	if token == nil || folder == nil {
		t.Fatal(try.printed)
	}
	shown := try.browser.open(try.launch).fill("login", "maria", "password", try.password).submit("").submit("allow")
	shown.has("<h1>Maria Elena Delgado</h1>", "mmHg")

	commands := consentCommands(t)
	run := func(n int, want ...string) string {
		t.Helper()
		command := strings.NewReplacer("localhost:8080", strings.TrimPrefix(try.issuer, "http://"), "127.0.0.1:8080", strings.TrimPrefix(try.issuer, "http://"),
			"$TOKEN", token[1], "CLIENT_ID", try.client, "DIR", folder[1], "go run ./cmd/ingle ", "ingle ", "./ingle ", "ingle ").Replace(commands[n])
		out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				t.Errorf("%s: no %q in\n%s", command, w, out)
			}
		}
		return string(out)
	}
	if out := run(0, `"valueDecimal"`, "Observation/maria-observation-1"); strings.Contains(out, `"valueDecimal": 0`) {
		t.Errorf("the app sees nothing before the consent: %s", out)
	}
	run(1, `"resourceType":"Consent"`)
	run(2, `"valueDecimal": 0`)
	run(3, "Consent/no-measurements")
	run(4, "events")
	again := try.browser.open(try.launch).submit("allow")
	again.has("<h1>Maria Elena Delgado</h1>", "Diabetes mellitus type 2")
	if strings.Contains(again.text, "mmHg") {
		t.Error("the app still shows measurements")
	}
}

// consentCommands are the commands of docs/consents.md.
func consentCommands(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/consents.md")
	if err != nil {
		t.Fatal(err)
	}
	block := strings.ReplaceAll(strings.TrimSpace(shellBlock.FindStringSubmatch(string(text))[1]), "\\\n", "")
	return strings.Split(block, "\n")
}
