package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// furnishing is what is put into a tenant that is being made.
type furnishing struct {
	definitions []*definitions.Definitions
	base        string
	policy      records.Policy
	key         *identity.KeyFile // nil on a server that is open to all
	patients    int               // of a sandbox of which nothing else is said
}

// furnish makes the store of a draft what a tenant begins with, and closes it.
func (f furnishing) furnish(ctx context.Context, s store.Store, t tenancy.Tenant) error {
	err := audit.Append(ctx, s, &audit.Event{Time: time.Now(), Kind: audit.Administer, Note: t.String() + " was made", Agent: audit.Agent{Login: t.By}})
	if err == nil && t.Content == tenancy.Copy {
		err = f.detach(ctx, s, t)
	}
	if err != nil || t.Content == tenancy.Empty {
		return errors.Join(err, s.Close())
	}
	door, err := (storeFlags{}).doorOf(ctx, s, t.Name, f.definitions, f.base, f.policy, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	if t.Content == tenancy.Copy {
		err = endSubscriptions(ctx, door)
	} else {
		patients := cmp.Or(t.Patients, f.patients)
		_, err = newSandbox(door, s, patients).fill(ctx, patients)
	}
	return errors.Join(err, door.Close())
}

// detach ends in a copy what the tenant that it is of goes on with: what people and apps
// were let do there, its signing keys, and the work that somebody there waits for.
func (f furnishing) detach(ctx context.Context, s store.Store, t tenancy.Tenant) error {
	now := time.Now()
	if err := errors.Join(identity.Copied(ctx, s, now), tenancy.Forget(ctx, s), endJobs(ctx, s, now), unmended(ctx, s)); err != nil {
		return err
	}
	var secret audit.Sealer = unsealed{}
	if f.key != nil {
		if err := f.key.Unlock(ctx, s); err != nil {
			return err
		}
		secret = f.key
	}
	return audit.Rotate(ctx, s, secret, issuerOf(f.base, t.Name)+"/fhir", now)
}

// copiedJobs is how many jobs of a store are looked through for those that go on.
const copiedJobs = 100_000

// endJobs ends exports, imports and the making of tenants.
func endJobs(ctx context.Context, s store.Jobs, now time.Time) error {
	all, err := s.ListJobs(ctx, "", copiedJobs)
	if err != nil {
		return err
	}
	for _, j := range all {
		ordered := slices.Contains([]string{bulkjob.Kind, intake.Kind, tenancy.Kind, backupJob}, j.Kind) || strings.HasPrefix(j.Kind, intake.Kind+"-")
		if !ordered || !j.Ended.IsZero() {
			continue
		}
		if err := s.CancelJob(ctx, j.ID, now); err != nil && !errors.Is(err, store.ErrVersion) {
			return err
		}
	}
	return nil
}

// endSubscriptions turns all Subscriptions off: their subscribers are told by the tenant
// that this is a copy of.
func endSubscriptions(ctx context.Context, door *records.Door) error {
	log := door.Subscribe(records.SubscriptionConfig{})
	for after := fhir.ID(""); ; {
		states, err := log.States(ctx, after, 100)
		if err != nil || len(states) == 0 {
			return err
		}
		for _, one := range states {
			after = one.Subscription
			if one.Status == "off" {
				continue
			}
			if err := log.Off(ctx, one.Subscription, "this is a copy of another tenant"); err != nil {
				return err
			}
		}
	}
}
