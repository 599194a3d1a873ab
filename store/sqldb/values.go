package sqldb

import (
	"context"
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// Values is store.Resources.Values on db.
func (s *Reader) Values(ctx context.Context, db DB, p search.Param, limit int) ([]search.Entry, error) {
	c := s.compiler(ctx, db, &search.Query{})
	params := c.params(p)
	if c.err != nil {
		return nil, c.err
	}
	text := "SELECT DISTINCT '', v.url, v.version FROM uri v WHERE "
	if p.Kind == definitions.SearchToken {
		text = "SELECT DISTINCT coalesce(n.text, ''), v.code, '' FROM token v LEFT JOIN name n ON n.id = v.system WHERE v.code <> '' AND "
	}
	in := in("v.param", params)
	var values []search.Entry
	err := ForEach(ctx, db, s.Dialect.Rebind(text+in.sql+" ORDER BY 1, 2, 3 LIMIT "+strconv.Itoa(limit)), in.args, func(r Rows) error {
		e := search.Entry{Param: p}
		var value string
		if err := r.Scan(&e.System, &value, &e.Version); err != nil {
			return err
		}
		if p.Kind == definitions.SearchToken {
			e.Code = value
		} else {
			e.URL = value
		}
		values = append(values, e)
		return nil
	})
	return values, err
}
