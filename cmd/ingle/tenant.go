package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/spec/fault"
)

type tenantCommand struct {
	List    tenantList    `cmd:"" help:"List the tenants that were made while a server ran, or by these commands."`
	Create  tenantCreate  `cmd:"" help:"Make a tenant. Servers that run serve it within seconds, without a restart."`
	Clone   tenantClone   `cmd:"" help:"Make a tenant that is a copy of another one."`
	Suspend tenantSuspend `cmd:"" help:"Have nobody reach a tenant, and keep all of it."`
	Resume  tenantResume  `cmd:"" help:"Serve a tenant again that was suspended."`
	Delete  tenantDelete  `cmd:"" help:"Delete a tenant that is suspended, with all that it holds."`
}

// A manager is a command about tenants. It does its work where an administrator does.
type manager interface {
	// manage writes what it has done to out. firstLink is as console.Config has it; nil
	// where no server runs.
	manage(ctx context.Context, o *tenancy.Office, firstLink func(context.Context, string) (string, error), out io.Writer) error
}

// managers are the commands that travel, by their names.
var managers = map[string]func() manager{
	"tenant list":    func() manager { return new(tenantList) },
	"tenant create":  func() manager { return new(tenantCreate) },
	"tenant clone":   func() manager { return new(tenantClone) },
	"tenant suspend": func() manager { return new(tenantSuspend) },
	"tenant resume":  func() manager { return new(tenantResume) },
	"tenant delete":  func() manager { return new(tenantDelete) },
}

// managingFlags say where the tenants are.
type managingFlags struct {
	Data     string `placeholder:"DIR" json:"-" help:"Folder of the SQLite databases; a server may run on it. Default: ./ingle-data"`
	Database string `placeholder:"URL" json:"-" help:"PostgreSQL instead of SQLite; servers may run on it."`
	KeyFile  string `json:"-" placeholder:"FILE" help:"${keyfile}"`
	BaseURL  string `name:"base-url" json:"-" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public URL of the server, as given to serve; not needed while it runs on the folder."`

	definitionFlags  `json:"-"`
	exportPlaceFlags `json:"-"`
}

// order has a manager do its work: in the server that runs on the folder, else here.
func (f managingFlags) order(ctx context.Context, m *Main, command string, c manager) (err error) {
	s := storeFlags{Data: f.Data, Database: f.Database}
	if err := s.exclusive(); err != nil {
		return err
	}
	if sent, err := s.send(ctx, m, order{Command: command}, c); sent {
		return err
	}
	if err := s.present(ctx); err != nil {
		return err
	}
	places, err := f.places(s)
	if err != nil {
		return err
	}
	db, err := s.openStore(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	config := tenancy.Config{Store: db, Places: places}
	if f.Database != "" {
		config.Settle = tenantSettles
	}
	office := tenancy.New(config)
	stop := work(ctx, "tenants", slog.New(slog.DiscardHandler), office.Run)
	defer func() { err = errors.Join(err, stop()) }()
	done := c.manage(ctx, office, nil, m.Stdout)
	if logged := audit.Append(context.WithoutCancel(ctx), db, commandEvent(audit.Administer, command, c, done)); logged != nil {
		return errors.Join(done, fmt.Errorf("it is not in the audit log: %w", logged))
	}
	return done
}

// places are those of the flags.
func (f managingFlags) places(s storeFlags) (*tenantPlaces, error) {
	base, err := publicURL(f.BaseURL)
	if err != nil {
		return nil, err
	}
	all, err := f.load()
	if err != nil {
		return nil, err
	}
	key, err := s.keyFile(f.KeyFile)
	if err != nil {
		return nil, err
	}
	files, err := f.exportFiles(s.folder())
	if err != nil {
		return nil, err
	}
	return &tenantPlaces{
		storeFlags: s, files: files,
		furnishing: furnishing{definitions: all, base: base, policy: records.DefaultPolicy(), key: key, patients: sandboxPatients},
	}, nil
}

type tenantList struct{ managingFlags }

func (c *tenantList) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "tenant list", c)
}

func (c *tenantList) manage(ctx context.Context, o *tenancy.Office, _ func(context.Context, string) (string, error), out io.Writer) error {
	all, err := o.List(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"NAME", "STATE", "CONTENT", "MADE", "BY", "WHAT WENT WRONG"}}
	for _, t := range all {
		content := string(t.Content)
		if t.Content == tenancy.Copy {
			content = "copy of " + tenancy.Called(t.Of)
		}
		rows = append(rows, []string{t.Name, string(t.State), content, t.Created.Format(time.RFC3339), dash(t.By), dash(t.Error)})
	}
	return lines(out, rows)
}

type tenantCreate struct {
	managingFlags
	Name    string `arg:"" help:"Its name: 1 to 32 of a-z, 0-9 and '-', a letter first. It is served at /t/NAME/fhir."`
	Sandbox bool   `help:"Put a clinic with synthetic patients into it, which administrators can reset."`
	sandboxFlags
}

// Help is shown by 'ingle tenant create --help'.
func (c *tenantCreate) Help() string {
	return `Examples:

  ingle tenant create east --data ./records
  ingle tenant create training --sandbox --database postgres://ingle@localhost/ingle --key-file ./ingle.key

All servers on the records serve it within seconds, now and after a restart, as if --tenant were given. Who becomes its first
administrator is said by a link that is shown, or by 'ingle user add LOGIN --role administrator --tenant NAME'.`
}

