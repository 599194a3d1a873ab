package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/disktest"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// eachPlaces runs a test with places on SQLite and on PostgreSQL, where the default
// tenant is.
func eachPlaces(t *testing.T, test func(t *testing.T, p *tenantPlaces)) {
	t.Helper()
	for name, where := range tenancyPlaces(t) {
		t.Run(name, func(t *testing.T) {
			flags := where(t)
			p := &tenantPlaces{furnishing: furnishing{
				definitions: []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4)}, base: "https://ehr.example", policy: records.DefaultPolicy(), key: identity.NewKeyFile(flags[3]), patients: fewPatients,
			}}
			if flags[0] == "--data" {
				p.Data = flags[1]
			} else {
				p.Database = flags[1]
			}
			test(t, p)
		})
	}
}

// openAt opens a tenant with its audit log.
func openAt(t *testing.T, p *tenantPlaces, name string) (*records.Door, store.Store, *identity.Service) {
	t.Helper()
	door, s, err := p.openTenant(t.Context(), name, p.definitions, p.base, p.policy, slog.New(slog.DiscardHandler), &auditing{key: p.key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := door.Close(); err != nil {
			t.Error(err)
		}
	})
	channels, err := subscriptionFlags{}.channels(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(channels.Close)
	door.Subscribe(records.SubscriptionConfig{Channel: channels})
	in, err := identity.Open(t.Context(), identity.Config{Store: s, Issuer: issuerOf(p.base, name), Secret: p.key})
	if err != nil {
		t.Fatal(err)
	}
	return door, s, in
}

func held(context.Context, int64) error { return nil }

// What a copy has of its own, and what of the other tenant does not go on in it.
func TestACopyStandsOnItsOwn(t *testing.T) {
	eachPlaces(t, func(t *testing.T, p *tenantPlaces) {
		ctx := t.Context()
		door, s, in := openAt(t, p, "")
		session := door.Session(records.Principal{ID: "test"}, nil)
		for key, text := range map[fhir.Key]string{
			{Type: "Patient", ID: "maria"}: `{"resourceType":"Patient","id":"maria"}`,
			{Type: "Subscription", ID: "told"}: `{"resourceType":"Subscription","id":"told","status":"requested","reason":"x","criteria":"Patient?active=true",
				"channel":{"type":"rest-hook","endpoint":"https://hooks.example/x","payload":"application/fhir+json"}}`,
		} {
			if _, err := session.Update(ctx, key, records.Content{JSON: []byte(text)}, records.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		token, err := in.CreateToken(ctx, "script", smart.Scopes{"system/*.rs"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		first, err := in.FirstLink(ctx)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := in.SigningKeys(ctx)
		if err != nil || len(keys) == 0 {
			t.Fatal(keys, err)
		}
		export, err := jobs.Enqueue(ctx, s, jobs.Job{Kind: bulkjob.Kind}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := door.Audit().Record(ctx, &audit.Event{Kind: audit.Administer, Note: "before the copy"}); err != nil {
			t.Fatal(err)
		}
		office := tenancy.New(tenancy.Config{Store: s, Places: p})
		if _, err := office.Make(ctx, tenancy.Tenant{Name: "waits", Content: tenancy.Empty}); err != nil {
			t.Fatal(err)
		}

		if err := s.WriteSetting(ctx, resetSetting, []byte("begun")); err != nil { // of a sandbox, which is mended
			t.Fatal(err)
		}
		if err := p.Make(ctx, tenancy.Tenant{Name: "east", Content: tenancy.Copy, By: "root"}, held); err != nil {
			t.Fatal(err)
		}
		there, copied, east := openAt(t, p, "east")
		if _, err := there.Session(records.Principal{ID: "test"}, nil).Read(ctx, fhir.Key{Type: "Patient", ID: "maria"}, records.ReadOptions{}); err != nil {
			t.Error(err)
		}
		if got, err := there.Subscriptions().State(ctx, "told"); err != nil || got.Status != "off" {
			t.Errorf("its Subscription: %+v, %v", got, err)
		}
		if got, err := door.Subscriptions().State(ctx, "told"); err != nil || got.Status == "off" {
			t.Errorf("the other's Subscription: %+v, %v", got, err)
		}
		if reset, err := copied.ReadSetting(ctx, resetSetting); err != nil || string(reset) != "ended" {
			t.Errorf("the other's reset: %s, %v", reset, err)
		}
		if _, err := east.CheckToken(ctx, token); !errors.Is(err, identity.ErrToken) {
			t.Errorf("the other's token: %v", err)
		}
		if _, err := in.CheckToken(ctx, token); err != nil {
			t.Errorf("the token where it was made: %v", err)
		}
		if err := east.CheckFirst(ctx, first); !errors.Is(err, identity.ErrLink) {
			t.Errorf("the other's link for a first administrator: %v", err)
		}
		if j, err := copied.ReadJob(ctx, export); err != nil || j.State != store.JobCancelled {
			t.Errorf("the export: %+v, %v", j, err)
		}
		if list, err := tenancy.New(tenancy.Config{Store: copied, Places: p}).List(ctx); err != nil || len(list) > 0 {
			t.Errorf("it has a list of tenants: %v, %v", list, err)
		}
		own, err := east.SigningKeys(ctx)
		if err != nil || slices.ContainsFunc(own, func(k identity.SigningKey) bool { return k.ID == keys[0].ID || k.ID == keys[1].ID }) {
			t.Errorf("it has the other's signing keys: %v, %v", own, err)
		}
		signers, err := audit.Signers(ctx, copied)
		if err != nil || !strings.HasPrefix(signers[len(signers)-1].Verifier, "ehr.example/t/east/fhir+") || signers[0].Retired.IsZero() {
			t.Errorf("its log is signed by %+v, %v", signers, err)
		}
		if err := there.Audit().Seal(ctx); err != nil {
			t.Fatal(err)
		}
		var wrong []string
		report, err := audit.Verify(ctx, copied, audit.Verification{Found: func(problem string) { wrong = append(wrong, problem) }})
		if err != nil || report.Problems > 0 || report.Events < 2 {
			t.Errorf("%+v %q, %v", report, wrong, err)
		}
	})
}

func TestATenantThatIsNotMadeLeavesNothing(t *testing.T) {
	eachPlaces(t, func(t *testing.T, p *tenantPlaces) {
		openAt(t, p, "")
		lost := errors.New("the job is another's")
		for _, content := range []tenancy.Content{tenancy.Empty, tenancy.Copy} {
			err := p.Make(t.Context(), tenancy.Tenant{Name: "east", Content: content}, func(context.Context, int64) error { return lost })
			if !errors.Is(err, lost) {
				t.Errorf("%s: %v", content, err)
			}
			if there, err := p.There(t.Context(), "east"); there || err != nil {
				t.Errorf("%s: it is there: %v", content, err)
			}
			noDrafts(t, []string{"--" + map[bool]string{true: "data", false: "database"}[p.Database == ""], p.Data + p.Database})
		}
	})
}

func TestARemovedTenantIsGone(t *testing.T) {
	eachPlaces(t, func(t *testing.T, p *tenantPlaces) {
		files := bulkjob.Folder(filepath.Join(t.TempDir(), "east"))
		p.files = func(string) bulkjob.Files { return files }
		for range 2 { // the name is free again
			if err := p.Make(t.Context(), tenancy.Tenant{Name: "east", Content: tenancy.Empty}, held); err != nil {
				t.Fatal(err)
			}
			if there, err := p.There(t.Context(), "east"); !there || err != nil {
				t.Fatal("it is not there", err)
			}
			w, err := files.Create(t.Context(), "export/Patient.ndjson")
			if err == nil {
				err = w.Commit()
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // as after a process that died just before the end
				if err := p.Remove(t.Context(), "east"); err != nil {
					t.Fatal(err)
				}
			}
			if there, err := p.There(t.Context(), "east"); there || err != nil {
				t.Error("it is there", err)
			}
			if left, err := files.Exports(t.Context()); err != nil || len(left) > 0 {
				t.Errorf("files of exports: %q, %v", left, err)
			}
		}
	})
}

// A copy for which there is no room is refused before it takes that of others.
func TestACopyLeavesRoomToTheOthers(t *testing.T) {
	dir := disktest.Small(t, "24m")
	where := []string{"--data", filepath.Join(dir, "data")}
	p := startClosed(t, where...)
	if out := command(t, false, where, "tenant", "clone", "east"); !strings.Contains(out, "the disk is full") {
		t.Error(out)
	}
	noDrafts(t, where)
	token := tokenFor(t, where, "")
	if status, body := send(t.Context(), client, "POST", p.url+"/Patient", `{"resourceType":"Patient"}`, "Authorization", "Bearer "+token); status != 201 {
		t.Errorf("others write no more: %d %s", status, body)
	}
}
