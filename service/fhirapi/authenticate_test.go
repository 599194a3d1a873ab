package fhirapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// guardedServer takes "Bearer SCOPE,SCOPE" for a token with these scopes and
// Patient/p in context, and admits the pages of https://app.example.
func guardedServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, base: "https://ehr.example/fhir"}
	store := openStore(t)
	door, err := records.Open(context.WithoutCancel(t.Context()), records.Config{
		Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: s.base,
		Policy: records.Policy{Explain: true, Expunge: true, Reindex: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s.start(web.Config{Log: log}, fhirapi.Config{
		Tenants: records.NewTenants(door), Version: "test", Log: log,
		Authenticate: func(r *http.Request, d *records.Door) (*records.Session, error) {
			token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			if !ok || token == "bad" {
				return nil, fault.New(fault.Unauthenticated, fault.CodeLogin, "", "the \"token\" is not valid: sign in again")
			}
			scopes, err := smart.ParseScopes(strings.ReplaceAll(token, ",", " "))
			if err != nil {
				return nil, err
			}
			return d.Session(records.Principal{ID: "u"}, d.Ownership().Rules(access.Grant{Scopes: scopes, Patient: "p", User: fhir.Key{Type: "Practitioner", ID: "dr"}})), nil
		},
		OAuth: func(d *records.Door) fhirapi.OAuth {
			return fhirapi.OAuth{Authorize: "https://ehr.example/auth/authorize", Token: "https://ehr.example/auth/token", Manage: "https://ehr.example/account"}
		},
		Origins: func(_ context.Context, d *records.Door, origin string) bool { return origin == "https://app.example" },
	})
	return s
}

// moments are the times that answers carry.
var moments = regexp.MustCompile(`"(lastUpdated|timestamp)":"[^"]*"|"(parse|render)","valueDecimal":[0-9.]+`)

const allScopes = "Bearer system/*.cruds"

// routes are all that the API serves, but for /metadata.
func routes(t *testing.T, s *server) []string {
	t.Helper()
	all := strings.Fields(`GET/ POST/ POST/_search GET/_history GET/Patient POST/Patient PUT/Patient PATCH/Patient DELETE/Patient POST/Patient/_search
		GET/Patient/_history GET/Patient/p PUT/Patient/p PATCH/Patient/p DELETE/Patient/p GET/Patient/p/_history GET/Patient/p/_history/1
		GET/Patient/p/Observation GET/Patient/p/* POST/Patient/p/Observation/_search POST/Patient/p/_search HEAD/Patient/p HEAD/Patient
		GET/nonsense GET/Patient/p/nonsense`)
	var statement struct {
		Rest []struct {
			Operation []struct{ Name string }
			Resource  []struct {
				Type      string
				Operation []struct{ Name string }
			}
		}
	}
	if err := json.Unmarshal([]byte(s.get("/metadata").want(200).body), &statement); err != nil {
		t.Fatal(err)
	}
	add := func(path, name string) {
		all = append(all, "GET"+path+"/$"+name, "POST"+path+"/$"+name)
	}
	for _, op := range statement.Rest[0].Operation {
		add("", op.Name)
	}
	seen := map[string]bool{}
	for _, r := range statement.Rest[0].Resource {
		for _, op := range r.Operation {
			if !seen[op.Name] {
				seen[op.Name] = true
				add("/"+r.Type, op.Name)
				add("/"+r.Type+"/p", op.Name)
			}
		}
	}
	return all
}

func TestEveryRouteNeedsAToken(t *testing.T) {
	s := guardedServer(t)
	all := routes(t, s)
	if len(all) < 60 {
		t.Fatalf("only %d routes are known", len(all))
	}
	for _, route := range all {
		method, path, _ := strings.Cut(route, "/")
		s.do(method, "/"+path, "").want(401).header("WWW-Authenticate", `Bearer realm="https://ehr.example/fhir"`).header("Cache-Control", "no-store")
		s.do(method, "/"+path, "", "Authorization", "Bearer bad").want(401).
			header("WWW-Authenticate", `Bearer realm="https://ehr.example/fhir", error="invalid_token", error_description="the 'token' is not valid: sign in again"`)
	}
	s.get("/metadata").want(200)
	s.do("OPTIONS", "/Patient", "").want(204)
}

func TestATypeOrInteractionBeyondTheScopesIsRefused(t *testing.T) {
	s := guardedServer(t)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`, "Authorization", allScopes).want(201)
	token := "Bearer patient/Observation.cruds,patient/Patient.r"
	for _, route := range []string{
		"GET/Condition", "GET/Condition/x", "POST/Condition/_search", "GET/Condition/_history", "GET/Condition/x/_history", "GET/Condition/x/_history/1",
		"DELETE/Condition/x", "DELETE/Condition?code=x", "GET/Patient", "DELETE/Patient/p", "GET/Patient/p/Condition", "GET/?_type=Condition",
		"GET/Condition/$meta", "GET/Condition/x/$meta", "GET/Composition/x/$document", "GET/DocumentReference/$docref?patient=p", "GET/Encounter/x/$everything",
		"GET/Condition/x/$graphql?query={id}", "GET/Condition/x/$fhirpath?expression=id", "GET/Condition/x/$diff", "GET/Binary/x", "GET/ValueSet/x/$expand",
	} {
		method, path, _ := strings.Cut(route, "/")
		a := s.do(method, "/"+path, "", "Authorization", token).want(403)
		if h := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(h, `Bearer realm="https://ehr.example/fhir", error="insufficient_scope", error_description="no scope allows this of `) {
			t.Errorf("%s: %s", route, h)
		}
	}
	for _, kind := range []string{"POST", "PUT"} {
		path := map[string]string{"POST": "/Condition", "PUT": "/Condition/x"}[kind]
		s.do(kind, path, `{"resourceType":"Condition","id":"x","subject":{"reference":"Patient/p"}}`, "Authorization", token).want(403)
	}
	s.get("/Patient/p", "Authorization", token).want(200).header("Cache-Control", "no-store")
	s.get("/Observation", "Authorization", token).want(200)
	s.get("/", "Authorization", token).want(200)
	batch := `{"resourceType":"Bundle","type":"%s","entry":[{"request":{"method":"GET","url":"Observation"}},{"request":{"method":"GET","url":"Condition"}}]}`
	s.do("POST", "/", fmt.Sprintf(batch, "batch"), "Authorization", token).want(200).has(`"status":"200`, `"status":"403`)
	s.do("POST", "/", fmt.Sprintf(batch, "transaction"), "Authorization", token).want(403).has("Bundle.entry[1]").
		header("WWW-Authenticate", `Bearer realm="https://ehr.example/fhir", error="insufficient_scope", error_description="no scope allows this of Condition: it takes Condition.s"`)
}

