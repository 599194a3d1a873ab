package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/service/bulk"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// mounts serves the tenants that come and go while the server runs, beside those of the
// command line. Nobody else's requests are held up.
type mounts struct {
	serve   *serveCommand
	places  *tenantPlaces
	logs    *auditing
	log     logger
	tenants *openTenants
	who     *authorization // nil on a server that is open to all
	site    *web.Site
	tell    func(*records.Door) // has subscribers told of changes
	exports *bulk.Server
	intakes *intakes

	failed map[string]string // why one is not served, as it was logged; of set alone

	resetting sync.Mutex // held while a sandbox is reset

	mu     sync.Mutex
	served map[string]*mount // by tenant
}

// mount is a tenant that is served.
type mount struct {
	ctx    context.Context //nolint:containedctx // of what is done in the tenant for nobody's request
	stops  []func() error  // end its background work
	ending bool            // held by mounts.mu
	resets sync.WaitGroup  // begun while it is not ending
}

// end ends its background work.
func (m *mount) end() error {
	err := together(m.stops)
	m.resets.Wait()
	return err
}

// mounts begins with none.
func (c *serveCommand) mounts(tenants *openTenants, f furnishing, site *web.Site, logs *auditing, log logger) *mounts {
	return &mounts{
		serve: c, places: &tenantPlaces{storeFlags: c.storeFlags, furnishing: f}, logs: logs, log: log, tenants: tenants, site: site,
		failed: map[string]string{}, served: map[string]*mount{},
	}
}

// lastRequests is how long requests under way may go on at a tenant that is not served
// any more.
const lastRequests = 10 * time.Second

// set serves just these tenants. It is called by one goroutine at a time.
func (m *mounts) set(ctx context.Context, names []string) {
	for _, name := range m.names() {
		if slices.Contains(names, name) {
			continue
		}
		if err := m.end(ctx, name); err != nil {
			m.log.Error("a tenant did not end well", "tenant", name, "error", err)
		}
	}
	for _, name := range names {
		if m.serves(name) || ctx.Err() != nil {
			continue
		}
		err := m.begin(ctx, name)
		if err == nil {
			m.log.Info("a tenant is served", "tenant", name)
			delete(m.failed, name)
			continue
		}
		if ctx.Err() == nil && m.failed[name] != err.Error() { // it is tried again soon
			m.failed[name] = err.Error()
			m.log.Error("a tenant cannot be served", "tenant", name, "error", err)
		}
	}
}

func (m *mounts) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for name := range m.served {
		all = append(all, name)
	}
	return all
}

func (m *mounts) serves(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.served[name] != nil
}

// released says whether nothing of this process uses a tenant any more.
func (m *mounts) released(name string) bool { return !m.serves(name) }

// begin serves a tenant.
func (m *mounts) begin(ctx context.Context, name string) error {
	there, err := m.places.There(ctx, name)
	if err != nil {
		return err
	}
	if !there { // opening it would make it
		return errors.New("its records are not there")
	}
	f := m.places.furnishing
	door, s, err := m.serve.openTenant(ctx, name, f.definitions, f.base, f.policy, m.log, m.logs)
	if err != nil {
		return err
	}
	if err := m.serve.setLabels(ctx, door); err != nil {
		return errors.Join(err, door.Close())
	}
	if err := newSandbox(door, s, f.patients).mend(ctx); err != nil {
		return errors.Join(err, door.Close())
	}
	door.SetReadOnly(m.serve.ReadOnly)
	m.tell(door)
	if m.who != nil {
		if err := m.who.add(ctx, door, s); err != nil {
			return errors.Join(err, door.Close())
		}
	}
	log := m.log.With("tenant", name)
	m.serve.watching.requests.Add(name)
	life, stop := context.WithCancel(ctx)
	stops := []func() error{
		func() error { stop(); return nil },
		work(ctx, "exports", log, m.exports.Add(door).Run),
		m.intakes.add(ctx, door),
		work(ctx, "records", log, door.Work),
	}
	m.tenants.add(door, s)
	m.site.Reopen(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.served[name] = &mount{ctx: life, stops: stops}
	return nil
}

// end serves a tenant no more, when its requests and its work have ended.
func (m *mounts) end(ctx context.Context, name string) error {
	last, stop := context.WithTimeout(ctx, lastRequests)
	m.site.Shut(last, name)
	stop()
	m.mu.Lock()
	work := m.served[name]
	work.ending = true
	m.mu.Unlock()
	err := work.end()
	if m.who != nil {
		m.who.remove(name)
	}
	door, _ := m.tenants.Door(name)
	m.tenants.remove(name)
	m.serve.watching.requests.Remove(name)
	m.exports.Remove(name)
	err = errors.Join(err, door.Close())
	m.site.Reopen(name) // nothing is there: so it is answered
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.served, name)
	return err
}

// reset makes the records of a sandbox those of a new one. It ends when the tenant is
// served no more, and goes on when whoever asked for it is gone.
func (m *mounts) reset(ctx context.Context, name string) error {
	m.resetting.Lock()
	defer m.resetting.Unlock()
	m.mu.Lock()
	in := m.served[name]
	ok := in != nil && !in.ending
	if ok {
		in.resets.Add(1)
		defer in.resets.Done()
	}
	m.mu.Unlock()
	door, there := m.tenants.Door(name)
	if !ok || !there {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no tenant of that name on this server.")
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(in.ctx, stop)()
	err := newSandbox(door, m.tenants.store(name), m.places.patients).reset(ctx)
	if err != nil && in.ctx.Err() != nil {
		err = fault.Wrap(err, fault.Conflict, fault.CodeConflict, "", "The sandbox was suspended while it was being reset. That is done when it is served again.")
	}
	return err
}

// close ends all of them, after the last request.
func (m *mounts) close() error {
	var errs []error
	for _, name := range m.names() {
		errs = append(errs, m.end(context.Background(), name))
	}
	return errors.Join(errs...)
}

// office makes the tenants that this server serves beside those of the command line.
func (m *mounts) office() *tenancy.Office {
	c := tenancy.Config{
		Store: m.tenants.store(""), Places: m.places, Fixed: m.serve.Tenant, Released: m.released, Log: m.log,
	}
	if m.serve.Database != "" {
		c.Settle = tenantSettles
	}
	return tenancy.New(c)
}

// known are the tenants that are served, or can be.
func (m *mounts) known(ctx context.Context, office *tenancy.Office) ([]string, error) {
	names := m.tenants.Names()
	made, err := office.List(ctx)
	for _, t := range made {
		names = append(names, t.Name)
	}
	return names, err
}

// start serves the tenants that an office has made, and those that it makes, until the
// end.
func (m *mounts) start(ctx context.Context, office *tenancy.Office, onClose func(func() error)) error {
	var err error
	if m.places.files, err = m.serve.exportFiles(m.serve.folder()); err != nil {
		return err
	}
	names, err := office.Served(ctx)
	if err != nil {
		return fmt.Errorf("the tenants that were made while the server ran: %w", err)
	}
	m.set(ctx, names)
	onClose(m.close)
	onClose(work(ctx, "tenants", m.log, office.Run))
	onClose(work(ctx, "tenants", m.log, func(ctx context.Context) error { return office.Watch(ctx, m.set) }))
	return nil
}

// tenantSettles is longer than it takes until every process on a database has let go of
// a tenant that was suspended.
const tenantSettles = lastRequests + 5*time.Second
