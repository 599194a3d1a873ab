package main

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/store/sqlite"
)

// endless are places where making a tenant ends only when it is cut short.
type endless struct {
	begun func(ctx context.Context, name string)
}

func (endless) There(context.Context, string) (bool, error) { return false, nil }
func (endless) Remove(context.Context, string) error        { return nil }
func (e endless) Make(ctx context.Context, t tenancy.Tenant, _ func(context.Context, int64) error) error {
	e.begun(ctx, t.Name)
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestWhoHasATenantMadeIsToldThatItWasTakenBack(t *testing.T) {
	s, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var o *tenancy.Office
	o = tenancy.New(tenancy.Config{Store: s, Places: endless{func(ctx context.Context, name string) {
		if err := o.Delete(context.WithoutCancel(ctx), name); err != nil { // which ends ctx
			t.Error(err)
		}
	}}})
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		if err := o.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	waiting, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = makeTenant(waiting, o, tenancy.Tenant{Name: "east", Content: tenancy.Empty}, nil, io.Discard)
	stop()
	working.Wait()
	if err == nil || !strings.Contains(err.Error(), "somebody else took tenant east back") {
		t.Error(err)
	}
}