func TestAHiddenInstanceAnswersAsAMissingOne(t *testing.T) {
	s := guardedServer(t)
	for _, id := range []string{"p", "hidden"} {
		s.do("PUT", "/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`"}`, "Authorization", allScopes).want(201)
		s.do("PUT", "/Observation/"+id, `{"resourceType":"Observation","id":"`+id+`","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/`+id+`"}}`, "Authorization", allScopes).want(201)
	}
	s.do("PUT", "/Binary/hidden", "secret", "Authorization", allScopes, "Content-Type", "text/plain", "X-Security-Context", "Patient/hidden").want(201)
	for _, route := range []string{
		"GET/Patient/X", "GET/Observation/X", "GET/Binary/X", "GET/Observation/X/_history", "GET/Observation/X/_history/1", "GET/Patient/X/$everything", "GET/Observation/X/$meta",
		"GET/Observation/X/$fhirpath?expression=id", "GET/Observation/X/$graphql?query={id}", "GET/Observation/X/$diff", "GET/Observation/X/$validate", "PATCH/Observation/X", "PUT/Observation/X", "PUT/Patient/X",
		"DELETE/Observation/X", "GET/Observation?_id=X", "GET/Patient/X/Observation", "GET/Observation?subject=Patient/X&_include=*", "GET/Observation?patient.name=X&_total=accurate",
		"GET/Patient?_revinclude=Observation:subject&_id=X", "GET/Observation/$lastn?patient=X&code=x", "GET/?_id=X&_type=Patient",
		"GET/$graphql?query={Observation(id:\"X\"){id}}", "GET/Observation?_id=X&_explain=true",
	} {
		method, path, _ := strings.Cut(route, "/")
		ask := func(id string) string {
			path := "/" + strings.ReplaceAll(path, "X", id)
			path = strings.NewReplacer("{", "%7B", "}", "%7D", `"`, "%22").Replace(path)
			body, header := "", []string{"Authorization", "Bearer patient/*.cruds", "X-Request-Id", "r"}
			if method == "PATCH" {
				body, header = `[{"op":"add","path":"/status","value":"final"}]`, append(header, "Content-Type", "application/json-patch+json")
			}
			if method == "PUT" {
				typ, _, _ := strings.Cut(path[1:], "/")
				body = `{"resourceType":"` + typ + `","id":"` + id + `"}`
			}
			a := s.do(method, path, body, header...)
			head := ""
			for name, values := range a.Header {
				if name != "Date" && name != "Content-Length" {
					head += fmt.Sprint(name, values)
				}
			}
			return strings.ReplaceAll(fmt.Sprint(a.StatusCode, len(head), moments.ReplaceAllString(a.body, "")), id, "X")
		}
		if hidden, missing := ask("hidden"), ask("absent"); hidden != missing {
			t.Errorf("%s:\n  hidden  %.800s\n  missing %.800s", route, hidden, missing)
		}
	}
}

