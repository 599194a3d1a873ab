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

// PolicyMarks implements store.Resources. What any transaction changes makes the marks of all
// Patients others: to tell them takes no query.
func (s *Store) PolicyMarks(_ context.Context, patients []fhir.ID, _ int64) (map[fhir.ID]store.PolicyMark, error) {
	mark, _ := s.governing.mark()
	marks := make(map[fhir.ID]store.PolicyMark, len(patients))
	for _, id := range patients {
		marks[id] = mark
	}
	return marks, nil
}
