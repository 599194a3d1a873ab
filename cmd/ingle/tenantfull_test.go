package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/disktest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

// fillWhen fills a file system as soon as there is a file, until ctx ends; what it
// returns waits for it, and makes room again.
func fillWhen(ctx context.Context, t *testing.T, there, ballast string) (free func()) {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if found, _ := filepath.Glob(there); len(found) > 0 {
				if err := takeAll(ballast); !errors.Is(err, syscall.ENOSPC) {
					t.Error(err)
				}
				return
			}
			time.Sleep(100 * time.Microsecond)
		}
	}()
	return func() {
		stop()
		<-done
		if err := os.Remove(ballast); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
}

// takeAll takes all room of a file system; ENOSPC says that it has.
func takeAll(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // nothing was written
	at := int64(0)
	for _, size := range []int64{16 << 20, 4096} {
		for err = nil; err == nil; at += size {
			if err = syscall.Fallocate(int(f.Fd()), 0, at, size); err != nil {
				break
			}
		}
	}
	return err
}

func TestACopyInTheMiddleOfWhichTheDiskFillsLeavesNothing(t *testing.T) {
	dir := disktest.Small(t, "240m")
	p := &tenantPlaces{furnishing: furnishing{
		definitions: []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4)}, base: "https://ehr.example", policy: records.DefaultPolicy(), key: identity.NewKeyFile(filepath.Join(t.TempDir(), "key")),
	}}
	p.Data = filepath.Join(dir, "data")
	door, _, _ := openAt(t, p, "")
	session := door.Session(records.Principal{ID: "test"}, nil)
	for i := range 8 {
		content := make([]byte, 8<<20)
		_, _ = rand.Read(content)
		id := fmt.Sprint("b", i)
		body := fmt.Appendf(nil, `{"resourceType":"Binary","id":"%s","contentType":"image/png","data":"%s"}`, id, base64.StdEncoding.EncodeToString(content))
		if _, err := session.Update(t.Context(), fhir.Key{Type: "Binary", ID: fhir.ID(id)}, records.Content{JSON: body}, records.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	free := func() uint64 {
		t.Helper()
		n, err := sqlite.FreeBytes(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, hold := free(), func(context.Context, int64) error { return nil }
	east := tenancy.Tenant{Name: "east", Content: tenancy.Copy, By: "root"}
	full := false
	for range 20 {
		room := fillWhen(t.Context(), t, filepath.Join(p.draftOf("east"), "blobs", "*"), filepath.Join(dir, "ballast"))
		err := p.Make(t.Context(), east, hold)
		room()
		if full = errors.Is(err, store.ErrFull); full {
			if got := tenancy.Reason(err); got != "the disk is full" {
				t.Errorf("administrators are told %q", got)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Remove(t.Context(), "east"); err != nil { // the disk was full too late
			t.Fatal(err)
		}
	}
	if !full {
		t.Fatal("the disk was never full in the middle of it")
	}
	if there, err := p.There(t.Context(), "east"); err != nil || there {
		t.Errorf("half of it is there: %v", err)
	}
	noDrafts(t, []string{"--data", p.Data})
	if after := free(); after+(1<<20) < before {
		t.Errorf("%d bytes were free, and %d are", before, after)
	}
	if err := p.Make(t.Context(), east, hold); err != nil {
		t.Fatal(err)
	}
	copied, _, _ := openAt(t, p, "east")
	if _, err := copied.Session(records.Principal{ID: "test"}, nil).Read(t.Context(), fhir.Key{Type: "Binary", ID: "b7"}, records.ReadOptions{}); err != nil {
		t.Error(err)
	}
}
