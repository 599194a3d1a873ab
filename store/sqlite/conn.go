package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	"modernc.org/sqlite"

	"github.com/inglehealth/ingle/store/sqldb"
)

// conn is one connection with its prepared statements. It is used by one
// goroutine at a time.
//
// It speaks to the driver without database/sql between them, which costs as
// much as a point read does.
type conn struct {
	raw        driver.Conn
	statements map[string]statement
	args       []driver.NamedValue
	writes     int    // statements executed without result
	touched    *int64 // calls of touchedFunction
	lists      *lists
	governing  *governing // nil for the writer's, which sees what is not committed
	reading    *reading   // nil of one that reads all pages again after a commit
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// maxStatements bounds the prepared statements of a connection; searches come
// in many shapes.
const maxStatements = 256

// connect opens the database file and runs pragmas on the connection.
func connect(path string, pragmas ...string) (*conn, error) {
	return connectFor(nil, path, pragmas...)
}

// connectFor is connect; with changes that are not nil pages are kept over commits. Then
// nothing may be attached or written, and what is temporary has to lie in memory.
func connectFor(known *changes, path string, pragmas ...string) (*conn, error) {
	if errInstalled != nil {
		return nil, errInstalled
	}
	d, touched, lists := new(sqlite.Driver), new(int64), new(lists)
	err := d.RegisterDeterministicScalarFunction(touchedFunction, 1, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		*touched++
		return int64(1), nil
	})
	if err = errors.Join(err, lists.register(d)); err != nil {
		return nil, err
	}
	r := newReading(known)
	raw, err := d.Open((&url.URL{Scheme: "file", Path: path, RawQuery: "vfs=" + logFiles + r.parameter()}).String())
	if err != nil {
		r.end()
		return nil, err
	}
	c := &conn{raw: raw, statements: map[string]statement{}, touched: touched, lists: lists, reading: r}
	for _, p := range pragmas {
		if err := c.run("PRAGMA " + p); err != nil {
			return nil, errors.Join(fmt.Errorf("PRAGMA %s: %w", p, err), c.close())
		}
	}
	return c, nil
}

func (c *conn) prepare(text string) (statement, error) {
	if s, ok := c.statements[text]; ok {
		return s, nil
	}
	if len(c.statements) >= maxStatements {
		for k, s := range c.statements {
			delete(c.statements, k)
			if err := s.Close(); err != nil {
				return nil, err
			}
			if len(c.statements) < maxStatements*3/4 {
				break
			}
		}
	}
	prepared, err := c.raw.Prepare(text)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, text)
	}
	s := prepared.(statement)
	c.statements[text] = s
	return s, nil
}

// run executes a statement without result. It is not interrupted by a context:
// what the writer does is short.
func (c *conn) run(text string, args ...any) error {
	_, err := c.Exec(context.Background(), text, args...)
	return err
}

// Exec implements sqldb.Execer; no context interrupts it.
func (c *conn) Exec(_ context.Context, text string, args ...any) (int64, error) {
	s, err := c.prepare(text)
	if err != nil {
		return 0, err
	}
	c.writes++
	result, err := s.ExecContext(context.Background(), c.named(args))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c *conn) named(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	lists := (*c.lists)[:0]
	for i, a := range args {
		switch v := a.(type) {
		case int:
			a = int64(v)
		case []int64, *sqldb.Choices, *sqldb.Decider:
			a = int64(len(lists))
			lists = append(lists, v)
			*c.lists = lists // other statements have none while this one runs
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// Query implements sqldb.DB. A context that ends interrupts it.
func (c *conn) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	result, err := s.QueryContext(ctx, c.named(args))
	if err != nil {
		return nil, err
	}
	return &rows{result: result, values: make([]driver.Value, len(result.Columns()))}, nil
}

// Short implements sqldb.Shortener: no context interrupts a short query.
func (c *conn) Short() sqldb.DB { return quiet{c} }

// Governing implements sqldb.GoverningDB.
func (c *conn) Governing() (*sqldb.Governing, error) {
	if c.governing == nil {
		return nil, nil //nolint:nilnil // as it says
	}
	return c.governing.of(c)
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	errs = append(errs, c.raw.Close())
	c.reading.end()
	return errors.Join(errs...)
}

type rows struct {
	result driver.Rows
	values []driver.Value
	err    error
}

func (r *rows) Next() bool {
	if r.err != nil {
		return false
	}
	r.err = r.result.Next(r.values)
	return r.err == nil
}

func (r *rows) Err() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

func (r *rows) Close() {
	if err := r.result.Close(); err != nil && (r.err == nil || errors.Is(r.err, io.EOF)) {
		r.err = err
	}
}

func (r *rows) Scan(dest ...any) error {
	if len(dest) != len(r.values) {
		return fmt.Errorf("sqlite: %d columns scanned into %d values", len(r.values), len(dest))
	}
	for i, v := range r.values {
		if err := assign(dest[i], v); err != nil {
			return fmt.Errorf("sqlite: column %d: %w", i+1, err)
		}
	}
	return nil
}

func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case *any:
		*d = v
		return nil
	case *int64:
		switch v := v.(type) {
		case int64:
			*d = v
			return nil
		case bool:
			if v {
				*d = 1
			}
			return nil
		}
	case *float64:
		switch v := v.(type) {
		case float64:
			*d = v
			return nil
		case int64:
			*d = float64(v)
			return nil
		}
	case *string:
		if v, ok := v.(string); ok {
			*d = v
			return nil
		}
	case *[]byte:
		switch v := v.(type) {
		case []byte:
			*d = v
			return nil
		case string:
			*d = []byte(v)
			return nil
		case nil:
			*d = nil
			return nil
		}
	}
	return fmt.Errorf("%T does not fit %T", v, dest)
}
