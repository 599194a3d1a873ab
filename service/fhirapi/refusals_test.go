package fhirapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestWhatARequestCannotMeanIsSaid(t *testing.T) {
	s := newServer(t, withPolicy(func(p *records.Policy) { p.Expunge = true }))
	s.put("/Patient/alice", alice)
	const (
		view  = `{"resourceType":"Parameters","parameter":[%s]}`
		whole = `{"name":"viewResource","resource":{"resourceType":"Basic","code":{"text":"x"}}}`
	)
	for _, c := range []struct {
		method, path, body string
		status             int
		code, says         string
	}{
		{"GET", "/Patient/alice?_summary=all", "", 400, "value", "_summary"},
		{"GET", "/Patient/alice?_summary=count", "", 400, "value", "_summary"},
		{"GET", "/Patient/alice/Observation/x", "", 404, "not-found", "nothing at this address"},
		{"GET", "/Patient/alice/Observation/x/y", "", 404, "not-found", "nothing at this address"},
		{"POST", "/Patient/alice/Observation/x/_search", "", 404, "not-found", "nothing at this address"},
		{"GET", "/Patient/alice/Nothing", "", 404, "not-supported", "Nothing"},
		{"GET", "/Composition/$document?id=a%20b", "", 400, "value", "a b"},
		{"POST", "/Patient/alice/$expunge", `{"resourceType":"Parameters","parameter":[{"name":"expungeEverything","valueBoolean":true},{"name":"limit","valueInteger":0}]}`, 400, "value", "limit must be a number above 0"},
		{"POST", "/Patient/alice/$expunge", `{"resourceType":"Parameters","parameter":[{"name":"expungeEverything","valueBoolean":true},{"name":"limit","valueString":"all"}]}`, 400, "value", "limit must be a number above 0"},
		{"POST", "/ViewDefinition/$viewdefinition-run", fmt.Sprintf(view, `{"name":"viewResource","valueString":"x"}`), 400, "value", "viewResource must hold a ViewDefinition"},
		{"POST", "/ViewDefinition/$viewdefinition-run", fmt.Sprintf(view, whole+`,{"name":"resource","valueString":"x"}`), 400, "value", "resource must hold a resource"},
		{"POST", "/Patient/$validate?mode=update", alice, 400, "required", "mode update is asked of an instance"},
		{"GET", "/_history?_since=2020-01-01T00:00:00Z&_since=2021-01-01T00:00:00Z", "", 400, "invalid", "_since is given twice"},
	} {
		s.do(c.method, c.path, c.body).want(c.status).outcome(c.code).has(c.says)
	}
	s.do("POST", "/Binary", "abc", "Content-Type", "text/plain", "If-None-Exist", "_id=1").want(501).outcome("not-supported").has("send a Binary resource")
	s.do("POST", "/Patient/$validate", `{"resourceType":"Observation"}`).want(200).has("the resource is of type Observation, but the URL says Patient")
	s.do("POST", "/Patient", `{"resourceType":"Patient"}`, "X-Provenance", `{"resourceType":"Provenance","target":[{"reference":"Patient/alice"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}`).
		want(400).outcome("business-rule").has("X-Provenance must have no target", `"Provenance.target"`)
	s.get("/Patient/alice").want(200).header("ETag", `W/"1"`)
	s.get("/Patient?_summary=count").has(`"total":1`)
}

