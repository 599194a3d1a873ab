package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/inglehealth/ingle/store"
)

// limitsSetting holds what administrators made of the limits.
const limitsSetting = "alertLimits"

// limit is another one than the rule's.
type limit struct {
	Value *float64 `json:"limit,omitempty"`
	Off   bool     `json:"off,omitempty"`
}

// Set is a rule as it is set here.
type Set struct {
	Rule            // with the limit in force
	Default float64 // the limit of a new server
	Off     bool    // it is not evaluated
}

// Settings are the rules as they are set here.
func (b *Book) Settings(ctx context.Context) ([]Set, error) {
	own, _, err := b.limits(ctx)
	if err != nil {
		return nil, err
	}
	var all []Set
	for _, r := range Rules() {
		s := Set{Rule: r, Default: r.Limit}
		if l, ok := own[r.Name]; ok {
			s.Off = l.Off
			if l.Value != nil {
				s.Limit = *l.Value
			}
		}
		all = append(all, s)
	}
	return all, nil
}

func (b *Book) limits(ctx context.Context) (own map[string]limit, was []byte, err error) {
	was, err = b.store.ReadSetting(ctx, limitsSetting)
	if errors.Is(err, store.ErrNotFound) {
		return map[string]limit{}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(was, &own); err != nil {
		return nil, nil, fmt.Errorf("alerts: the setting %s: %w", limitsSetting, err)
	}
	return own, was, nil
}

// SetLimit sets the limit of a rule, or switches it off; ErrInput. It holds from the
// next evaluation on.
func (b *Book) SetLimit(ctx context.Context, name string, value float64, off bool) error {
	r, ok := RuleNamed(name)
	if !ok {
		return fmt.Errorf("%w: there is no rule %q", ErrInput, name)
	}
	if value < 0 || math.IsNaN(value) || value > 1e12 || r.Unit == Percent && value > 100 {
		return fmt.Errorf("%w: the limit of %s cannot be %v", ErrInput, name, value)
	}
	return b.setLimit(ctx, name, func(own map[string]limit) {
		l := limit{Off: off}
		if value != r.Limit {
			l.Value = &value
		}
		own[name] = l
	})
}

// ResetLimit makes a rule what it is on a new server.
func (b *Book) ResetLimit(ctx context.Context, name string) error {
	if _, ok := RuleNamed(name); !ok {
		return fmt.Errorf("%w: there is no rule %q", ErrInput, name)
	}
	return b.setLimit(ctx, name, func(own map[string]limit) { delete(own, name) })
}

func (b *Book) setLimit(ctx context.Context, name string, f func(map[string]limit)) error {
	for {
		own, was, err := b.limits(ctx)
		if err != nil {
			return err
		}
		f(own)
		text, err := json.Marshal(own)
		if err != nil {
			return err
		}
		if was == nil {
			if was, err = b.store.InitSetting(ctx, limitsSetting, text); err != nil || string(was) == string(text) {
				return err
			}
			continue
		}
		if err := b.store.SwapSetting(ctx, limitsSetting, was, text); !errors.Is(err, store.ErrVersion) {
			return err
		}
	}
}
