package fhirapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
)

// Clients meet each other at a few resources while PostgreSQL ends connections in the middle
// of what they do, so that some learn nothing of what came of it: each version that is
// there has one event that says so, and there is none of another one.
func whatConnectionsBreakInHasItsEventIfItIsThere(t *testing.T) {
	var log *audit.Log
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		log = openAudit(c.Store, c.Base)
		c.Audit = log
	})
	s.put("/Patient/maria", `{"resourceType":"Patient","id":"maria"}`)
	ctx, stop := context.WithCancel(t.Context())
	var breaking, changing sync.WaitGroup
	broken := 0
	breaking.Go(func() { broken = breakConnections(ctx, t) })
	for w := range 6 {
		changing.Go(func() {
			for n := range 24 {
				id, text := fmt.Sprint("o", n%3), fmt.Sprintf("%d-%d", w, n)
				body := fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"text":%q},"identifier":[{"value":%[1]q}],"subject":{"reference":"Patient/maria"}}`, id, text)
				switch (w + n) % 5 {
				case 0:
					s.do("PUT", "/Observation/"+id, body)
				case 1:
					s.do("PATCH", "/Observation/"+id, `[{"op":"replace","path":"/code/text","value":"`+text+`"}]`, "Content-Type", "application/json-patch+json")
				case 2:
					s.do("PUT", "/Observation?identifier="+id, body)
				case 3:
					s.do("PUT", "/Observation/"+id, body, "X-Provenance", `{"resourceType":"Provenance","recorded":"2026-03-01T08:00:00Z","agent":[{"who":{"display":"x"}}]}`)
				case 4:
					s.do("DELETE", "/Observation/"+id, "")
				}
			}
		})
	}
	changing.Wait()
	stop()
	breaking.Wait()
	there, told := versions(s), changesTold(t, log)
	for version := range there {
		if told[version] != 1 {
			t.Errorf("%d events of %s", told[version], version)
		}
	}
	for version := range told {
		if !there[version] {
			t.Errorf("there is an event of %s, and not that", version)
		}
	}
	if broken < 10 || len(there) < 20 {
		t.Errorf("%d connections ended, %d versions: that says little", broken, len(there))
	}
}

// breakConnections ends connections that are at work, one at a time, and says how many.
func breakConnections(ctx context.Context, t *testing.T) (n int) {
	conn, err := pgx.Connect(t.Context(), pgtest.URL(t))
	if err != nil {
		t.Error(err)
		return 0
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
		tag, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 1`)
		if err != nil {
			t.Error(err)
			return n
		}
		n += int(tag.RowsAffected())
	}
	return n
}

// versions are all that are there.
func versions(s *server) map[string]bool {
	s.t.Helper()
	a := s.get("/_history?_count=1000")
	a.want(200)
	var bundle struct {
		Entry []struct {
			FullURL  string
			Response struct{ Etag string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &bundle); err != nil {
		s.t.Fatal(err)
	}
	all := map[string]bool{}
	for _, e := range bundle.Entry {
		all[strings.TrimPrefix(e.FullURL, s.base+"/")+"/_history/"+strings.Trim(e.Response.Etag, `W/"`)] = true
	}
	return all
}

// changesTold counts the events that tell of versions that were made.
func changesTold(t *testing.T, log *audit.Log) map[string]int {
	t.Helper()
	if err := log.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for next := int64(0); next >= 0; {
		found, err := log.Find(t.Context(), audit.Query{From: next, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found.Events {
			if e.Note == "continued" {
				continue // of a change that an event told before
			}
			touched := e.Entities
			for _, p := range e.Patients {
				touched = append(touched, p.Entities...)
			}
			for _, one := range touched {
				if one.Action != audit.Reads {
					told[fmt.Sprintf("%s/_history/%d", one.Key, one.Version)]++
				}
			}
		}
		next = found.Next
	}
	return told
}
