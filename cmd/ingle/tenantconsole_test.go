package main

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"
)

var firstLinkShown = regexp.MustCompile(`http://[^\s<"]+/account/first/igl_li_[\w-]+`)

// An administrator makes a copy and a sandbox in the console; who opens the link becomes
// the administrator of the sandbox, resets it, and sees no other tenant.
func TestAnAdministratorMakesTenantsInTheConsole(t *testing.T) {
	where := []string{"--data", t.TempDir()}
	p := startClosed(t, where...)
	base := strings.TrimSuffix(p.url, "/fhir")
	invited := regexp.MustCompile(`http://\S+`).FindString(command(t, true, where, "user", "add", "root", "--role", "administrator"))
	admin := newBrowser(t)
	admin.open(invited).fill("password", "a lamp in the night", "repeated", "a lamp in the night").submit("")
	make := func(name, content string) page {
		t.Helper()
		return admin.open(base+"/console/tenants").action("/console/tenants/new").fill("name", name, "content", content).submit("")
	}
	const form = "/console/tenants/tenant/training"
	make("copy", "copy of ").has("Tenant copy", "A copy of the default tenant", base+"/t/copy/fhir")
	made := make("training", "sandbox")
	for until := time.Now().Add(time.Minute); !strings.Contains(made.text, base+"/t/training/fhir") && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		made = admin.open(base + form)
	}
	made.has(base + "/t/training/fhir")
	link := firstLinkShown.FindString(html.UnescapeString(made.action(form).fill("act", "link").submit("").text))
	if !strings.HasPrefix(link, base+"/t/training/") {
		t.Fatalf("no link for a first administrator: %q", link)
	}
	trainer := newBrowser(t)
	trainer.open(link).fill("login", "trainer", "name", "Trainer", "password", "a lamp in the night", "repeated", "a lamp in the night").submit("")
	own := trainer.open(base + "/t/training/console/tenants")
	own.has(base + "/t/training/fhir")
	if strings.Contains(own.text, "Make a tenant") || strings.Contains(own.text, "/t/copy/") {
		t.Errorf("who administers one tenant sees others:\n%s", own.text)
	}
	made = admin.open(base + form)
	made.action(form).fill("act", "reset").submit("").has("Tick that all records are to be thrown away.")
	made.action(form).fill("act", "reset", "confirm-reset", "1").submit("").has("The sandbox's records are as on a new one.")
	made.action(form).fill("act", "suspend").submit("").has("suspended")
	becomes(t, base+"/t/training/console/tenants", "", 404)
	made.action(form).fill("act", "delete", "confirm", "training").submit("").has("The tenant is gone.")
	if gone := admin.open(base + "/console/tenants"); strings.Contains(gone.text, "training") {
		t.Errorf("it is listed still:\n%s", gone.text)
	}
}
