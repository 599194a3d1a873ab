package postgres

import (
	"context"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

const patientType = "Patient"

var policies = sqldb.Policies{Dialect: sqldb.PostgreSQL}

// raiseEpoch makes every process look again at what it remembers.
const raiseEpoch = "INSERT INTO counter (name, value) VALUES ('epoch', 1) ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"

// Policies implements store.Resources.
func (s *Store) Policies(ctx context.Context, after int64) ([]store.Policy, error) {
	return read(s, func(db pool) ([]store.Policy, error) { return policies.After(ctx, db, after) })
}

// PoliciesOf implements store.Resources.
func (s *Store) PoliciesOf(ctx context.Context, patient fhir.ID, at int64) ([]int64, error) {
	typeNumber, err := s.Number(sqldb.TypeSpace, patientType)
	if err != nil {
		return nil, err
	}
	return read(s, func(db pool) ([]int64, error) { return policies.Of(ctx, db, typeNumber, patient, at) })
}

// Govern implements store.Tx.
func (t *tx) Govern(ctx context.Context, patient fhir.ID, spans []store.PolicySpan) error {
	if err := t.writeIndex(ctx); err != nil {
		return err
	}
	typeNumber, err := t.store.Number(sqldb.TypeSpace, patientType)
	if err != nil {
		return err
	}
	made, err := policies.Govern(ctx, t, typeNumber, patient, spans)
	if err == nil && made {
		err = t.RaiseEpoch(ctx)
	}
	return err
}

// RaiseEpoch implements store.Tx.
func (t *tx) RaiseEpoch(context.Context) error {
	t.enqueue(raiseEpoch)
	return nil
}

// RaiseEpoch implements store.Tx.
func (m *member) RaiseEpoch(context.Context) error { return m.alone() }

// Govern implements store.Tx.
func (m *member) Govern(context.Context, fhir.ID, []store.PolicySpan) error { return m.alone() }

// PolicyMarks implements store.Resources.
func (s *Store) PolicyMarks(ctx context.Context, patients []fhir.ID, at int64) (map[fhir.ID]store.PolicyMark, error) {
	typeNumber, err := s.Number(sqldb.TypeSpace, patientType)
	if err != nil {
		return nil, err
	}
	return read(s, func(pool) (map[fhir.ID]store.PolicyMark, error) {
		return policies.Marks(ctx, short{s}, typeNumber, patients, at)
	})
}
