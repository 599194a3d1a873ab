package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/monitor"
	"github.com/inglehealth/ingle/service/web"
)

type serveCommand struct {
	listenFlags
	Sandbox  bool `help:"Put a clinic and its synthetic patients into the server. Without --data or --database they vanish at the end."`
	ReadOnly bool `help:"Refuse every write of records, as in a downtime. Reading, signing in and the audit log go on."`
	sandboxFlags

	storeFlags
	definitionFlags
	indexFlags

	MaxBody   string        `default:"64MiB" help:"The largest request body, before and after decompression: 1GiB at most, and 512MiB for a resource or Bundle."`
	MaxBodies string        `default:"128MiB" help:"Memory for all request bodies at once, and as much again for Binaries read as resources."`
	Patience  time.Duration `default:"30s" help:"How long a client may stand still while it sends or receives."`
	Shutdown  time.Duration `default:"30s" help:"How long requests under way may take to finish at the end."`
	Drain     time.Duration `default:"0s" help:"How long it goes on serving when it is told to stop, with /readyz saying no and connections ending after each answer, so that whatever stands before several processes sends requests elsewhere."`

	timeFlags

	authorizationFlags
	policyFlags
	labelFlags
	auditFlags
	subscriptionFlags
	watchFlags
	importFlags
	backupFlags
	exportFlags
	logFlags
}

