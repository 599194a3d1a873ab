package auth_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/identity"
)

const (
	settings      = "https://app.example|settings"
	settingsScope = "patient/Basic.cuds?code=" + settings
)

// keeper is an app that may keep settings of a patient, with a token for ann.
type keeper struct {
	*place
	token string
}

func newKeeper(t *testing.T, scopes string) keeper {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) {
		c.Scopes = append(c.Scopes, settingsScope, "user/Basic.cuds?code="+smartCode(settings))
	})
	return keeper{p, p.accessToken(c, "launch/patient "+scopes, "ann")}
}

// accessToken is what an app gets that a user allows scopes.
func (p *place) accessToken(c *identity.Client, scopes, login string) string {
	p.t.Helper()
	text, _ := p.tokens(c, scopes, login)["access_token"].(string)
	return text
}

func smartCode(code string) string { return url.QueryEscape(code) }

// state sends a request about app state with the token.
func (k keeper) state(method, path, body string, header ...string) answer {
	k.t.Helper()
	r, err := http.NewRequestWithContext(k.t.Context(), method, k.url+"/app-state/Basic"+path, strings.NewReader(body))
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+k.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return k.send(k.client, r)
}

// basic is app state of ann's with a value.
func (k keeper) basic(id, value string) string {
	if id != "" {
		id = `"id":"` + id + `",`
	}
	return fmt.Sprintf(`{"resourceType":"Basic",%s"subject":{"reference":"%s/fhir/Patient/ann"},"code":{"coding":[{"system":"https://app.example","code":"settings"}]},"extension":[{"url":"https://app.example/v1","valueString":"%s"}]}`, id, k.url, value)
}

func (k keeper) find() string {
	return "?" + url.Values{"code": {settings}, "subject": {k.url + "/fhir/Patient/ann"}}.Encode()
}

func TestAppStateIsKeptFoundChangedAndDeleted(t *testing.T) {
	k := newKeeper(t, settingsScope)
	made := k.state("POST", "", k.basic("", "one")).want(201)
	id, _ := made.json()["id"].(string)
	if made.header.Get("ETag") != `W/"1"` || made.header.Get("Location") != k.url+"/app-state/Basic/"+id || id == "" {
		t.Errorf("%v %s", made.header, made.body)
	}
	made.has(`"versionId":"1"`, `"valueString":"one"`, `"reference":"`+k.url+`/fhir/Patient/ann"`)
	k.state("GET", k.find(), "").want(200).has(`"type":"searchset"`, `"total":1`, id, `"valueString":"one"`)
	changed := k.state("PUT", "/"+id, k.basic(id, "two"), "If-Match", `W/"1"`).want(200).has(`"versionId":"2"`, `"valueString":"two"`)
	if changed.header.Get("ETag") != `W/"2"` {
		t.Errorf("%v", changed.header)
	}
	k.state("DELETE", "/"+id, "", "If-Match", `W/"2"`).want(204)
	k.state("GET", k.find(), "").want(200).has(`"total":0`)
	k.state("PUT", "/"+id, k.basic(id, "three"), "If-Match", `W/"3"`).want(412)
	k.state("DELETE", "/"+id, "", "If-Match", `W/"2"`).want(412)
}

func TestAppStateNeedsIfMatchOfTheVersionThereIs(t *testing.T) {
	k := newKeeper(t, settingsScope)
	id, _ := k.state("POST", "", k.basic("", "one")).want(201).json()["id"].(string)
	for _, method := range []string{"PUT", "DELETE"} {
		k.state(method, "/"+id, k.basic(id, "x")).want(412).has("If-Match")
		k.state(method, "/"+id, k.basic(id, "x"), "If-Match", `W/"7"`).want(412)
		k.state(method, "/"+id, k.basic(id, "x"), "If-Match", `*`).want(412)
	}
	k.state("GET", k.find(), "").want(200).has(`"valueString":"one"`)
}

