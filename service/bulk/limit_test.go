package bulk_test

import (
	"context"
	"testing"

	"github.com/inglehealth/ingle/limits"
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
	p.export("$export")
	a := p.do("GET", "$export", "", "Prefer", "respond-async").want(429).has("exported resources for this app, of 2/day")
	if a.header.Get("Retry-After") == "" {
		t.Error(a.header)
	}
}