func TestPagesOfKnownOriginsMayUseTheAPI(t *testing.T) {
	s := guardedServer(t)
	s.get("/metadata", "Origin", "https://anybody.example").want(200).header("Access-Control-Allow-Origin", "*")
	for _, path := range []string{"/Patient", "/Patient/none", "/nonsense"} {
		a := s.get(path, "Origin", "https://app.example").want(401).header("Access-Control-Allow-Origin", "https://app.example")
		if !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Content-Range") {
			t.Errorf("%s: a page does not see which range of a Binary it has", path)
		}
		if !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate") || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	s.get("/Patient", "Origin", "https://app.example", "Authorization", allScopes).want(200).header("Access-Control-Allow-Origin", "https://app.example").
		header("Access-Control-Allow-Credentials", "")
	a := s.get("/Patient", "Origin", "https://evil.example", "Authorization", allScopes).want(200).header("Access-Control-Allow-Origin", "")
	if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
		t.Error("a cache may give the answer to another origin")
	}
}

func TestAPreflightSaysWhatMayBeSent(t *testing.T) {
	s := guardedServer(t)
	ask := func(path, origin string) *answer {
		return s.do("OPTIONS", path, "", "Origin", origin, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization, if-match")
	}
	a := ask("/Patient/p", "https://app.example").want(204).header("Access-Control-Allow-Origin", "https://app.example").
		header("Access-Control-Allow-Methods", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
	for _, name := range []string{"Authorization", "Content-Type", "If-Match", "If-None-Exist", "If-Range", "Prefer", "Range", "X-Provenance"} {
		if !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), name) {
			t.Errorf("%s may not be sent", name)
		}
	}
	ask("/Patient/p", "https://evil.example").want(204).header("Access-Control-Allow-Origin", "").header("Access-Control-Allow-Methods", "")
	ask("/metadata", "https://evil.example").want(204).header("Access-Control-Allow-Origin", "*")
}

func TestTheCapabilityStatementTellsHowAccessIsDecided(t *testing.T) {
	s := guardedServer(t)
	s.get("/metadata").want(200).has(
		`"security":{"extension":[{"url":"http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris","extension":[{"url":"authorize","valueUri":"https://ehr.example/auth/authorize"},{"url":"token","valueUri":"https://ehr.example/auth/token"},{"url":"manage","valueUri":"https://ehr.example/account"}]}],"cors":true`,
		`"service":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/restful-security-service","code":"SMART-on-FHIR"}]`)
	newServer(t).get("/metadata").want(200).has(`"security":{"cors":false,"description":"No authorization`)
}
