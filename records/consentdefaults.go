package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// kindConsentDefaults is the kind of the item that the defaults of a tenant are kept
// as, when they are others than those of a new server.
const kindConsentDefaults = "consent-defaults"

// ConsentDefaults are what holds for the tenant where no consent decides.
func (s *Session) ConsentDefaults(ctx context.Context) (access.Defaults, error) {
	if err := s.operateOn(access.Consents, consentType, smart.Read); err != nil {
		return access.Defaults{}, err
	}
	defaults, err := s.door.consentDefaults(ctx)
	return defaults, s.door.fault(err)
}

// SetConsentDefaults replaces them. They hold at the next request, in every process.
func (s *Session) SetConsentDefaults(ctx context.Context, defaults access.Defaults) error {
	if err := s.operateOn(access.Consents, consentType, smart.Update); err != nil {
		return err
	}
	if err := defaults.Check(); err != nil {
		return err
	}
	body, err := json.Marshal(defaults)
	if err != nil {
		return err
	}
	return s.door.fault(s.door.store.WriteItems(ctx, true, store.ItemChange{Item: store.Item{Kind: kindConsentDefaults, ID: kindConsentDefaults, Body: body}, Expect: store.Any}))
}

// ResetConsentDefaults makes them those of a new server.
func (s *Session) ResetConsentDefaults(ctx context.Context) error {
	if err := s.operateOn(access.Consents, consentType, smart.Update); err != nil {
		return err
	}
	return s.door.fault(s.door.store.WriteItems(ctx, true, store.ItemChange{Item: store.Item{Kind: kindConsentDefaults, ID: kindConsentDefaults}, Expect: store.Any, Delete: true}))
}

func (d *Door) consentDefaults(ctx context.Context) (access.Defaults, error) {
	item, err := d.store.ReadItem(ctx, kindConsentDefaults, kindConsentDefaults)
	if errors.Is(err, store.ErrNotFound) {
		return access.Shipped(), nil
	}
	if err != nil {
		return access.Defaults{}, err
	}
	var defaults access.Defaults
	if err := json.Unmarshal(item.Body, &defaults); err != nil {
		return access.Defaults{}, fmt.Errorf("records: consent defaults: %w", err)
	}
	return defaults, nil
}