func TestCodeAndSubjectOfAppStateNeverChange(t *testing.T) {
	k := newKeeper(t, settingsScope)
	id, _ := k.state("POST", "", k.basic("", "one")).want(201).json()["id"].(string)
	for _, change := range [][2]string{{`"code":"settings"`, `"code":"other"`}, {"https://app.example\"", "https://b.example\""}, {"Patient/ann", "Patient/bob"}} {
		body := strings.Replace(k.basic(id, "x"), change[0], change[1], 1)
		k.state("PUT", "/"+id, body, "If-Match", `W/"1"`).want(412)
	}
	k.state("PUT", "/"+id, k.basic("other", "x"), "If-Match", `W/"1"`).want(400)
	k.state("PUT", "/"+id, k.basic("", "x"), "If-Match", `W/"1"`).want(400)
}

func TestAppStateThatBreaksARuleIsRefused(t *testing.T) {
	k := newKeeper(t, settingsScope)
	for name, c := range map[string]struct {
		change [2]string
		status int
	}{
		"an id":                      {[2]string{`"Basic",`, `"Basic","id":"mine",`}, 422},
		"a version":                  {[2]string{`"Basic",`, `"Basic","meta":{"versionId":"1"},`}, 422},
		"two codings":                {[2]string{`"coding":[`, `"coding":[{"system":"urn:x","code":"y"},`}, 422},
		"no coding":                  {[2]string{`{"system":"https://app.example","code":"settings"}`, ``}, 422},
		"a coding without system":    {[2]string{`"system":"https://app.example",`, ``}, 422},
		"a relative subject":         {[2]string{k.url + "/fhir/", ""}, 422},
		"a subject somewhere else":   {[2]string{k.url, "https://other.example"}, 422},
		"a subject of another type":  {[2]string{"Patient/ann", "Group/1"}, 422},
		"another kind of value":      {[2]string{`"valueString":"v"`, `"valueInteger":1`}, 422},
		"an extension without value": {[2]string{`,"valueString":"v"`, ``}, 422},
		"an extension within one":    {[2]string{`"valueString":"v"`, `"extension":[]`}, 422},
		"an unknown element":         {[2]string{`"Basic",`, `"Basic","created":"2026-01-01",`}, 422},
		"another resource":           {[2]string{`"Basic"`, `"Observation"`}, 422},
		"no JSON":                    {[2]string{`{"resourceType"`, `resourceType`}, 422},
	} {
		body := strings.Replace(k.basic("", "v"), c.change[0], c.change[1], 1)
		if a := k.state("POST", "", body); a.status != c.status || !strings.Contains(a.body, "OperationOutcome") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	k.state("POST", "", k.basic("", "v"), "Content-Type", "text/plain").want(415)
	k.state("POST", "", k.basic("", "v")+k.basic("", "w")).want(400).has("something follows the resource")
	k.state("GET", k.find(), "").want(200).has(`"total":0`)
}

func TestAppStateIsAtMost256KiB(t *testing.T) {
	k := newKeeper(t, settingsScope)
	room := 256<<10 - len(k.basic("", ""))
	k.state("POST", "", k.basic("", strings.Repeat("x", room))).want(201)
	k.state("POST", "", k.basic("", strings.Repeat("x", room+1))).want(413)
}

func TestAppStateIsFoundByCodeAndSubjectOnly(t *testing.T) {
	k := newKeeper(t, settingsScope)
	for _, query := range []string{
		"", "?code=" + smartCode(settings), "?code=settings&subject:missing=true", "?code=" + smartCode(settings) + "&subject:missing=false",
		k.find() + "&subject:missing=true", k.find() + "&_count=1", k.find() + "&code=x",
	} {
		k.state("GET", query, "").want(400).has("searched for by")
	}
	k.state("GET", "?code="+smartCode(settings)+"&subject:missing=true", "").want(200).has(`"total":0`)
}

func TestOnlyWhoIsRegisteredForACodeHasItsAppState(t *testing.T) {
	k := newKeeper(t, settingsScope)
	id, _ := k.state("POST", "", k.basic("", "secret")).want(201).json()["id"].(string)
	// The token names another code, whatever else it allows.
	other := newKeeperOf(t, k.place, "patient/*.cruds patient/Basic.cuds?code="+smartCode("https://other.example|settings"), settingsScope)
	for _, a := range []answer{other.state("GET", k.find(), ""), other.state("POST", "", k.basic("", "x"))} {
		a.want(403)
		if !strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_scope") {
			t.Errorf("%v", a.header)
		}
	}
	other.state("PUT", "/"+id, k.basic(id, "x"), "If-Match", `W/"1"`).want(412)
	other.state("DELETE", "/"+id, "", "If-Match", `W/"1"`).want(412)
	// The token names the code, but the app is not registered for it.
	greedy := newKeeperOf(t, k.place, settingsScope)
	greedy.state("GET", k.find(), "").want(403)
	// Or it is, for resources of another type.
	other = newKeeperOf(t, k.place, "patient/Observation.cuds?code="+settings, "patient/Observation.cuds?code="+settings)
	other.state("GET", k.find(), "").want(403)
	k.state("GET", k.find(), "").want(200).has("secret")
}

