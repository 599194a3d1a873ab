package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/monitor"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
	"github.com/inglehealth/ingle/watch/finding"
)

// insideFlags say which installation is looked at from inside.
type insideFlags struct {
	Data     string `placeholder:"DIR" help:"Without a URL: folder of the SQLite databases of this installation; a server may run on it. Default: ./ingle-data"`
	Database string `placeholder:"URL" help:"Without a URL: its PostgreSQL."`
	Tenant   string `placeholder:"NAME" help:"Without a URL: the tenant. Default: the one at /fhir."`
	KeyFile  string `placeholder:"FILE" help:"Without a URL: its key file, as given to serve."`
	BaseURL  string `name:"base-url" placeholder:"URL" help:"Without a URL: public URL of the server, as given to serve: whether it answers there, with a good certificate and clock."`

	definitionFlags
}

// inside looks at this installation.
func (c *doctorCommand) inside(ctx context.Context, m *Main) error {
	f := c.insideFlags
	s := storeFlags{Data: f.Data, Database: f.Database}
	if f.Tenant != "" {
		s.Tenant = []string{f.Tenant}
	}
	base, err := publicURL(f.BaseURL)
	if err := errors.Join(s.exclusive(), err); err != nil {
		return err
	}
	f.BaseURL = base
	d := &checkup{insideFlags: f, store: s}
	if err := d.examine(ctx); err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(m.Stdout)
		out.SetIndent("", "  ")
		err := out.Encode(struct {
			State  finding.State     `json:"state"`
			Checks []finding.Finding `json:"checks"`
		}{finding.Worst(d.found), d.found})
		if err != nil {
			return err
		}
	} else {
		writeFindings(m.Stdout, d.found)
	}
	wrong := len(slices.DeleteFunc(slices.Clone(d.found), func(f finding.Finding) bool { return f.State != finding.Fail }))
	if wrong > 0 {
		return fmt.Errorf("%d of %d checks failed", wrong, len(d.found))
	}
	return nil
}

func writeFindings(out io.Writer, all []finding.Finding) {
	for _, f := range all {
		fmt.Fprintf(out, "%-4s  %s: %s\n", f.State, f.Check, f.Means)
		if f.Do != "" {
			fmt.Fprintf(out, "      -> %s\n", f.Do)
		}
	}
}

// checkup is one look at an installation.
type checkup struct {
	insideFlags
	store storeFlags
	found []finding.Finding
}

func (d *checkup) add(f ...finding.Finding) { d.found = append(d.found, f...) }

// databaseTime is how long a database is read.
const databaseTime = 30 * time.Second

func (d *checkup) examine(ctx context.Context) error {
	key := d.keyFile()
	reading, cancel := context.WithTimeout(ctx, databaseTime)
	defer cancel()
	if d.Database != "" {
		d.add(postgres.Diagnose(reading, d.Database, schemaOf(d.Tenant))...)
	} else {
		dir := d.store.folderOf(d.Tenant)
		d.add(sqlite.Diagnose(reading, dir)...)
		if sqlite.Exists(dir) {
			d.add(diskOf(dir)...)
		}
	}
	if err := d.within(ctx, key); err != nil {
		return err
	}
	d.outside(ctx)
	return nil
}

// keyFile looks at the key file, and returns it if it can be read.
func (d *checkup) keyFile() *identity.KeyFile {
	const check = "key file"
	path := d.KeyFile
	if path == "" {
		if d.Database != "" {
			d.add(finding.Doubt(check, "Give --key-file, as to serve.", "It was not looked at: with PostgreSQL it has to be named."))
			return nil
		}
		path = filepath.Join(d.store.folder(), keyFileName)
	}
	file := identity.NewKeyFile(path)
	switch err := file.Read(); {
	case errors.Is(err, fs.ErrNotExist):
		d.add(finding.Doubt(check, "If the server had one, put a copy back; an open server (--open) has none.", "%s is not there.", path))
		return nil
	case err != nil:
		d.add(finding.Ill(check, "Only the server's account may read it (chmod 600). If it is damaged, put a copy back.", "%v.", err))
		return nil
	}
	age := ""
	if info, err := os.Stat(path); err == nil {
		age = ", made " + humanize.Time(info.ModTime())
	}
	d.add(finding.Well(check, "%s is readable to its owner only%s. Keep a copy apart from the backups.", path, age))
	return file
}

