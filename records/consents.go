package records

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

const (
	consentType fhir.Type = "Consent"
	patientType fhir.Type = "Patient"
)

// lockConsents is the lock of whoever changes what governs patients.
const lockConsents = "consents"

// consentsSetting says by which rules the policies in the store were made. Whoever
// changes what access.Policies writes of the same consents, or what is unclear about
// them, raises consentRules.
const (
	consentsSetting = "consentRules"
	consentRules    = 6
)

// Rules makes the rules of a grant, with the consents of patients and the defaults as
// they are now.
// They hold as long as store.Identity's epoch stays the same.
func (d *Door) Rules(ctx context.Context, g access.Grant) (*access.Rules, error) {
	if err := d.readBook(ctx); err != nil {
		return nil, err
	}
	defaults, err := d.consentDefaults(ctx)
	if err != nil {
		return nil, d.fault(err)
	}
	return d.ownership.RulesUnder(d.book.Under(defaults), g), nil
}

// openBook makes the Book of the tenant, and the policies anew when they were made
// by other rules.
func (d *Door) openBook(ctx context.Context) error {
	d.book = access.NewBook(access.Shipped())
	rules := []byte(strconv.Itoa(consentRules))
	made, err := d.store.ReadSetting(ctx, consentsSetting)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if string(made) == string(rules) {
		return nil
	}
	if err := d.governAll(ctx, nil); err != nil {
		return err
	}
	return d.store.WriteSetting(ctx, consentsSetting, rules)
}

// governAll makes the policies of all patients anew who have consents, and of
// others.
func (d *Door) governAll(ctx context.Context, others []fhir.ID) error {
	patients, err := d.consenters(ctx)
	if err != nil {
		return err
	}
	patients = distinctIDs(append(patients, others...))
	for some := range slices.Chunk(patients, 100) {
		err := d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			if err := tx.Lock(ctx, lockConsents); err != nil {
				return err
			}
			return d.govern(ctx, tx, some)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// consenters are the patients who have Consents. Those that are unclear come on the
// list.
func (d *Door) consenters(ctx context.Context) ([]fhir.ID, error) {
	var patients []fhir.ID
	for r, err := range d.store.Each(ctx, consentType, 0) {
		if err != nil {
			return nil, err
		}
		c, err := d.consent(r.Record)
		if err != nil {
			return nil, err
		}
		if c.Patient != "" {
			patients = append(patients, c.Patient)
		}
		if c.Problems == nil {
			continue
		}
		change, err := d.unclearChange(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		if err := d.store.WriteItems(ctx, false, change); err != nil {
			return nil, err
		}
	}
	return distinctIDs(patients), nil
}

func distinctIDs(ids []fhir.ID) []fhir.ID {
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (d *Door) consent(r store.Record) (access.Consent, error) {
	tree, err := d.tree(r)
	if err != nil {
		return access.Consent{}, err
	}
	return access.ReadConsent(tree.Root(), d.base), nil
}

// consentKeys are the Consents among writes.
func consentKeys(writes []store.Write) (keys []fhir.Key) {
	for i := range writes {
		if writes[i].Key.Type == consentType {
			keys = append(keys, writes[i].Key)
		}
	}
	return keys
}

// consenting returns the patients of Consents as they are.
func (d *Door) consenting(ctx context.Context, r store.Reader, keys []fhir.Key) ([]fhir.ID, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	current, err := r.ReadMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	var patients []fhir.ID
	for _, one := range current {
		c, err := d.consent(one)
		if err != nil {
			return nil, err
		}
		if c.Patient != "" {
			patients = append(patients, c.Patient)
		}
	}
	return patients, nil
}

// govern gives patients the policies that their consents come to, under
// lockConsents.
func (d *Door) govern(ctx context.Context, tx store.Tx, patients []fhir.ID) error {
	for _, patient := range distinctIDs(patients) {
		consents, err := d.consentsOf(ctx, tx, patient)
		if err != nil {
			return err
		}
		var spans []store.PolicySpan
		for _, s := range access.Policies(consents) {
			spans = append(spans, store.PolicySpan(s))
		}
		if err := tx.Govern(ctx, patient, spans); err != nil {
			return fmt.Errorf("the consents of %s/%s: %w", patientType, patient, err)
		}
	}
	return nil
}

func (d *Door) consentsOf(ctx context.Context, r store.Reader, patient fhir.ID) (consents []access.Consent, err error) {
	q := &search.Query{Types: []string{string(consentType)}, Filter: d.ownership.Owner(string(consentType), string(patient)), Count: d.policy.MaxCount}
	for {
		page, err := r.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, one := range page.Records {
			c, err := d.consent(one)
			if err != nil {
				return nil, err
			}
			consents = append(consents, c)
		}
		if q.After = page.Next; q.After == "" {
			return consents, nil
		}
	}
}