// newKeeperOf is another app at a place, registered with further scopes, whose
// token has the first.
func newKeeperOf(t *testing.T, p *place, asked string, registered ...string) keeper {
	c, _ := p.register(func(c *identity.Client) { c.Scopes = append(c.Scopes, registered...) })
	return keeper{p, p.accessToken(c, "launch/patient "+asked, "ann")}
}

func TestAppStateIsThatOfThePatientInContextOrOfTheUser(t *testing.T) {
	k := newKeeper(t, settingsScope)
	bob := strings.Replace(k.basic("", "x"), "Patient/ann", "Patient/bob", 1)
	k.state("POST", "", bob).want(403)
	k.state("GET", "?"+url.Values{"code": {settings}, "subject": {k.url + "/fhir/Patient/bob"}}.Encode(), "").want(403)
	// What belongs to nobody is read by all, and written by services and administrators.
	k.state("POST", "", strings.Replace(k.basic("", "x"), `"subject":{"reference":"`+k.url+`/fhir/Patient/ann"},`, "", 1)).want(403)

	c, _ := k.register(func(c *identity.Client) { c.Scopes = append(c.Scopes, "user/Basic.cuds?code="+settings) })
	noor := keeper{k.place, k.accessToken(c, "user/Basic.cuds?code="+settings, "noor")}
	for subject, want := range map[string]int{"Practitioner/noor": 201, "PractitionerRole/gp": 201, "Practitioner/other": 403, "Patient/ann": 403} {
		noor.state("POST", "", strings.Replace(k.basic("", "x"), "Patient/ann", subject, 1)).want(want)
	}
}

func TestAppStateOfNobodyIsWrittenByAdministratorsAndServicesAndReadByAll(t *testing.T) {
	k := newKeeper(t, settingsScope)
	k.user("root", identity.Administrator)
	const user, system = "user/Basic.cuds?code=" + settings, "system/Basic.cuds?code=" + settings
	c, _ := k.register(func(c *identity.Client) { c.Scopes = append(c.Scopes, user) })
	root := keeper{k.place, k.accessToken(c, user, "root")}
	noor := keeper{k.place, k.accessToken(c, user, "noor")}
	b := k.backend(system)
	given := k.place.token(backendForm(system, signed(jose.ES384, ecKey(), headers("e"), k.claims(b)))).want(200).json()
	service := keeper{k.place, given["access_token"].(string)}
	global := strings.Replace(k.basic("", "for all"), `"subject":{"reference":"`+k.url+`/fhir/Patient/ann"},`, "", 1)
	const find = "?code=https://app.example%7Csettings&subject:missing=true"
	id, _ := root.state("POST", "", global).want(201).json()["id"].(string)
	service.state("POST", "", global).want(201)
	noor.state("POST", "", global).want(403)
	for name, reader := range map[string]keeper{"a patient's app": k, "a nurse's": noor, "an administrator's": root, "a service": service} {
		if got := reader.state("GET", find, "").want(200).has("for all").json()["total"]; got != 2.0 {
			t.Errorf("%s finds %v", name, got)
		}
	}
	changed := strings.Replace(global, `"resourceType":"Basic",`, `"resourceType":"Basic","id":"`+id+`",`, 1)
	noor.state("PUT", "/"+id, changed, "If-Match", `W/"1"`).want(412)
	root.state("PUT", "/"+id, changed, "If-Match", `W/"1"`).want(200)
	root.state("DELETE", "/"+id, "", "If-Match", `W/"2"`).want(204)
	k.state("GET", find, "").want(200).has(`"total":1`)
}