// What is wrong with an entry is told with its place, and of a transaction nothing is done.
func TestWhatAnEntryCannotMeanIsSaidOfItsPlace(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	const made = `{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}`
	for _, c := range []struct {
		entry          string
		status         int
		code, at, says string
	}{
		{`{"request":{"url":"Patient/alice"}}`, 400, "required", ".request.method", "needs a method"},
		{`{"request":{"method":"GET","url":"Patient/alice?_elements=nmae"}}`, 400, "value", ".request.url", "did you mean"},
		{`{"request":{"method":"GET","url":"Patient/alice?colour=red"}}`, 400, "not-supported", ".request.url", "a read has no parameter"},
		{`{"request":{"method":"GET","url":"Patient/alice/_history?colour=red"}}`, 400, "not-supported", ".request.url", "a history has no parameter"},
		{`{"request":{"method":"GET","url":"Patient/alice/_history?_count=1&_count=2"}}`, 400, "invalid", ".request.url", "given twice"},
		{`{"resource":{"resourceType":"Binary","contentType":"text/plain","data":"W10="},"request":{"method":"PATCH","url":"Patient/alice"}}`, 415, "not-supported", ".resource.contentType", "contentType of a patch"},
		{`{"resource":{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W10="},"request":{"method":"PATCH","url":"Patient?identifier=none|none"}}`, 404, "not-found", "", "the criteria match no Patient"},
		{`{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=%zz"}}`, 400, "value", ".request.ifNoneExist", "cannot be read"},
		{`{"resource":{"resourceType":"Patient","id":"alice"},"request":{"method":"PUT","url":"Patient/alice","ifNoneMatch":"W/\"1\""}}`, 400, "invalid", ".request.ifNoneMatch", "can only be *"},
	} {
		bundle := func(kind string) string {
			return `{"resourceType":"Bundle","type":"` + kind + `","entry":[` + made + `,` + c.entry + `]}`
		}
		place := `"Bundle.entry[1]` + c.at + `"`
		s.do("POST", "", bundle("transaction")).want(c.status).outcome(c.code).has(c.says, place)
		s.get("/Patient?_summary=count").has(`"total":1`)
		a := s.do("POST", "", bundle("batch")).want(200).has(c.says, place, `"code":"`+c.code+`"`)
		b := a.bundle()
		if len(b.Entry) != 2 || !strings.HasPrefix(b.Entry[0].Response.Status, "201") || !strings.HasPrefix(b.Entry[1].Response.Status, fmt.Sprint(c.status)) {
			t.Errorf("%s: %s", c.entry, a.body)
			continue
		}
		s.do("DELETE", "/"+strings.Split(strings.TrimPrefix(b.Entry[0].Response.Location, s.base+"/"), "/_history")[0], "").want(204)
	}
	s.get("/Patient/alice").want(200).header("ETag", `W/"1"`)
}

func TestAnOperationOfAnotherServiceIsNotPossibleInABatch(t *testing.T) {
	s := withWork(t)
	a := s.do("POST", "", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"POST","url":"$work"}},{"request":{"method":"GET","url":"Patient"}}]}`).want(200)
	b := a.bundle()
	if len(b.Entry) != 2 || !strings.HasPrefix(b.Entry[0].Response.Status, "501") || !strings.Contains(string(b.Entry[0].Response.Outcome), "$work is not possible in a batch") || !strings.HasPrefix(b.Entry[1].Response.Status, "200") {
		t.Error(a.body)
	}
}

func TestAServerWithoutWebSocketsBindsNone(t *testing.T) {
	door, err := records.Open(context.WithoutCancel(t.Context()), records.Config{Store: openStore(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir", Policy: records.DefaultPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, base: "https://ehr.example/fhir"}
	log := slog.New(slog.DiscardHandler)
	door.Subscribe(records.SubscriptionConfig{Channel: taker{}, Sessions: appSessions{}})
	s.start(web.Config{Log: log}, fhirapi.Config{Tenants: records.NewTenants(door), Version: "test", Log: log})
	s.get("/Subscription/$get-ws-binding-token").want(501).outcome("not-supported").has("no WebSockets")
}

// Of more Subscriptions than are told at once nothing is left out silently.
func TestTheStatusOfTooManySubscriptionsIsRefused(t *testing.T) {
	s := newSubscribed(t)
	for from := 0; from < 1001; from += 143 {
		var all []string
		for i := from; i < from+143; i++ {
			all = append(all, fmt.Sprintf(`{"resource":{"resourceType":"Subscription","id":"s%d","status":"off","reason":"test","criteria":"Patient?active=true","channel":{"type":"rest-hook"}},"request":{"method":"PUT","url":"Subscription/s%d"}}`, i, i))
		}
		s.do("POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(all, ",")+`]}`, "Authorization", asApp).want(200)
	}
	s.get("/Subscription/$status").want(400).outcome("too-costly").has("more than 1000 Subscriptions", "parameter id")
	s.get("/Subscription/$get-ws-binding-token", "Authorization", asApp).want(400).outcome("too-costly")
	s.get("/Subscription/$status?id=s7&id=s1000").want(200).has(`"total":2`)
	s.do("DELETE", "/Subscription/s0", "").want(204)
	s.get("/Subscription/$status").want(200).has(`"total":1000`)
}
