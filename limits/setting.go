package limits

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/inglehealth/ingle/store"
)

// settingName is the setting that holds the rules that were set.
const settingName = "limits"

// maxRules bounds them.
const maxRules = 1_000

// Set is what was set, and when.
type Set struct {
	Version int64     `json:"version"`
	Changed time.Time `json:"changed,omitzero"`
	By      string    `json:"by,omitempty"`
	Rules   []Rule    `json:"rules"`
}

// Reload takes the rules from the store, if they are others than those in force.
func (l *Limiter) Reload(ctx context.Context) error {
	set, text, err := l.read(ctx)
	if err != nil {
		return err
	}
	l.enforce(set, text)
	return nil
}

func (l *Limiter) read(ctx context.Context) (set Set, text []byte, err error) {
	text, err = l.config.Store.ReadSetting(ctx, settingName)
	if errors.Is(err, store.ErrNotFound) {
		return set, nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &set)
	}
	if err != nil {
		return set, nil, fmt.Errorf("limits: the rules: %w", err)
	}
	return set, text, nil
}

func (l *Limiter) enforce(set Set, text []byte) {
	l.setting.Lock()
	defer l.setting.Unlock()
	if bytes.Equal(text, l.setting.text) {
		return
	}
	if now := l.rules.Load(); set.Version < now.version {
		return // read before a change that is in force
	}
	l.setting.text = text
	l.rules.Store(newRules(set.Version, l.config.Defaults, set.Rules))
}

// Own are the rules that were set.
func (l *Limiter) Own(ctx context.Context) (Set, error) {
	set, _, err := l.read(ctx)
	return set, err
}

// Default are the rules that hold where none is set.
func (l *Limiter) Default() []Rule { return slices.Clone(l.config.Defaults) }

// attempts is how often a change is tried that others' changes got in the way of.
const attempts = 20

// ErrNoRule says that there is no rule to remove.
var ErrNoRule = errors.New("limits: there is no such rule")

// Put sets a rule in the place of the one for the same, and Remove removes it: then the
// default holds, or the rule for each. They are in force here at once, and in other
// processes within two seconds. By says who did it. The error is about the rule.
func (l *Limiter) Put(ctx context.Context, r Rule, by string) (Rule, error) {
	r, err := r.Check()
	if err != nil {
		return r, err
	}
	return r, l.change(ctx, by, func(rules []Rule) ([]Rule, error) {
		i := slices.IndexFunc(rules, func(one Rule) bool { return one.Place() == r.Place() })
		if i >= 0 {
			rules[i] = r
			return rules, nil
		}
		if len(rules) >= maxRules {
			return nil, fmt.Errorf("there are %d rules already, which is as many as there may be", maxRules)
		}
		return append(rules, r), nil
	})
}

// Remove removes the rule for the same as r; ErrNoRule.
func (l *Limiter) Remove(ctx context.Context, r Rule, by string) error {
	r.Limit = None()
	r, err := r.Check()
	if err != nil {
		return err
	}
	return l.change(ctx, by, func(rules []Rule) ([]Rule, error) {
		i := slices.IndexFunc(rules, func(one Rule) bool { return one.Place() == r.Place() })
		if i < 0 {
			return nil, ErrNoRule
		}
		return slices.Delete(rules, i, i+1), nil
	})
}

func (l *Limiter) change(ctx context.Context, by string, change func([]Rule) ([]Rule, error)) error {
	for range attempts {
		set, was, err := l.read(ctx)
		if err != nil {
			return err
		}
		if set.Rules, err = change(set.Rules); err != nil {
			return err
		}
		set.Version++
		set.Changed, set.By = l.config.Clock().UTC().Truncate(time.Second), by
		text, err := json.Marshal(set)
		if err != nil {
			return err
		}
		if was == nil {
			var stored []byte
			if stored, err = l.config.Store.InitSetting(ctx, settingName, text); err == nil && !bytes.Equal(stored, text) {
				err = store.ErrVersion
			}
		} else {
			err = l.config.Store.SwapSetting(ctx, settingName, was, text)
		}
		if errors.Is(err, store.ErrVersion) {
			continue
		}
		if err == nil {
			l.enforce(set, text)
		}
		return err
	}
	return store.ErrVersion
}
