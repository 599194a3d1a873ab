package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// A keeper is a command about what is kept of the records and what goes. It does its
// work where an administrator does.
type keeper interface {
	// keep writes what it has done to out. The door's background work is done
	// meanwhile.
	keep(ctx context.Context, s *records.Session, out io.Writer) error
}

// keepers are the commands that travel, by their names.
var keepers = map[string]func() keeper{
	"hold set":  func() keeper { return new(holdSet) },
	"hold lift": func() keeper { return new(holdLift) },
	"hold list": func() keeper { return new(holdList) },
	"erase":     func() keeper { return new(eraseCommand) },
	"role set":  func() keeper { return new(roleSet) },
	"usage":     func() keeper { return new(usageCommand) },

	"limit list":   func() keeper { return new(limitList) },
	"limit set":    func() keeper { return new(limitSet) },
	"limit remove": func() keeper { return new(limitRemove) },
	"backup":       func() keeper { return new(backupNote) },

	"consent unclear":       func() keeper { return new(consentUnclear) },
	"consent review":        func() keeper { return new(consentReview) },
	"consent-default show":  func() keeper { return new(consentDefaultShow) },
	"consent-default set":   func() keeper { return new(consentDefaultSet) },
	"consent-default reset": func() keeper { return new(consentDefaultReset) },

	"doctor":            func() keeper { return new(doctorDoor) },
	"alert list":        func() keeper { return new(alertList) },
	"alert acknowledge": func() keeper { return new(alertAcknowledge) },
	"alert silence":     func() keeper { return new(alertSilence) },
	"alert rules":       func() keeper { return new(alertRules) },
	"alert limit":       func() keeper { return new(alertLimit) },
	"alert reset":       func() keeper { return new(alertReset) },

	"retention show": func() keeper { return new(retentionShow) },
	"retention set":  func() keeper { return new(retentionSet) },
	"retention run":  func() keeper { return new(retentionRun) },
}

// keepingFlags say whose records a command is about.
type keepingFlags struct {
	Data     string `placeholder:"DIR" json:"-" help:"Folder of the SQLite databases; a server may run on it. Default: ./ingle-data"`
	Database string `placeholder:"URL" json:"-" help:"PostgreSQL instead of SQLite."`
	Tenant   string `placeholder:"NAME" json:"-" help:"The tenant. Default: the one at /fhir."`
	BaseURL  string `name:"base-url" json:"-" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public URL of the server, as given to serve: references to it are local; not needed while it runs."`

	definitionFlags `json:"-"`
}

// order has a keeper do its work: in the server that runs on the folder, else here.
func (f keepingFlags) order(ctx context.Context, m *Main, command string, k keeper) (err error) {
	s := storeFlags{Data: f.Data, Database: f.Database}
	if f.Tenant != "" {
		s.Tenant = []string{f.Tenant}
	}
	if err := s.exclusive(); err != nil {
		return err
	}
	if sent, err := s.send(ctx, m, order{Tenant: f.Tenant, Command: command}, k); sent {
		return err
	}
	if err := s.present(ctx); err != nil {
		return err
	}
	all, err := f.load()
	if err != nil {
		return err
	}
	door, db, err := s.openTenant(ctx, f.Tenant, all, f.BaseURL, records.DefaultPolicy(), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, door.Close()) }()
	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	var failed error
	working.Go(func() { failed = door.Work(ctx) })
	defer func() {
		stop()
		working.Wait()
		err = errors.Join(err, failed)
	}()
	done := k.keep(ctx, operator(door), m.Stdout)
	if logged := audit.Append(context.WithoutCancel(ctx), db, commandEvent(audit.Administer, command, k, done)); logged != nil {
		return errors.Join(done, fmt.Errorf("it is not in the audit log: %w", logged))
	}
	return done
}

// operator is the session of who has the database anyway.
func operator(door *records.Door) *records.Session {
	return door.Session(records.Principal{ID: "command", Name: "the server's operator"}, nil)
}

