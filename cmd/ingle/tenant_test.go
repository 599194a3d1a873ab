package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// tenancyPlaces are where servers of the tests keep records, with the flags by which
// commands find them.
func tenancyPlaces(t *testing.T) map[string]func(*testing.T) []string {
	t.Helper()
	return map[string]func(*testing.T) []string{
		"SQLite": func(t *testing.T) []string {
			return []string{"--data", filepath.Join(t.TempDir(), "a"), "--key-file", filepath.Join(t.TempDir(), "key")}
		},
		"PostgreSQL": func(t *testing.T) []string {
			return []string{"--database", newDatabase(t), "--key-file", filepath.Join(t.TempDir(), "key")}
		},
	}
}

// command runs `ingle` with flags behind the words, and fails the test when it does not
// end as it should.
func command(t *testing.T, well bool, where []string, words ...string) string {
	t.Helper()
	out, err := ingle(t, append(words, where...)...)
	if (err == nil) != well {
		t.Fatalf("%q: %v\n%s", words, err, out)
	}
	return out
}

// at is the FHIR base of a tenant.
func (p *process) at(tenant string) string {
	if tenant == "" {
		return p.url
	}
	return strings.TrimSuffix(p.url, "/fhir") + "/t/" + tenant + "/fhir"
}

// becomes waits until a request is answered with a status.
func becomes(t *testing.T, url, token string, status int) {
	t.Helper()
	var got int
	var body string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, body = send(t.Context(), client, "GET", url, "", "Authorization", "Bearer "+token); got == status {
			return
		}
	}
	t.Fatalf("%s is answered with %d instead of %d: %s", url, got, status, body)
}

func tokenFor(t *testing.T, where []string, tenant string) string {
	t.Helper()
	words := []string{"token", "create", "--scope", "system/*.cruds"}
	if tenant != "" {
		words = append(words, "--tenant", tenant)
	}
	out := command(t, true, where, words...)
	fields := strings.Fields(out)
	return fields[len(fields)-1]
}

// Tenants are made, copied, suspended and deleted while clients write to another one,
// none of whose requests fails; and they are there after a restart.
func TestTenantsComeAndGoWhileTheServerWorks(t *testing.T) {
	for name, where := range tenancyPlaces(t) {
		t.Run(name, func(t *testing.T) { comeAndGo(t, where(t)) })
	}
}

func comeAndGo(t *testing.T, where []string) {
	p := startClosed(t, where...)
	token := tokenFor(t, where, "")
	auth := []string{"Authorization", "Bearer " + token}
	if status, body := send(t.Context(), client, "PUT", p.url+"/Patient/maria", `{"resourceType":"Patient","id":"maria"}`, auth...); status != 201 {
		t.Fatal(status, body)
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	written := 0
	writing.Go(func() {
		for ctx.Err() == nil {
			status, body := send(t.Context(), client, "POST", p.url+"/Patient", `{"resourceType":"Patient"}`, auth...)
			if status != 201 {
				t.Errorf("a request to another tenant is answered with %d %s", status, body)
			}
			written++
			time.Sleep(5 * time.Millisecond)
		}
	})

	command(t, true, where, "tenant", "create", "east")
	east := tokenFor(t, where, "east")
	becomes(t, p.at("east")+"/metadata", "", 200)
	becomes(t, p.at("east")+"/Patient/maria", east, 404)
	if status, body := send(t.Context(), client, "PUT", p.at("east")+"/Patient/otto", `{"resourceType":"Patient","id":"otto"}`, "Authorization", "Bearer "+east); status != 201 {
		t.Fatal(status, body)
	}
	becomes(t, p.url+"/Patient/otto", token, 404)

	command(t, true, where, "tenant", "clone", "copy")
	becomes(t, p.at("copy")+"/metadata", "", 200)
	if status, _ := send(t.Context(), client, "GET", p.at("copy")+"/Patient/maria", "", auth...); status != 401 {
		t.Errorf("a token of the tenant that was copied is answered with %d", status)
	}
	copied := tokenFor(t, where, "copy")
	becomes(t, p.at("copy")+"/Patient/maria", copied, 200)
	if status, body := send(t.Context(), client, "DELETE", p.at("copy")+"/Patient/maria", "", "Authorization", "Bearer "+copied); status/100 != 2 {
		t.Fatal(status, body)
	}
	becomes(t, p.url+"/Patient/maria", token, 200)
	differentKeys(t, p, "", "copy")
	command(t, true, where, "tenant", "clone", "second", "--of", "copy")
	becomes(t, p.at("second")+"/Patient/maria", tokenFor(t, where, "second"), 410)
	for _, tenant := range []string{"copy", "second", "east"} {
		if out := command(t, true, where, "audit", "verify", "--tenant", tenant); !strings.Contains(out, "whole") {
			t.Errorf("the log of %s: %s", tenant, out)
		}
	}

	if out := command(t, false, where, "tenant", "create", "east"); !strings.Contains(out, "already") {
		t.Error(out)
	}
	if out := command(t, false, where, "tenant", "delete", "east", "--yes"); !strings.Contains(out, "suspend it first") {
		t.Error(out)
	}
	command(t, true, where, "tenant", "suspend", "east")
	becomes(t, p.at("east")+"/Patient/otto", east, 404)
	command(t, true, where, "tenant", "resume", "east")
	becomes(t, p.at("east")+"/Patient/otto", east, 200)
	command(t, true, where, "tenant", "suspend", "copy")
	command(t, true, where, "tenant", "suspend", "east")
	becomes(t, p.at("copy")+"/metadata", "", 404)
	command(t, true, where, "tenant", "delete", "copy", "--yes")
	stop()
	writing.Wait()
	if written < 20 {
		t.Errorf("%d requests meanwhile are too few to say anything", written)
	}

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, p.log)
	}
	if strings.Contains(p.log.String(), "ERROR") {
		t.Error(p.log)
	}
	p = startClosed(t, where...)
	becomes(t, p.at("second")+"/metadata", "", 200)
	becomes(t, p.at("east")+"/metadata", "", 404)
	becomes(t, p.at("copy")+"/metadata", "", 404)
	command(t, true, where, "tenant", "resume", "east")
	becomes(t, p.at("east")+"/Patient/otto", east, 200)
	list := command(t, true, where, "tenant", "list")
	if !strings.Contains(list, "copy of tenant copy") || strings.Contains(list, "\ncopy ") {
		t.Error(list)
	}
	events := command(t, true, where, "audit", "export")
	for _, what := range []string{"tenant east was made", "tenant copy (a copy of the default tenant) was made", "tenant copy (a copy of the default tenant) was deleted", "command: tenant suspend east"} {
		if !strings.Contains(events, what) {
			t.Errorf("the audit log does not tell: %s", what)
		}
	}
}

