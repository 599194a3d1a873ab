package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

type auditCommand struct {
	Verify     auditVerify     `cmd:"" help:"Read the whole audit log and name what was altered, is missing or stands elsewhere. A server may run."`
	Export     auditExport     `cmd:"" help:"Write events as lines of JSON."`
	Checkpoint auditCheckpoint `cmd:"" help:"Print the signed checkpoint of the log, to be kept elsewhere."`
	Proof      auditProof      `cmd:"" help:"Prove that an event is in the log, or check such a proof."`
	Keys       auditKeys       `cmd:"" help:"List the keys that checkpoints are signed with."`
	Erase      auditErase      `cmd:"" help:"Take what an event says out of the log for good. Its hash stays, so that all proofs hold."`
}

// auditPlace says which log is meant.
type auditPlace struct {
	Data     string   `placeholder:"DIR" help:"Folder of the SQLite databases. Default: ./ingle-data"`
	Database string   `placeholder:"URL" help:"PostgreSQL instead of SQLite."`
	Tenant   string   `placeholder:"NAME" help:"The tenant. Default: the one at /fhir."`
	KeyFile  string   `placeholder:"FILE" help:"${keyfile}"`
	Key      []string `sep:"none" placeholder:"KEY" help:"A key that may have signed, as 'ingle audit keys' printed it when the log was known to be good. May be repeated. Default: those that the key file knows."`
}

// read opens the log to read it. The caller calls the function at the end.
func (p auditPlace) read(ctx context.Context) (store.Audit, func() error, error) {
	s := storeFlags{Data: p.Data, Database: p.Database}
	if err := s.exclusive(); err != nil {
		return nil, nil, err
	}
	if p.Database != "" {
		db, err := postgres.Open(ctx, p.Database, schemaOf(p.Tenant))
		if err != nil {
			return nil, nil, err
		}
		return db, db.Close, nil
	}
	log, err := sqlite.OpenAudit(s.folderOf(p.Tenant))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, usage("there is no audit log in %s", s.folderOf(p.Tenant))
	}
	if err != nil {
		return nil, nil, err
	}
	return log, log.Close, nil
}

// keys are those to trust, and a remark when nobody vouches for them.
func (p auditPlace) keys(ctx context.Context, log store.Audit) (keys []string, remark string, err error) {
	if len(p.Key) > 0 {
		return p.Key, "", nil
	}
	name := p.KeyFile
	if name == "" && p.Database == "" {
		name = filepath.Join(storeFlags{Data: p.Data}.folder(), keyFileName)
	}
	const own = "The keys are those that the log itself lists: give --key-file or --key to be sure that nobody put in another."
	if name != "" {
		file := identity.NewKeyFile(name)
		switch err := file.Read(); {
		case errors.Is(err, fs.ErrNotExist) && p.KeyFile == "":
		case err != nil:
			return nil, "", err
		default:
			keys, err = audit.Authentic(ctx, log, file)
			if err != nil || len(keys) > 0 {
				return keys, "", err
			}
		}
	}
	signers, err := audit.Signers(ctx, log)
	for _, one := range signers {
		keys = append(keys, one.Verifier)
	}
	return keys, own, err
}

type auditVerify struct {
	auditPlace
	Checkpoint string `type:"existingfile" placeholder:"FILE" help:"A checkpoint that was kept elsewhere: the log must begin with what was in it then."`
	AuditSpool string `placeholder:"DIR" help:"The folder that 'serve --audit-spool' has: what waits there is verified, too."`
}

// Help is shown by `ingle audit verify --help`.
func (c *auditVerify) Help() string {
	return `Examples:

  ingle audit checkpoint --data ./records > checkpoint     (today, and keep it elsewhere)
  ingle audit verify --data ./records --checkpoint checkpoint

It says 'The log is whole' and ends with 0, or names each thing that is wrong and ends with 1. What commands left
while no server ran is in the log as soon as one runs.`
}

// errNotWhole ends a verification that found something.
var errNotWhole = errors.New("the audit log is not as it was written")

func (c *auditVerify) Run(ctx context.Context, m *Main) (err error) {
	log, closeLog, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	v := audit.Verification{Found: func(problem string) { fmt.Fprintln(m.Stdout, problem) }}
	remark := ""
	if v.Verifiers, remark, err = c.keys(ctx, log); err != nil {
		return err
	}
	if c.Checkpoint != "" {
		if v.Checkpoint, err = os.ReadFile(c.Checkpoint); err != nil {
			return err
		}
	}
	began := time.Now()
	r, err := audit.Verify(ctx, log, v)
	if err != nil {
		return err
	}
	if remark != "" {
		fmt.Fprintln(m.Stdout, remark)
	}
	if err := c.spool(m, v.Verifiers, &r); err != nil {
		return err
	}
	if r.Problems > 0 {
		return errNotWhole
	}
	erased := ""
	if r.Erased > 0 {
		erased = fmt.Sprintf(" (%s erased)", humanize.Comma(r.Erased))
	}
	fmt.Fprintf(m.Stdout, "The log is whole: %s events%s, root %s, verified in %s\n", humanize.Comma(r.Events), erased, r.Root, time.Since(began).Round(10*time.Millisecond))
	return nil
}