// within looks at what is in the database: through the server that runs on the folder,
// else here, if the database is this program's.
func (d *checkup) within(ctx context.Context, key *identity.KeyFile) error {
	if d.Database == "" {
		found, sent, err := d.ask(ctx)
		if sent || err != nil {
			d.add(found...)
			return err
		}
	}
	current := func(f finding.Finding) bool { return f.Check == "schema" && f.State == finding.OK }
	damaged := func(f finding.Finding) bool {
		return strings.HasSuffix(f.Check, "integrity") && f.State == finding.Fail
	}
	if !slices.ContainsFunc(d.found, current) || slices.ContainsFunc(d.found, damaged) {
		return nil // it would be changed, or cannot be read
	}
	if d.Database == "" && sqlite.InUse(d.store.folderOf(d.Tenant)) {
		d.add(finding.Doubt("server", "If it does not answer either, end it and start it again.", "A process has the folder, and commands do not reach it: it starts. What is in the database was not looked at."))
		return nil
	}
	return d.open(ctx, key)
}

// ask has the server that runs look.
func (d *checkup) ask(ctx context.Context) (found []finding.Finding, sent bool, err error) {
	for name, command := range map[string]any{"doctor": &doctorDoor{}, "doctor keys": &doctorKeys{}} {
		flags, err := json.Marshal(command)
		if err != nil {
			return nil, false, err
		}
		var out strings.Builder
		ok, err := sendOrder(ctx, d.store.folder(), order{Tenant: d.Tenant, Command: name, Flags: flags}, &out)
		if !ok {
			return nil, false, nil
		}
		if err != nil && err.Error() == errOpen.Error() {
			continue // it has no keys
		}
		var some []finding.Finding
		if err == nil {
			err = json.Unmarshal([]byte(out.String()), &some)
		}
		if err != nil {
			return append(found, finding.Ill("server", "Is it of this version? Look into its log.", "The server that runs did not look: %v.", err)), true, nil
		}
		found = append(found, some...)
	}
	slices.SortStableFunc(found, func(a, b finding.Finding) int { return strings.Compare(a.Check, b.Check) })
	return append(found, finding.Well("server", "It runs and answers commands.")), true, nil
}

// open looks at what is in a database that no other process has, or that others may
// share.
func (d *checkup) open(ctx context.Context, key *identity.KeyFile) (err error) {
	all, err := d.load()
	if err != nil {
		return err
	}
	base := d.BaseURL
	if base == "" {
		base = "http://127.0.0.1:8080"
	}
	door, db, err := d.store.openTenant(ctx, d.Tenant, all, base, records.DefaultPolicy(), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		d.add(finding.Ill("records", "Mend what is named.", "The records cannot be opened: %v.", err))
		return nil
	}
	defer func() { err = errors.Join(err, door.Close()) }()
	door.Subscribe(records.SubscriptionConfig{})
	d.add(monitor.Examine(ctx, door, time.Now(), monitor.Subscriptions)...)
	d.auditHead(ctx, db, key)
	if key == nil {
		return nil
	}
	if err := key.Belongs(ctx, db); err != nil {
		d.add(finding.Ill("key file", "Put a copy of the right file there, or name it with --key-file.", "%v.", err))
		return nil
	}
	in, err := identity.Open(ctx, identity.Config{Store: db, Secret: key, Issuer: issuerOf(base, d.Tenant)})
	if err != nil {
		d.add(finding.Ill("keys", "Mend what is named.", "The signing keys cannot be read: %v.", err))
		return nil
	}
	d.add(signingKeys(ctx, in, time.Now()))
	return nil
}

