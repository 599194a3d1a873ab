package sqlite

import (
	"context"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

const patientType = "Patient"

var policies = sqldb.Policies{Dialect: sqldb.SQLite}

// Policies implements store.Resources.
func (s *Store) Policies(ctx context.Context, after int64) (all []store.Policy, err error) {
	err = s.read(ctx, func(c *conn) error {
		all, err = policies.After(ctx, quiet{c}, after)
		return err
	})
	return all, err
}

// PoliciesOf implements store.Resources.
func (s *Store) PoliciesOf(ctx context.Context, patient fhir.ID, at int64) (numbers []int64, err error) {
	err = s.read(ctx, func(c *conn) error {
		typeNumber, err := s.names.Find(ctx, c, sqldb.TypeSpace, patientType)
		if err != nil {
			return err
		}
		numbers, err = policies.Of(ctx, quiet{c}, typeNumber, patient, at)
		return err
	})
	return numbers, err
}

// Governed implements store.Resources.
func (s *Store) Governed() (generation int64, ok bool) {
	s.governing.mu.Lock()
	defer s.governing.mu.Unlock()
	return s.governing.generation, true
}