// spool verifies what waits in a server's spool, and says how much that is.
func (c *auditVerify) spool(m *Main, verifiers []string, r *audit.Report) error {
	if c.AuditSpool == "" {
		return nil
	}
	n, problem, err := audit.CheckSpool(spoolOf(c.AuditSpool, c.Tenant), verifiers)
	if errors.Is(err, fs.ErrNotExist) {
		return usage("no spool of this tenant is in %s: --audit-spool is the folder that a server was started with", c.AuditSpool)
	}
	if err != nil {
		return err
	}
	if n > 0 {
		fmt.Fprintf(m.Stdout, "%s events wait in the spool until there is room in the database\n", humanize.Comma(int64(n)))
	}
	if problem != "" {
		r.Problems++
		fmt.Fprintln(m.Stdout, problem)
	}
	return nil
}

type auditExport struct {
	auditPlace
	From    int64  `help:"Begin with this event."`
	Since   string `placeholder:"TIME" help:"Only events since then: 2026-03-01 or 2026-03-01T08:00:00Z."`
	Patient string `placeholder:"ID" help:"Only events that touched the data of this patient, or tell that it was hidden."`
}

func (c *auditExport) Run(ctx context.Context, m *Main) (err error) {
	q := audit.Query{From: c.From, Limit: 500}
	if c.Patient != "" {
		q.Patient, q.Concealed = "Patient/"+c.Patient, true
	}
	if c.Since != "" {
		r, ok := search.ParseTime(c.Since)
		if !ok {
			return usage("--since %s is not a time: it looks like 2026-03-01 or 2026-03-01T08:00:00Z", c.Since)
		}
		q.Since = time.UnixMicro(r.Lo).UTC()
	}
	log, closeLog, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	for {
		found, err := audit.Find(ctx, log, q)
		if err != nil {
			return err
		}
		for _, e := range found.Events {
			line, err := e.Line()
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(m.Stdout, "%s\n", line); err != nil {
				return err
			}
		}
		if q.From = found.Next; q.From < 0 {
			return nil
		}
	}
}

type auditCheckpoint struct{ auditPlace }

func (c *auditCheckpoint) Run(ctx context.Context, m *Main) (err error) {
	log, closeLog, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	head, err := log.AuditHead(ctx)
	if err == nil && len(head.Note) == 0 {
		err = usage("the log is empty: there is nothing to sign yet")
	}
	if err != nil {
		return err
	}
	_, err = m.Stdout.Write(head.Note)
	return err
}

type auditProof struct {
	auditPlace
	Number  int64  `arg:"" optional:"" default:"-1" help:"The event: 17 of AuditEvent/log.17.0."`
	Patient int    `default:"-1" placeholder:"N" help:"Show no more than the N-th of its patients may see: 0 of AuditEvent/log.17.0. Default: all of it."`
	Check   string `type:"existingfile" placeholder:"FILE" help:"Check a proof instead; this needs neither the log nor a server."`
}

func (c *auditProof) Run(ctx context.Context, m *Main) (err error) {
	if c.Check != "" {
		return c.check(m)
	}
	if c.Number < 0 {
		return usage("say which event, or --check FILE")
	}
	log, closeLog, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	head, err := log.AuditHead(ctx)
	if err != nil {
		return err
	}
	proof, err := audit.Prove(ctx, log, c.Number, c.Patient, head.Note)
	if errors.Is(err, store.ErrNotFound) {
		return usage("there is no event %d of that patient, or it was erased", c.Number)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(m.Stdout, "%s\n", proof)
	return err
}

func (c *auditProof) check(m *Main) error {
	text, err := os.ReadFile(c.Check)
	if err != nil {
		return err
	}
	e, err := audit.CheckProof(text, c.Key)
	if err != nil {
		return err
	}
	line, err := e.Line()
	if err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "The proof is good: this event is in the log.\n%s\n", line)
	if len(c.Key) == 0 {
		fmt.Fprintln(m.Stdout, "The key is the one that the proof brings along: give the server's with --key to be sure whose log it is.")
	}
	return nil
}

type auditKeys struct{ auditPlace }

func (c *auditKeys) Run(ctx context.Context, m *Main) (err error) {
	log, closeLog, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	signers, err := audit.Signers(ctx, log)
	if err != nil {
		return err
	}
	rows := [][]string{{"KEY", "SINCE", ""}}
	for _, k := range signers {
		state := "signs"
		if !k.Retired.IsZero() {
			state = "until " + shownTime(k.Retired)
		}
		rows = append(rows, []string{k.Verifier, shownTime(k.Created), state})
	}
	return lines(m.Stdout, rows)
}

type auditErase struct {
	auditPlace
	Number int64 `arg:"" help:"The event."`
}

func (c *auditErase) Run(ctx context.Context, m *Main) (err error) {
	s := storeFlags{Data: c.Data, Database: c.Database}
	if c.Tenant != "" {
		s.Tenant = []string{c.Tenant}
	}
	if err := errors.Join(s.exclusive(), s.present(ctx)); err != nil {
		return err
	}
	db, err := s.openStore(ctx, c.Tenant)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// That it is erased is recorded first.
	if err := audit.Append(ctx, db, commandEvent(audit.Administer, "audit erase", c, nil)); err != nil {
		return err
	}
	if err := audit.Erase(ctx, db, c.Number); errors.Is(err, store.ErrNotFound) {
		return usage("there is no event %d, or it was erased before", c.Number)
	} else if err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "Event %d is erased.\n", c.Number)
	return nil
}