func (d *checkup) auditHead(ctx context.Context, db store.Audit, key *identity.KeyFile) {
	var keys []string
	var err error
	if key != nil {
		keys, err = audit.Authentic(ctx, db, key)
	}
	events, problems, failed := audit.CheckHead(ctx, db, keys)
	switch err = errors.Join(err, failed); {
	case err != nil:
		d.add(finding.Ill("audit log", "If it is damaged, restore a backup (ingle restore).", "It cannot be read: %v.", err))
	case len(problems) > 0:
		d.add(finding.Ill("audit log", "Keep a copy of the database, and run ingle audit verify, which names what was altered.", "%s.", strings.Join(problems, "; ")))
	default:
		d.add(finding.Well("audit log", "The last checkpoint of its %d events is signed, and is that of what is stored. ingle audit verify reads all of it.", events))
	}
}

// oldKey is how old a signing key may be.
const oldKey = 400 * 24 * time.Hour

// signingKeys says how old the keys are that id tokens are signed with.
func signingKeys(ctx context.Context, in *identity.Service, now time.Time) finding.Finding {
	const check = "keys"
	keys, err := in.SigningKeys(ctx)
	switch {
	case err != nil:
		return finding.Ill(check, "Is the key file the right one?", "The signing keys cannot be read: %v.", err)
	case len(keys) == 0:
		return finding.Well(check, "There are no signing keys yet; the server makes them.")
	}
	if age := now.Sub(keys[0].Created); age > oldKey {
		return finding.Doubt(check, "ingle key rotate", "The signing keys are %d days old.", int(age.Hours()/24))
	}
	return finding.Well(check, "The signing keys are of %s.", keys[0].Created.Format(time.DateOnly))
}

// doctorDoor is the part of an examination that a running server does, with its records.
type doctorDoor struct{}

func (*doctorDoor) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	return json.NewEncoder(out).Encode(monitor.Examine(ctx, s.Door(), time.Now(), monitor.Subscriptions))
}

// doctorKeys is the part with its keys.
type doctorKeys struct{}

func (*doctorKeys) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return json.NewEncoder(out).Encode([]finding.Finding{signingKeys(ctx, in, time.Now())})
}

// Bounds of a disk that is well.
const (
	fullDisk = 256 << 20
	lowDisk  = 2 << 30
	slowSync = 20 * time.Millisecond
	lameSync = 200 * time.Millisecond
)

// diskOf looks at the disk of a folder: what is free, and how fast what is written is on
// it.
func diskOf(dir string) []finding.Finding {
	var all []finding.Finding
	free, err := sqlite.FreeBytes(dir)
	if err != nil {
		all = append(all, finding.Ill("disk", "Mend what is named.", "It cannot be asked: %v.", err))
	} else {
		all = append(all, freeDisk(free))
	}
	took, err := syncTime(dir)
	if err != nil {
		return append(all, finding.Ill("disk speed", "The account of the server must be able to write there.", "Nothing can be written to %s: %v.", dir, err))
	}
	return append(all, diskSpeed(took))
}

func freeDisk(free uint64) finding.Finding {
	const do = "Make room where records are kept, or enlarge the disk."
	switch {
	case free < fullDisk:
		return finding.Ill("disk", do, "%s are free where records are kept: writes are about to be refused.", humanize.IBytes(free))
	case free < lowDisk:
		return finding.Doubt("disk", do, "%s are free where records are kept.", humanize.IBytes(free))
	}
	return finding.Well("disk", "%s are free where records are kept.", humanize.IBytes(free))
}