// keyArg reads TYPE/ID.
func keyArg(text string) (fhir.Key, error) {
	typ, id, ok := strings.Cut(text, "/")
	key := fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}
	if !ok || !key.ID.Valid() {
		return key, usage("%s: it looks like Patient/maria", text)
	}
	return key, nil
}

type holdCommand struct {
	Set  holdSet  `cmd:"" help:"Put a resource, or all that a Patient owns, under a legal hold: it is not deleted, expunged or erased until the hold is lifted."`
	Lift holdLift `cmd:"" help:"End a legal hold."`
	List holdList `cmd:"" help:"List the legal holds."`
}

type holdSet struct {
	keepingFlags
	Key    string `arg:"" name:"resource" help:"The Patient or resource: Patient/maria"`
	Reason string `required:"" help:"Why."`
}

func (c *holdSet) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "hold set", c) }

func (c *holdSet) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	key, err := keyArg(c.Key)
	if err != nil {
		return err
	}
	h, err := s.SetHold(ctx, key, c.Reason)
	return told(err, out, "%s is held from now on: %s", h.Key, h.Reason)
}

type holdLift struct {
	keepingFlags
	Key string `arg:"" name:"resource" help:"The Patient or resource: Patient/maria"`
}

func (c *holdLift) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "hold lift", c) }

func (c *holdLift) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	key, err := keyArg(c.Key)
	if err != nil {
		return err
	}
	return told(s.LiftHold(ctx, key), out, "%s is held no more.", key)
}

type holdList struct{ keepingFlags }

func (c *holdList) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "hold list", c) }

func (c *holdList) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	rows := [][]string{{"RESOURCE", "SINCE", "BY", "REASON"}}
	for after := ""; ; {
		holds, err := s.Holds(ctx, after, 500)
		if err != nil {
			return err
		}
		for _, h := range holds {
			after = h.Key.String()
			rows = append(rows, []string{after, h.Since.Format(time.DateOnly), h.By, h.Reason})
		}
		if len(holds) < 500 {
			return lines(out, rows)
		}
	}
}

type eraseCommand struct {
	keepingFlags
	Patient string `required:"" placeholder:"ID" help:"Logical id of the Patient."`
	Reason  string `required:"" help:"Why; it stays in the report."`
}

// Help is shown by `ingle erase --help`.
func (c *eraseCommand) Help() string {
	return `Example:

  ingle erase --data ./records --patient maria --reason 'asked for by the patient, letter of 4 March'
      Removes all versions of all that Patient/maria owns, for good.

Others' resources stay, without what referred to it. The audit log keeps its proofs and forgets the patient. Nothing that is
under a legal hold is erased. When the command is stopped a running server goes on; else give it again.`
}

func (c *eraseCommand) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "erase", c) }

func (c *eraseCommand) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	id := fhir.ID(c.Patient)
	if !id.Valid() {
		return usage("--patient %s is no id: it looks like maria", c.Patient)
	}
	e, err := s.Erase(ctx, id, c.Reason)
	for err == nil && e.Running {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
		e, err = s.Erasure(ctx, id)
	}
	if err != nil {
		return err
	}
	if e.Error != "" {
		return fmt.Errorf("the erasure ended: %s", e.Error)
	}
	fmt.Fprintf(out, "Patient/%s is erased: %d resources, %d versions, %d contents of Binaries; %d app states; %d accesses; %d events of the audit log; %d users.\n",
		id, e.Resources, e.Versions, e.Contents, e.AppStates, e.Accesses, e.Events, e.Users)
	if len(e.Changed) > 0 {
		fmt.Fprintf(out, "Resources of others that referred to it: %s\n", strings.Join(e.Changed, ", "))
	}
	if len(e.Left) > 0 {
		fmt.Fprintf(out, "Still naming it, because they are held or are documents of their own: %s\n", strings.Join(e.Left, ", "))
	}
	return nil
}
