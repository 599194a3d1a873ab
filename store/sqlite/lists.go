package sqlite

import (
	"database/sql/driver"
	"errors"
	"slices"

	"modernc.org/sqlite"

	"github.com/inglehealth/ingle/store/sqldb"
)

// lists are arguments of the functions of sqldb, which the statement that runs names by
// their places.
type lists []any

func (l *lists) register(d *sqlite.Driver) error {
	return errors.Join(
		d.RegisterDeterministicScalarFunction(sqldb.AmongFunction, 2, l.among),
		d.RegisterDeterministicScalarFunction(sqldb.ConditionFunction, 2, l.condition),
		d.RegisterDeterministicScalarFunction(sqldb.ValueFunction, 3, l.value),
		d.RegisterDeterministicScalarFunction(sqldb.DecidedFunction, 3, l.decided),
		d.RegisterDeterministicScalarFunction(sqldb.LearnedFunction, 5, l.learned),
		d.RegisterDeterministicScalarFunction(sqldb.KnownFunction, 3, l.known),
		d.RegisterDeterministicScalarFunction(sqldb.NotedFunction, 3, l.noted),
	)
}

// errList is the error of a function that got something else.
var errList = errors.New("sqlite: a function takes a number and a list")

// take returns a number and the list that is named with it.
func take[T any](l *lists, args []driver.Value) (n int64, list T, err error) {
	n, is := args[0].(int64)
	at, ok := args[1].(int64)
	if !is || !ok || at < 0 || at >= int64(len(*l)) {
		return 0, list, errList
	}
	if list, ok = (*l)[at].(T); !ok {
		return 0, list, errList
	}
	return n, list, nil
}

// among is sqldb.AmongFunction.
func (l *lists) among(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	n, list, err := take[[]int64](l, args)
	if err != nil {
		return nil, err
	}
	if _, found := slices.BinarySearch(list, n); found {
		return int64(1), nil
	}
	return int64(0), nil
}

// condition is sqldb.ConditionFunction.
func (l *lists) condition(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	n, choices, err := take[*sqldb.Choices](l, args)
	if err != nil {
		return nil, err
	}
	if condition, ok := choices.Condition(n); ok {
		return condition, nil
	}
	return nil, nil //nolint:nilnil // NULL
}

// value is sqldb.ValueFunction.
func (l *lists) value(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	n, choices, err := take[*sqldb.Choices](l, args)
	if err != nil {
		return nil, err
	}
	place, ok := args[2].(int64)
	if !ok {
		return nil, errList
	}
	return choices.Value(n, place), nil
}

// decided is sqldb.DecidedFunction.
func (l *lists) decided(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	seq, decider, err := take[*sqldb.Decider](l, args)
	if err != nil {
		return nil, err
	}
	if condition, ok := decider.Decided(seq, number(args[2])); ok {
		return condition, nil
	}
	return nil, nil //nolint:nilnil // NULL
}

// learned is sqldb.LearnedFunction.
func (l *lists) learned(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	seq, decider, err := take[*sqldb.Decider](l, args)
	if err != nil {
		return nil, err
	}
	return decider.Learned(seq, number(args[2]), number(args[3]), number(args[4])), nil
}

// known is sqldb.KnownFunction.
func (l *lists) known(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	seq, decider, err := take[*sqldb.Decider](l, args)
	if err != nil {
		return nil, err
	}
	value, ok := decider.Known(seq, number(args[2]))
	if !ok {
		return nil, errList
	}
	return value, nil
}

// noted is sqldb.NotedFunction.
func (l *lists) noted(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	seq, decider, err := take[*sqldb.Decider](l, args)
	if err != nil {
		return nil, err
	}
	if holds, ok := args[2].(int64); ok {
		decider.Noted(seq, holds != 0)
	}
	return args[2], nil
}

// number is 0 for NULL.
func number(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}