func diskSpeed(took time.Duration) finding.Finding {
	const check, do = "disk speed", "Every write waits for it. Use a local disk, best an SSD with a protected cache; not a network file system."
	switch took = took.Round(10 * time.Microsecond); {
	case took > lameSync:
		return finding.Ill(check, do, "What is written is on the disk after %s.", took)
	case took > slowSync:
		return finding.Doubt(check, do, "What is written is on the disk after %s.", took)
	}
	return finding.Well(check, "What is written is on the disk after %s.", took)
}

// syncTime is how long it takes to have a page on the disk, in the middle of some tries.
func syncTime(dir string) (took time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".ingle-doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, 4096)
	var all []time.Duration
	for range 11 {
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// outside looks at the server at its public address.
func (d *checkup) outside(ctx context.Context) {
	const check = "address"
	if d.BaseURL == "" {
		d.add(finding.Well(check, "It was not looked at: --base-url says where the server is."))
		return
	}
	fhir := issuerOf(d.BaseURL, d.Tenant) + "/fhir"
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fhir+"/metadata", http.NoBody)
	if err != nil {
		d.add(finding.Ill(check, "It looks like https://ehr.example.", "--base-url %s is no address.", d.BaseURL))
		return
	}
	r.Header.Set("Accept", "application/fhir+json")
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	sent := time.Now()
	answer, err := client.Do(r)
	if err != nil {
		d.add(unreached(fhir, err))
		return
	}
	defer answer.Body.Close()
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		// The header has whole seconds.
		d.add(finding.Skew("clock of the address", "The clock at "+d.BaseURL, date.Add(time.Second/2).Sub(sent.Add(time.Since(sent)/2))))
	}
	if answer.TLS != nil && len(answer.TLS.PeerCertificates) > 0 {
		d.add(certificate(answer.TLS.PeerCertificates[0], time.Now()))
	}
	d.add(matches(fhir, answer))
}

// unreached says why an address does not answer.
func unreached(address string, err error) finding.Finding {
	_, expired := errors.AsType[x509.CertificateInvalidError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	if expired || unknown || name {
		return finding.Ill("certificate", "Have --tls-cert hold the whole chain of a certificate for that name, which is good today.", "Clients cannot trust %s: %v.", address, inner(err))
	}
	return finding.Ill("address", "Is the server running, the name right, and the way from here to it open? If only this machine cannot reach it, all may be well.", "%s does not answer: %v.", address, inner(err))
}

func inner(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// certificate says for how long a certificate is good.
func certificate(leaf *x509.Certificate, now time.Time) finding.Finding {
	const do = "Renew it, and put the files in the place of the old ones: they are read again within seconds."
	left := int(leaf.NotAfter.Sub(now).Hours() / 24)
	switch {
	case left < 3:
		return finding.Ill("certificate", do, "It ends at %s.", leaf.NotAfter.UTC().Format(time.RFC3339))
	case left < 21:
		return finding.Doubt("certificate", do, "It is good for %d days.", left)
	}
	return finding.Well("certificate", "It is good for %d days.", left)
}

// matches says whether a server goes by the address at which it answers.
func matches(address string, answer *http.Response) finding.Finding {
	const check, do = "address", "Give serve the --base-url by which clients come: it is in links, tokens and references."
	var statement struct {
		Implementation struct{ URL string }
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	if err == nil && answer.StatusCode == http.StatusOK {
		err = json.Unmarshal(text, &statement)
	}
	switch {
	case answer.StatusCode != http.StatusOK:
		return finding.Ill(check, "Does another program, or a proxy without a way to the server, answer there?", "%s/metadata is answered with %s.", address, answer.Status)
	case err != nil:
		return finding.Ill(check, "Does another program answer there?", "What answers at %s is no FHIR server: %v.", address, err)
	case statement.Implementation.URL != address:
		return finding.Ill(check, do, "The server at %s calls itself %q.", address, statement.Implementation.URL)
	}
	return finding.Well(check, "The server answers at %s, and calls itself so.", address)
}
