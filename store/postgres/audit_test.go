package postgres

import (
	"bytes"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
)

func TestAGroupOfEventsIsNeitherCompressedNorTakenApart(t *testing.T) {
	s, err := Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const length = 7000
	if err := s.AppendAudit(t.Context(), bytes.Repeat([]byte("event"), length/5)); err != nil {
		t.Fatal(err)
	}
	var size, apart int64
	err = s.pool.QueryRow(t.Context(), `SELECT (SELECT sum(pg_column_size(body)) FROM audit_group),
		(SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'audit_group'::regclass)`).Scan(&size, &apart)
	if err != nil || size < length || apart != 0 {
		t.Errorf("%d bytes take %d in the row and %d beside it: %v", length, size, apart, err)
	}
}
