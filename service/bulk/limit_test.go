package bulk_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/service/bulk"
)

func TestWhoHasExportedTooMuchWaits(t *testing.T) {
	p := clinic(t)
	r, err := limits.ParseRule("app exported-resources 2/day")
	if err == nil {
		_, err = p.door.Limits().Put(context.WithoutCancel(t.Context()), r, "test")
	}
	if err != nil {
		t.Fatal(err)
	}
	p.export("$export?_type=Patient")
	a := p.do("GET", "$export", "", "Prefer", "respond-async").want(429).has("exported resources for this app, of 2/day")
	if a.header.Get("Retry-After") == "" {
		t.Error(a.header)
	}
}

func TestAnExportUnderWayWaitsWhileItsLimitIsReached(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t, func(c *bulk.Config) { c.Part = 600 })
		limit := func(text string) {
			t.Helper()
			r, err := limits.ParseRule(text)
			if err == nil {
				_, err = p.door.Limits().Put(context.WithoutCancel(t.Context()), r, "test")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		limit("app exported-resources 4/day")
		resume := p.stop()
		all := []string{p.start("Patient/$export"), p.start("Patient/$export?organizeOutputBy=Patient")}
		resume()
		for _, at := range all {
			var progress string
			for range 200 {
				if progress = p.do("GET", at, "").header.Get("X-Progress"); strings.Contains(progress, "as the limit allows") {
					break
				}
				time.Sleep(200 * time.Millisecond)
			}
			x, err := p.bulk.Exports("").Find(t.Context(), at[strings.LastIndex(at, "/")+1:])
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(progress, "until ") || len(progress) > 100 || x.Resources > 12 || x.Error != "" {
				t.Errorf("X-Progress %q, %d resources, %q", progress, x.Resources, x.Error)
			}
		}
		limit("app exported-resources none")
		for _, at := range all {
			p.await(at).want(200).has(`"output":[{`)
		}
	})
}
