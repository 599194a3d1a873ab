package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
)

// Clients write while the server is killed at random moments. Whatever was
// answered with 2xx is there after the restart, and of each transaction all or
// nothing is.
func TestNothingAcknowledgedIsLostWhenTheServerIsKilled(t *testing.T) {
	for name, where := range map[string]func(*testing.T) []string{
		"SQLite":     func(t *testing.T) []string { return []string{"--data", t.TempDir()} },
		"PostgreSQL": func(t *testing.T) []string { return []string{"--database", pgtest.URL(t)} },
	} {
		t.Run(name, func(t *testing.T) { killAndLook(t, where(t)) })
	}
}

func killAndLook(t *testing.T, args []string) {
	const rounds, writers = 4, 6
	var mu sync.Mutex
	var single, pairs, tried []string // names that were acknowledged, and those of which that is not known
	answered := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(single) > 0 && len(pairs) > 0
	}
	for round := range rounds {
		p := startServer(t, args...)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for n := 0; ; n++ {
					name := fmt.Sprintf("k-%d-%d-%d", round, w, n)
					pair := n%3 == 2
					method, url, body := "PUT", p.url+"/Patient/"+name, `{"resourceType":"Patient","id":"`+name+`","active":true}`
					if pair {
						method, url, body = "POST", p.url, pairOf(name)
					}
					status, answer := send(t.Context(), client, method, url, body)
					mu.Lock()
					switch {
					case status == 0:
						if pair {
							tried = append(tried, name)
						}
					case status/100 != 2:
						t.Errorf("%s: %d %s", name, status, answer)
					case pair:
						pairs = append(pairs, name)
					default:
						single = append(single, name)
					}
					mu.Unlock()
					if status == 0 {
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(150+rand.IntN(350)) * time.Millisecond)
		// However slow the machine is, the last server has answered both.
		for began := time.Now(); round == rounds-1 && !answered() && time.Since(began) < time.Minute; {
			time.Sleep(10 * time.Millisecond)
		}
		p.kill()
		wg.Wait()
	}
	p := startServer(t, args...)
	for _, name := range single {
		if status, body := send(t.Context(), client, "GET", p.url+"/Patient/"+name, ""); status != 200 {
			t.Errorf("%s was acknowledged, now %d %s", name, status, body)
		}
	}
	count := func(name string) int {
		_, body := send(t.Context(), client, "GET", p.url+"/?_type=Patient,Observation&identifier=urn:pair|"+name, "")
		if strings.Contains(body, "OperationOutcome") {
			n := 0
			for _, typeName := range []string{"Patient", "Observation"} {
				_, body := send(t.Context(), client, "GET", p.url+"/"+typeName+"?identifier=urn:pair%7C"+name, "")
				n += strings.Count(body, `"fullUrl"`)
			}
			return n
		}
		return strings.Count(body, `"fullUrl"`)
	}
	for _, name := range pairs {
		if n := count(name); n != 2 {
			t.Errorf("transaction %s was acknowledged, now %d of its 2 resources are there", name, n)
		}
	}
	for _, name := range tried {
		if n := count(name); n != 0 && n != 2 {
			t.Errorf("transaction %s left %d of its 2 resources", name, n)
		}
	}
	if len(single) == 0 || len(pairs) == 0 {
		t.Errorf("%d resources and %d transactions were acknowledged: too few to say anything", len(single), len(pairs))
	}
	t.Logf("%d resources and %d transactions acknowledged, %d transactions cut off", len(single), len(pairs), len(tried))
}