func TestAppStateNeedsAToken(t *testing.T) {
	k := newKeeper(t, settingsScope)
	k.token = "igl_at_guess"
	for _, a := range []answer{k.state("GET", k.find(), ""), k.state("POST", "", k.basic("", "x")), k.state("PUT", "/x", k.basic("x", "x"), "If-Match", `W/"1"`), k.state("DELETE", "/x", "", "If-Match", `W/"1"`)} {
		a.want(401)
		if !strings.Contains(a.header.Get("WWW-Authenticate"), "invalid_token") {
			t.Errorf("%v", a.header)
		}
	}
}

func TestAppStateIsNoPartOfTheRecords(t *testing.T) {
	k := newKeeper(t, settingsScope)
	k.state("POST", "", k.basic("", "secret")).want(201)
	if n, err := k.door.Stats(t.Context()); err != nil || n["Basic"] != 0 {
		t.Errorf("%v %v", n, err)
	}
}

func TestAppStateIsAnnouncedWhereItIs(t *testing.T) {
	p := newPlace(t)
	list, _ := p.discovery()["associated_endpoints"].([]any)
	for _, one := range list {
		e, _ := one.(map[string]any)
		capabilities, _ := e["capabilities"].([]any)
		if e["url"] == p.url+"/app-state" && len(capabilities) == 1 && capabilities[0] == "smart-app-state" {
			return
		}
	}
	t.Errorf("%v", list)
}

func TestWhatIsDoneWithAppStateIsRecorded(t *testing.T) {
	k := newKeeper(t, settingsScope)
	from := int64(len(k.events(0)))
	id, _ := k.state("POST", "", k.basic("", "one")).want(201).json()["id"].(string)
	k.state("GET", k.find(), "").want(200)
	k.state("PUT", "/"+id, k.basic(id, "two"), "If-Match", `W/"1"`).want(200)
	k.state("PUT", "/"+id, k.basic(id, "three"), "If-Match", `W/"1"`).want(412)
	k.state("DELETE", "/"+id, "", "If-Match", `W/"2"`).want(204)
	k.state("GET", "?code=x", "").want(400)
	var got []string
	for _, e := range k.events(from) {
		got = append(got, fmt.Sprintf("%s %d %s", e.Kind, e.Status, strings.Replace(e.Target, id, "ID", 1)))
		if named := len(e.Patients) == 1 && e.Patients[0].Key == "Patient/ann"; named != (e.Status != 400) || e.Agent.Login != "ann" || e.Agent.Token == "" {
			t.Errorf("%+v", e)
		}
		line, err := e.Line()
		if err != nil || strings.Contains(string(line), "valueString") {
			t.Errorf("%s, %v", line, err)
		}
	}
	want := []string{"create 201 app-state/Basic", "search 200 app-state/Basic", "update 200 app-state/Basic/ID", "update 412 app-state/Basic/ID", "delete 204 app-state/Basic/ID", "search 400 app-state/Basic"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
