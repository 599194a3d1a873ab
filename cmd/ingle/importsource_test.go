package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
)

// One server imports what another exports, for which it proves who it is by its key.
func TestAServerImportsWhatAnotherExportsToIt(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "puller.jwk")
	if _, err := makeImportKey(keys); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "from")
	from := &sandboxed{startClosed(t, "--sandbox", castAlone, "--data", dir), dir}
	from.administer(t, "client", "add", "Puller", "--id", "puller", "--backend", "--jwks", keys+".public", "--scope", "system/*.rs")
	data := filepath.Join(t.TempDir(), "to")
	to := startClosed(t, "--data", data, "--import-allow", "localhost", "--import-allow", "127.0.0.1",
		"--import-source", from.url+"=puller", "--import-key", keys)
	token := strings.TrimSpace(mustRun(t, "token", "create", "--scope", "system/*.cruds", "--data", data))
	reader := strings.TrimSpace(mustRun(t, "token", "create", "--scope", "system/*.rs", "--data", data))
	order := fmt.Sprintf(`{"resourceType":"Parameters","parameter":[{"name":"exportUrl","valueUrl":"%s/$export"},{"name":"_type","valueString":"Patient,Organization,Practitioner,Location"}]}`, from.url)
	if status, body := send(t.Context(), client, "POST", to.url+"/$import", order, "Authorization", "Bearer "+reader); status != 403 || !strings.Contains(body, "system/*.cu") {
		t.Errorf("a reader orders an import: %d %s", status, body)
	}
	if status, _ := send(t.Context(), client, "POST", to.url+"/$import", order); status != 401 {
		t.Errorf("somebody orders an import: %d", status)
	}
	q, err := http.NewRequestWithContext(t.Context(), "POST", to.url+"/$import", strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/fhir+json")
	q.Header.Set("Authorization", "Bearer "+token)
	a, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	if a.StatusCode != 202 {
		t.Fatal(a.StatusCode)
	}
	sums, report := overAs(t, a.Header.Get("Content-Location"), token)
	if sums.Accepted < 10 || sums.Lines != sums.Accepted+sums.Matched+sums.Refused || sums.Refused > 0 {
		t.Errorf("%+v\n%s", sums, report)
	}
	status, body := send(t.Context(), client, "GET", to.url+"/Patient/maria", "", "Authorization", "Bearer "+token)
	if status != 200 || !strings.Contains(body, `"maria"`) {
		t.Errorf("%d %s", status, body)
	}
}

// overAs waits for an import with a token, and reads its report.
func overAs(t *testing.T, at, token string) (importSums, string) {
	t.Helper()
	bearer := []string{"Authorization", "Bearer " + token}
	for range 3000 {
		status, body := send(t.Context(), client, "GET", at, "", bearer...)
		if status == 202 {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		var r struct{ Extension map[string]importSums }
		if status != 200 || json.Unmarshal([]byte(body), &r) != nil {
			t.Fatalf("%d %s", status, body)
		}
		_, report := send(t.Context(), client, "GET", at+"/report.ndjson", "", bearer...)
		return r.Extension["https://ingle.health/fhir/import-counts"], report
	}
	t.Fatal("it is never over")
	return importSums{}, ""
}

func TestATokenOfASourceIsForTheTenantThatItIsGivenFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "from")
	from := &sandboxed{startClosed(t, "--sandbox", castAlone, "--data", dir), dir}
	keys := filepath.Join(t.TempDir(), "puller.jwk")
	if _, err := makeImportKey(keys); err != nil {
		t.Fatal(err)
	}
	from.administer(t, "client", "add", "Puller", "--id", "puller", "--backend", "--jwks", keys+".public", "--scope", "system/*.rs")
	place, err := guard.ParsePlace("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	flags := &importFlags{ImportSource: []string{"north=" + from.url + "=puller"}, ImportKey: keys}
	sources, err := flags.sources(&guard.Guard{Places: []guard.Place{place}}, []string{"", "north", "south"})
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(from.url + "/$export")
	if err != nil {
		t.Fatal(err)
	}
	for tenant, gets := range map[string]bool{"": false, "north": true, "south": false} {
		if token, err := sources.of(tenant)(t.Context(), to, false); err != nil || (token != "") != gets {
			t.Errorf("%q gets %q: %v", tenant, token, err)
		}
	}
	for _, text := range []string{"east=" + from.url + "=puller", "north=" + from.url, "nothing"} {
		flags.ImportSource = []string{text}
		if _, err := flags.sources(&guard.Guard{}, []string{"", "north"}); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