func (c *tenantCreate) Run(ctx context.Context, m *Main) error {
	if err := c.checkSandbox(); err != nil {
		return err
	}
	return c.order(ctx, m, "tenant create", c)
}

func (c *tenantCreate) manage(ctx context.Context, o *tenancy.Office, firstLink func(context.Context, string) (string, error), out io.Writer) error {
	t := tenancy.Tenant{Name: c.Name, Content: tenancy.Empty}
	if c.Sandbox {
		t.Content, t.Patients = tenancy.Sandbox, c.SandboxPatients
	}
	return makeTenant(ctx, o, t, firstLink, out)
}

type tenantClone struct {
	managingFlags
	Name string `arg:"" help:"Its name: 1 to 32 of a-z, 0-9 and '-', a letter first."`
	Of   string `placeholder:"TENANT" help:"The tenant that is copied. Default: the one at /fhir."`
}

// Help is shown by 'ingle tenant clone --help'.
func (c *tenantClone) Help() string {
	return `Example:

  ingle tenant clone rehearsal --of east --data ./records
      Makes tenant rehearsal with all that tenant east holds, as it is at one moment while it works.

Records with their history, users, apps, consents, rules and the audit log are copied. Whoever was signed in signs in again, apps
are allowed anew, subscriptions are off, exports and imports that were under way are not, and the copy signs with keys of its own.
When the disk fills up or the program is killed, nothing half stays.`
}

func (c *tenantClone) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "tenant clone", c)
}

func (c *tenantClone) manage(ctx context.Context, o *tenancy.Office, firstLink func(context.Context, string) (string, error), out io.Writer) error {
	return makeTenant(ctx, o, tenancy.Tenant{Name: c.Name, Content: tenancy.Copy, Of: c.Of}, firstLink, out)
}

func makeTenant(ctx context.Context, o *tenancy.Office, t tenancy.Tenant, firstLink func(context.Context, string) (string, error), out io.Writer) error {
	t.By = whoRuns()
	ordered, err := o.Make(ctx, t)
	if err != nil {
		return inWords(err)
	}
	t, err = o.Wait(ctx, ordered.Name)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return fmt.Errorf("somebody else took tenant %s back", ordered.Name)
	case err != nil:
		return err
	case t.State == tenancy.Making:
		return fmt.Errorf("stopped; a server that runs goes on, else the next one does")
	case t.State == tenancy.Failed:
		return fmt.Errorf("tenant %s could not be made: %s", t.Name, t.Error)
	}
	fmt.Fprintf(out, "%s was made. Servers that run serve it within seconds, at /t/%s/fhir.\n", t, t.Name)
	if firstLink == nil {
		if t.Content != tenancy.Copy {
			fmt.Fprintf(out, "Its first administrator: ingle user add LOGIN --role %s --tenant %s\n", identity.Administrator, t.Name)
		}
		return nil
	}
	return tellFirstLink(ctx, t.Name, firstLink, out)
}

// linkTime is longer than it takes a server to serve a tenant that was made.
const linkTime = 5 * time.Second

func tellFirstLink(ctx context.Context, name string, firstLink func(context.Context, string) (string, error), out io.Writer) error {
	for until := time.Now().Add(linkTime); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		link, err := firstLink(ctx, name)
		if errors.Is(err, errNotServed) {
			continue
		}
		if err == nil && link != "" {
			_, err = fmt.Fprintf(out, "Who opens this link, within a day, becomes its first administrator:\n  %s\n", link)
		}
		return err
	}
	return nil
}

// inWords is an error that was made for a form as one of a command line.
func inWords(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind != fault.Internal {
		return usage("%s", strings.TrimSuffix(f.Issues[0].Message, "."))
	}
	return err
}

type tenantSuspend struct {
	managingFlags
	Name string `arg:"" help:"The tenant."`
}

func (c *tenantSuspend) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "tenant suspend", c)
}

func (c *tenantSuspend) manage(ctx context.Context, o *tenancy.Office, _ func(context.Context, string) (string, error), out io.Writer) error {
	return told(inWords(o.Suspend(ctx, c.Name)), out, "Tenant %s is suspended: within seconds nobody reaches it.", c.Name)
}

type tenantResume struct {
	managingFlags
	Name string `arg:"" help:"The tenant."`
}

func (c *tenantResume) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "tenant resume", c)
}

func (c *tenantResume) manage(ctx context.Context, o *tenancy.Office, _ func(context.Context, string) (string, error), out io.Writer) error {
	return told(inWords(o.Resume(ctx, c.Name)), out, "Tenant %s is served again, within seconds.", c.Name)
}

type tenantDelete struct {
	managingFlags
	Name string `arg:"" help:"The tenant, which is suspended."`
	Yes  bool   `help:"Delete it: needed, since nothing brings it back but a backup."`
}

func (c *tenantDelete) Run(ctx context.Context, m *Main) error {
	if !c.Yes {
		return usage("tenant %s would be gone with its records, users, apps and audit log: say --yes if it is to be so", c.Name)
	}
	return c.order(ctx, m, "tenant delete", c)
}

func (c *tenantDelete) manage(ctx context.Context, o *tenancy.Office, _ func(context.Context, string) (string, error), out io.Writer) error {
	if err := o.Delete(ctx, c.Name); err != nil {
		return inWords(err)
	}
	if _, err := o.Wait(ctx, c.Name); err == nil {
		return errors.New("stopped; a server that runs goes on, else the next one does")
	} else if fault.KindOf(err) != fault.NotFound {
		return err
	}
	return told(nil, out, "Tenant %s is deleted.", c.Name)
}
