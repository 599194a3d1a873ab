package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/records"
)

type alertCommand struct {
	List        alertList        `cmd:"" help:"List the alerts that fire, and those that are resolved."`
	Acknowledge alertAcknowledge `cmd:"" help:"Say that somebody looks after an alert: nobody is reminded of it."`
	Silence     alertSilence     `cmd:"" help:"Have nobody told of an alert for a time."`
	Rules       alertRules       `cmd:"" help:"List the rules, with their limits."`
	Limit       alertLimit       `cmd:"" help:"Set the limit of a rule, or switch it off."`
	Reset       alertReset       `cmd:"" help:"Make a rule what it is on a new server."`
}

// Help is shown by `ingle alert --help`.
func (c *alertCommand) Help() string {
	return `Examples:

  ingle alert list --data ./records
  ingle alert acknowledge disk/ --data ./records
  ingle alert silence job-failed/export --for 8h --data ./records
  ingle alert limit disk 4096 --data ./records`
}

type alertList struct{ keepingFlags }

func (c *alertList) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "alert list", c) }

func (c *alertList) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	list, err := s.Door().Alerts().List(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"ALERT", "STATE", "VALUE", "LIMIT", "SINCE", "UNTIL", ""}}
	for _, a := range list {
		r, _ := alerts.RuleNamed(a.Rule)
		until, note := "", ""
		if a.State == alerts.Resolved {
			until = shownTime(a.Resolved)
		} else if !a.Acknowledged.IsZero() {
			note = a.By + " looks after it"
		}
		if a.SilentAt(time.Now()) {
			note += " silenced until " + shownTime(a.Silenced)
		}
		rows = append(rows, []string{a.ID(), string(a.State), alerts.Told(a.Value, r.Unit), alerts.Told(a.Limit, r.Unit), shownTime(a.Since), until, note})
	}
	return lines(out, rows)
}

type alertAcknowledge struct {
	keepingFlags
	Alert string `arg:"" help:"The alert, as alert list names it: disk/ or job-failed/export"`
}

func (c *alertAcknowledge) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "alert acknowledge", c)
}

func (c *alertAcknowledge) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	return told(wrongAlert(s.Door().Alerts().Acknowledge(ctx, c.Alert, s.Principal().Name)), out, "Nobody is reminded of %s.", c.Alert)
}

type alertSilence struct {
	keepingFlags
	Alert string        `arg:"" help:"The alert, as alert list names it: disk/ or job-failed/export"`
	For   time.Duration `required:"" help:"For how long: 8h. 0: no longer."`
}

func (c *alertSilence) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "alert silence", c)
}

func (c *alertSilence) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	return told(wrongAlert(s.Door().Alerts().Silence(ctx, c.Alert, s.Principal().Name, c.For)), out, "Nobody is told of %s for %s.", c.Alert, c.For)
}

type alertRules struct{ keepingFlags }

func (c *alertRules) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "alert rules", c)
}

func (c *alertRules) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	rules, err := s.Door().Alerts().Settings(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"RULE", "FIRES", "", "FOR", "WHAT"}}
	for _, r := range rules {
		when, state := "above "+alerts.Told(r.Limit, r.Unit), ""
		if r.Below {
			when = "below " + alerts.Told(r.Limit, r.Unit)
		}
		switch {
		case r.Off:
			state = "off"
		case r.Limit != r.Default:
			state = "new server: " + alerts.Told(r.Default, r.Unit)
		}
		rows = append(rows, []string{r.Name, when, state, r.For.String(), r.Title})
	}
	return lines(out, rows)
}

type alertLimit struct {
	keepingFlags
	Rule  string `arg:"" help:"The rule, as alert rules names it: disk"`
	Limit string `arg:"" optional:"" help:"The limit, in the unit that alert rules shows: 4096"`
	Off   bool   `help:"Switch the rule off."`
}

func (c *alertLimit) Run(ctx context.Context, m *Main) error {
	if (c.Limit == "") != c.Off {
		return usage("alert limit %s takes either a limit or --off", c.Rule)
	}
	return c.order(ctx, m, "alert limit", c)
}

func (c *alertLimit) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	r, ok := alerts.RuleNamed(c.Rule)
	if !ok {
		return usage("there is no rule %s: alert rules lists them", c.Rule)
	}
	value := r.Limit
	if !c.Off {
		var err error
		if value, err = strconv.ParseFloat(c.Limit, 64); err != nil {
			return usage("%s is no limit: it is a number, such as %v, or --off", c.Limit, r.Limit)
		}
	}
	err := wrongAlert(s.Door().Alerts().SetLimit(ctx, c.Rule, value, c.Off))
	if c.Off {
		return told(err, out, "%s is switched off.", c.Rule)
	}
	return told(err, out, "The limit of %s is %s.", c.Rule, alerts.Told(value, r.Unit))
}

type alertReset struct {
	keepingFlags
	Rule string `arg:"" help:"The rule, as alert rules names it: disk"`
}

func (c *alertReset) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "alert reset", c)
}

func (c *alertReset) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	return told(wrongAlert(s.Door().Alerts().ResetLimit(ctx, c.Rule)), out, "%s is as on a new server.", c.Rule)
}

// wrongAlert makes a wrong command line of what names no alert or no limit.
func wrongAlert(err error) error {
	if errors.Is(err, alerts.ErrNotFound) || errors.Is(err, alerts.ErrInput) {
		return usageError{fmt.Errorf("%w; alert list and alert rules show what there is", err)}
	}
	return err
}
