package bulkjob_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store/sqlite"
)

// A Group names 100,000 members, of whom some are here.
func TestAGroupOfAHundredThousandIsExported(t *testing.T) {
	const named, here = 100_000, 900
	ctx := context.WithoutCancel(t.Context())
	s, err := sqlite.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	policy := records.DefaultPolicy()
	policy.AllowDangling = true
	door, err := records.Open(ctx, records.Config{Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "http://localhost/fhir", Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := door.Close(); err != nil {
			t.Error(err)
		}
	})
	session := door.Session(records.Principal{ID: "test"}, nil)
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"batch","entry":[`)
	for i := range here {
		fmt.Fprintf(&b, `{"resource":{"resourceType":"Patient","id":"p%d"},"request":{"method":"PUT","url":"Patient/p%d"}},`, i, i)
	}
	b.WriteString(`{"resource":{"resourceType":"Patient","id":"other"},"request":{"method":"PUT","url":"Patient/other"}}]}`)
	if _, err := session.Bundle(ctx, records.Content{JSON: []byte(b.String())}, records.BundleOptions{}); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	b.WriteString(`{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[`)
	for i := range named {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"entity":{"reference":"Patient/p%d"}}`, i)
	}
	b.WriteString(`]}`)
	if _, err := session.Update(ctx, fhir.Key{Type: "Group", ID: "g"}, records.Content{JSON: []byte(b.String())}, records.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	exports := bulkjob.NewExports(bulkjob.Exporter{Door: door, Sessions: records.OpenSessions{}, Files: bulkjob.Folder(t.TempDir())}, time.Hour, nil)
	work, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() {
		if err := exports.Run(work); err != nil {
			t.Error(err)
		}
	})
	defer working.Wait()
	defer stop()
	at, now, err := door.Mark(ctx)
	if err != nil {
		t.Fatal(err)
	}
	id, err := exports.Start(ctx, bulkjob.Request{At: at, Time: now, Level: bulkjob.Group, Group: "g"})
	if err != nil {
		t.Fatal(err)
	}
	for range 1200 {
		x, err := exports.Find(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		switch x.Phase {
		case bulkjob.Done:
			if x.Resources != here || len(x.Output) != 1 || x.Output[0].Count != here {
				t.Errorf("%d resources in %+v", x.Resources, x.Output)
			}
			return
		case bulkjob.Failed:
			t.Fatal(x.Error)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the export does not end")
}