// differentKeys fails if two tenants sign with the same keys.
func differentKeys(t *testing.T, p *process, a, b string) {
	t.Helper()
	keys := func(tenant string) string {
		status, body := send(t.Context(), client, "GET", strings.TrimSuffix(p.at(tenant), "/fhir")+"/auth/jwks", "")
		if status != http.StatusOK || !strings.Contains(body, `"kid"`) {
			t.Fatalf("%d %s", status, body)
		}
		return body
	}
	for field := range strings.SplitSeq(keys(a), `"kid":"`) {
		kid, _, ok := strings.Cut(field, `"`)
		if ok && len(kid) > 20 && strings.Contains(keys(b), kid) {
			t.Errorf("both sign with %s", kid)
		}
	}
}

// Every process on a database serves what is made through one of them.
func TestATenantIsServedByEveryProcess(t *testing.T) {
	where := tenancyPlaces(t)["PostgreSQL"](t)
	first, second := startClosed(t, where...), startClosed(t, where...)
	command(t, true, where, "tenant", "create", "east")
	token := tokenFor(t, where, "east")
	for _, p := range []*process{first, second} {
		becomes(t, p.at("east")+"/Patient", token, 200)
	}
	command(t, true, where, "tenant", "suspend", "east")
	for _, p := range []*process{first, second} {
		becomes(t, p.at("east")+"/Patient", token, 404)
	}
	command(t, true, where, "tenant", "delete", "east", "--yes")
	command(t, true, where, "tenant", "create", "east")
	for _, p := range []*process{first, second} {
		becomes(t, p.at("east")+"/Patient", token, 401)
	}
}

// Servers are killed while they copy: the next one makes the whole copy, and nothing half
// is left.
func TestACopyIsMadeWholeWhenTheServerIsKilled(t *testing.T) {
	for name, where := range tenancyPlaces(t) {
		t.Run(name, func(t *testing.T) {
			where := where(t)
			p := startClosed(t, append(where, "--sandbox")...)
			token := p.token
			kills := 0
			for i := range 3 {
				cloning := exec.Command("ingle", append([]string{"tenant", "clone", fmt.Sprint("copy-", i)}, where...)...)
				if err := cloning.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(100+150*i) * time.Millisecond)
				_ = cloning.Process.Kill() // it may have ended, as it may not
				_ = cloning.Wait()
				p.kill()
				kills++
				p = startClosed(t, append(where, "--sandbox")...)
			}
			if token == "" || kills != 3 {
				t.Fatal("there is no sandbox")
			}
			count := func(tenant string) string {
				_, body := send(t.Context(), client, "GET", p.at(tenant)+"/Observation?_summary=count", "", "Authorization", "Bearer "+tokenFor(t, where, tenant))
				_, total, _ := strings.Cut(body, `"total":`)
				total, _, _ = strings.Cut(total, ",")
				return total
			}
			list := ""
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
				if list = command(t, true, where, "tenant", "list"); !strings.Contains(list, " making ") {
					break
				}
			}
			for i := range 3 {
				tenant := fmt.Sprint("copy-", i)
				if !strings.Contains(list, tenant) { // killed before the order was on disk
					continue
				}
				becomes(t, p.at(tenant)+"/metadata", "", 200)
				if got := count(tenant); got == "" || got == "0" {
					t.Errorf("%s has %q Observations", tenant, got)
				}
			}
			noDrafts(t, where)
		})
	}
}

// noDrafts fails if something is left of a tenant that was not made.
func noDrafts(t *testing.T, where []string) {
	t.Helper()
	if where[0] == "--data" {
		left, err := filepath.Glob(filepath.Join(where[1], "tenants", ".*"))
		if err != nil || len(left) > 0 {
			t.Errorf("%q, %v", left, err)
		}
		return
	}
	conn, err := pgx.Connect(t.Context(), where[1])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }() // it was only read
	var left int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'draft%'").Scan(&left); err != nil || left > 0 {
		t.Errorf("%d schemas, %v", left, err)
	}
}