// Help is shown by `ingle serve --help`.
func (c *serveCommand) Help() string {
	return `Examples:

  ingle serve --sandbox
      A server to try, with synthetic patients, gone when it ends.

  ingle serve --data ./records --listen :443 --tls-cert ehr.crt --tls-key ehr.key --base-url https://ehr.example
      Serves everybody, over TLS.

  ingle serve --data ./records --package hl7.fhir.us.core-7.0.0.tgz
      Keeps records in ./records and knows US Core's search parameters and profiles.

  ingle serve --database postgres://ingle@localhost/ingle --key-file ./ingle.key --tenant east --tenant west
      Three tenants on PostgreSQL: /fhir, /t/east/fhir and /t/west/fhir, each in a schema of its own.
      Others can be made while it runs: see 'ingle tenant --help', or the page Tenants of its console.`
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, m *Main) error {
	listener, err := c.listen(ctx)
	if err != nil {
		return err
	}
	m.onClose(func() error {
		if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	log := c.logger(m.Stderr)
	if c.watching, err = m.watch(log, c.Tenant); err != nil {
		return err
	}
	site, err := c.site(log)
	if err != nil {
		return err
	}
	all, err := c.load()
	if err != nil {
		return err
	}
	ephemeral := false
	if c.Sandbox && c.Data == "" && c.Database == "" {
		ephemeral = true
		if c.Data, err = m.temporary(); err != nil {
			return err
		}
	}
	policy := c.policy()
	policy.SearchTime, policy.IndexContent = c.SearchTime, c.IndexContent
	secure, err := c.tls(c.folder(), ephemeral, c.Database != "")
	if err != nil {
		return err
	}
	base := c.base(listener)
	if c.Sandbox && !c.Open && c.BaseURL == "" {
		base = localhost(base)
	}
	if err := errors.Join(c.exclusive(), c.checkBackups(), c.checkSandbox()); err != nil {
		return err
	}
	logs, err := c.newAuditing(c.Database != "")
	if err != nil {
		return err
	}
	if !c.Open {
		if logs.key, err = c.keyFile(c.KeyFile); err != nil {
			return err
		}
	}
	tenants, err := c.open(ctx, all, base, policy, log, logs)
	if err != nil {
		return err
	}
	m.onClose(tenants.Close)
	if err := c.setLabelsOf(ctx, tenants.Tenants); err != nil {
		return err
	}
	m.onClose((&backupPlan{backupFlags: c.backupFlags, from: c.storeFlags, tenants: tenants, log: log}).start(ctx))
	if c.ReadOnly && !c.Sandbox {
		readOnly(tenants.Tenants)
	}
	mounted := c.mounts(tenants, furnishing{definitions: all, base: base, policy: policy, key: logs.key, patients: c.SandboxPatients}, site, logs, log)
	office := mounted.office()
	var patients *sandbox
	if c.Sandbox {
		door, _ := tenants.Door("")
		patients = newSandbox(door, tenants.store(""), c.SandboxPatients)
	}
	api := fhirapi.Config{Tenants: tenants.Tenants, Version: version(), Log: log, Patience: c.SearchTime, History: c.HistoryTime, Evaluation: c.OperationTime, Gate: c.gate()}
	var who *authorization
	if !c.Open {
		if who, err = c.authorize(ctx, m, tenants, office, logs.key, base, log); err != nil {
			return err
		}
		who.server.Mount(site)
		mounted.who = who
		who.house.Gate = api.Gate
		who.furnish(site, c.console(mounted, office, patients))
		api.Start = true
		api.Authenticate, api.Origins, api.Ask = who.server.Authenticate, who.server.KnownOrigin, who.server.Ask
		api.BreakGlass, api.MendGlass = who.server.BreakGlass, who.server.MendGlass
		api.Traced = who.server.Traced
		api.OAuth = func(door *records.Door) fhirapi.OAuth { return fhirapi.OAuth(who.server.Endpoints(door)) }
	} else if err := c.answerCommands(ctx, m, nil, office, tenants, log); err != nil {
		return err
	}
	var sessions records.Sessions = records.OpenSessions{}
	if who != nil {
		sessions = who.server
	}
	told, err := c.tell(m, c.watching.counts, tenants.Tenants, sessions, site, log)
	if err != nil {
		return err
	}
	told.describe(&api)
	mounted.tell = told.subscribe
	m.onClose(background(ctx, tenants.Tenants, log))
	exports, err := c.bulk(tenants.Tenants, sessions, log)
	if err != nil {
		return err
	}
	m.onClose(work(ctx, "exports", log, exports.Run))
	api.Operations = append(api.Operations, exportOperation(exports))
	var ordered fhirapi.Mounted
	var stopImports func() error
	mounted.exports = exports
	known, err := mounted.known(ctx, office)
	if err != nil {
		return err
	}
	mounted.intakes, ordered, stopImports, err = c.imports(ctx, tenants.Tenants, known, sessions, who != nil, log)
	if err != nil {
		return err
	}
	m.onClose(stopImports)
	api.Operations = append(api.Operations, ordered)
	fhirapi.New(api).Mount(site)
	refusals := newRefusals(tenants.Tenants, log)
	site.Limits, site.Refused = limiterOf(tenants.Tenants), refusals.add
	m.onClose(work(ctx, "refusals", log, refusals.run))
	var filled, draining atomic.Bool
	site.Health(func(ctx context.Context) error {
		if draining.Load() {
			return errors.New("stopping")
		}
		if c.Sandbox && !filled.Load() {
			return errors.New("the sandbox is being filled")
		}
		return ping(ctx, tenants.Tenants)
	})

	monitor.Collect(c.monitored(tenants.Tenants))
	if err := c.serveMetrics(ctx, m, secure, log); err != nil {
		return err
	}
	watched, err := c.alert(ctx, tenants.Tenants, who, secure, log)
	if err != nil {
		return err
	}
	m.onClose(watched)
	if err := mounted.start(ctx, office, m.onClose); err != nil {
		return err
	}
	server := site.Server()
	failed := make(chan error, 1)
	go func() { failed <- secure.serve(server, listener) }()
	secure.greet(m.Stdout)
	loaded := false
	if c.Sandbox {
		cast := sandboxCast
		if c.ReadOnly { // all that there will be
			cast = c.SandboxPatients
		}
		if err := patients.mend(ctx); err != nil {
			return errors.Join(err, server.Close())
		}
		if loaded, err = patients.fill(ctx, cast); err != nil {
			return errors.Join(err, server.Close())
		}
		if c.ReadOnly {
			readOnly(tenants.Tenants)
		}
		filled.Store(true)
		m.onClose(patients.grow(ctx, log, loaded))
	} else if err := unmended(ctx, tenants.store("")); err != nil {
		return errors.Join(err, server.Close())
	}
	token := ""
	if c.Sandbox && who != nil {
		if token, err = who.sandboxToken(ctx); err != nil {
			return errors.Join(err, server.Close())
		}
	}
	var apps []servedApp
	if c.Sandbox && who != nil {
		if apps, err = who.startApps(ctx, m, base); err != nil {
			return errors.Join(err, server.Close())
		}
	}
	c.greet(m, base, tenants.Tenants, ephemeral, loaded, token)
	if who != nil {
		if err := who.greet(ctx, m.Stdout, c.Sandbox); err != nil {
			return errors.Join(err, server.Close())
		}
	}
	greetApps(m.Stdout, apps)
	debug.FreeOSMemory() // what starting took, so that an idle server is small
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	draining.Store(true)
	server.SetKeepAlivesEnabled(false)
	if c.Drain > 0 {
		fmt.Fprintf(m.Stdout, "\nStopping in %s: /readyz says no.\n", c.Drain)
		select {
		case err := <-failed:
			return err
		case <-time.After(c.Drain):
		}
	}
	fmt.Fprintln(m.Stdout, "\nStopping: finishing the requests under way.")
	// ctx has ended; what is under way gets time of its own.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Shutdown)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return errors.Join(fmt.Errorf("some requests did not finish within %s", c.Shutdown), server.Close())
	}
	if err := <-failed; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	fmt.Fprintln(m.Stdout, "Stopped.")
	return nil
}

func (c *serveCommand) site(log logger) (*web.Site, error) {
	body, err := humanize.ParseBytes(c.MaxBody)
	if err != nil || body == 0 {
		return nil, usage("--max-body %s is not a size: it looks like 64MiB", c.MaxBody)
	}
	if policy := records.DefaultPolicy(); body > uint64(policy.MaxBinary) {
		return nil, usage("--max-body %s is more than is stored: %s at most, and %s for a resource or Bundle",
			c.MaxBody, humanize.IBytes(uint64(policy.MaxBinary)), humanize.IBytes(uint64(policy.MaxBytes)))
	}
	bodies, err := humanize.ParseBytes(c.MaxBodies)
	if err != nil || bodies == 0 {
		return nil, usage("--max-bodies %s is not a size: it looks like 128MiB", c.MaxBodies)
	}
	proxies, err := c.proxies()
	if err != nil {
		return nil, err
	}
	return web.New(web.Config{
		Log: log, MaxBody: int64(body), MaxBodies: int64(bodies), Patience: c.Patience, Hosts: c.hosts(), Proxies: proxies, HSTS: c.strict(),
		Watcher: c.watching.requests, Traces: c.watching.traces,
	}), nil
}

// background does the tenants' background work until what it returns is called.
func background(ctx context.Context, tenants *records.Tenants, log logger) func() error {
	var stops []func() error
	for _, name := range tenants.Names() {
		door, _ := tenants.Door(name)
		stops = append(stops, work(ctx, "records", log.With("tenant", name), door.Work))
	}
	return func() error { return together(stops) }
}

// readOnly has the records of every tenant refuse writes.
func readOnly(tenants *records.Tenants) {
	for _, name := range tenants.Names() {
		if door, ok := tenants.Door(name); ok {
			door.SetReadOnly(true)
		}
	}
}

// temporary makes a folder that goes with the process.
func (m *Main) temporary() (string, error) {
	dir, err := os.MkdirTemp("", "ingle-sandbox-")
	if err != nil {
		return "", err
	}
	m.onClose(func() error { return os.RemoveAll(dir) })
	return dir, nil
}

func ping(ctx context.Context, tenants *records.Tenants) error {
	for _, name := range tenants.Names() {
		if door, ok := tenants.Door(name); ok {
			if err := door.Ping(ctx); err != nil {
				return fmt.Errorf("tenant %q: %w", name, err)
			}
		}
	}
	return nil
}

// greet says where the server is and what to try.
func (c *serveCommand) greet(m *Main, base string, tenants *records.Tenants, ephemeral, loaded bool, token string) {
	out := m.Stdout
	fmt.Fprintf(out, "Ingle %s serves FHIR at %s/fhir\n", version(), base)
	for _, name := range tenants.Names() {
		if name != "" {
			fmt.Fprintf(out, "  tenant %s at %s/t/%s/fhir\n", name, base, name)
		}
	}
	if c.Open {
		fmt.Fprintln(out, "Open: whoever reaches it may read and change everything; so it answers on the loopback interface only.")
	}
	switch {
	case c.Database != "":
		fmt.Fprintln(out, "Records are kept in PostgreSQL.")
	case ephemeral:
		fmt.Fprintln(out, "Records are temporary: they vanish when it stops. Keep them with --data DIR.")
		if !c.Open {
			fmt.Fprintf(out, "Meanwhile commands find them with --data %s\n", c.folder())
		}
	default:
		fmt.Fprintf(out, "Records are kept in %s.\n", c.folder())
	}
	if len(c.Package) > 0 && !ephemeral {
		fmt.Fprintln(out, "Search parameters that a package adds are indexed in the background; until then searches by them are refused, and /fhir/metadata says how far it is.")
	}
	header := ""
	if !c.Open {
		header = `-H "Authorization: Bearer $TOKEN" `
	}
	if !c.Sandbox {
		if !c.Open {
			fmt.Fprintf(out, "\n  TOKEN=$(ingle token create --scope 'system/*.cruds' %s)", c.flags(c.KeyFile))
		}
		fmt.Fprintf(out, "\n  curl %s'%s/fhir/metadata?_pretty=true'\n\n", header, base)
		return
	}
	switch others := c.SandboxPatients - sandboxCast; {
	case !loaded:
		fmt.Fprintln(out, "The synthetic patients were put in before. Try:")
	case others == 0:
		fmt.Fprintln(out, "A clinic and its synthetic patients are in it: maria, emma, walter and thomas. Try:")
	default:
		fmt.Fprintf(out, "A clinic and its synthetic patients are in it: maria, emma, walter and thomas, and %d others in a moment. Try:\n", others)
	}
	fmt.Fprintln(out)
	if token != "" {
		fmt.Fprintf(out, "  TOKEN=%s   # good for %s\n", token, sandboxTokenLife)
	}
	fmt.Fprintf(out, "  curl %[2]s'%[1]s/fhir/Patient?_pretty=true'\n"+
		"  curl %[2]s'%[1]s/fhir/Observation?patient=maria&code=4548-4&_sort=-date&_pretty=true'\n"+
		"  curl %[2]s'%[1]s/fhir/Encounter?patient=walter&_include=Encounter:participant&_format=xml'\n\n", base, header)
}
