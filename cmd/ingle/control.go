package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
)

// An administrator is a command about users, clients, keys or tokens. It does its
// work in the process that has the database: in this one, or, when a server runs
// on the SQLite folder, in that, to which it travels as JSON.
type administrator interface {
	// administer writes what it has done to out.
	administer(ctx context.Context, in *identity.Service, out io.Writer) error
}

// controlName is the socket in the data folder by which such commands reach the
// server. Who may open it owns the records anyway.
const controlName = "control.sock"

// order is a command on its way.
type order struct {
	Tenant  string          `json:"tenant"`
	Command string          `json:"command"`
	Flags   json.RawMessage `json:"flags"`
}

// Headers and trailers of the answer to an order.
const (
	orderFailed = "Ingle-Failed" // the error in plain words
	orderUsage  = "Ingle-Usage"  // it was a wrong command line
)

// maxOrder bounds an order: a key set is its largest part.
const maxOrder = 1 << 20

// control answers orders until it is closed.
type control struct {
	who    *authorization // nil on an open server, which has no users and apps
	office *tenancy.Office
	doors  *records.Tenants
	log    *slog.Logger
	server *http.Server
	file   string
}

// startControl listens in dir.
func startControl(ctx context.Context, dir string, who *authorization, office *tenancy.Office, doors *records.Tenants, log *slog.Logger) (*control, error) {
	address, closeDir, err := socketAddress(dir)
	if err != nil {
		return nil, err
	}
	defer closeDir()
	c := &control{who: who, office: office, doors: doors, log: log, file: filepath.Join(dir, controlName)}
	// This process has the folder's lock, so a socket that is there is a dead one's.
	if err := os.Remove(c.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", address)
	if err != nil {
		return nil, err
	}
	if unix, ok := listener.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // by another name, perhaps
	}
	if err := os.Chmod(c.file, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go func() {
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("commands cannot reach this server any more", "error", err)
		}
	}()
	return c, nil
}

func (c *control) close() error { return errors.Join(c.server.Close(), os.Remove(c.file)) }

// ServeHTTP carries out one order.
func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var o order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Trailer", orderFailed+", "+orderUsage)
	err := c.carryOut(r.Context(), o, w)
	if err == nil {
		return
	}
	if _, wrong := errors.AsType[usageError](err); wrong {
		w.Header().Set(orderUsage, "true")
	}
	text, marshalErr := json.Marshal(err.Error())
	if marshalErr != nil {
		c.log.Error("an error cannot be told", "error", errors.Join(err, marshalErr))
	}
	w.Header().Set(orderFailed, string(text))
}

func (c *control) carryOut(ctx context.Context, o order, out io.Writer) error {
	if make := managers[o.Command]; make != nil {
		return c.carryOutManager(ctx, o, make(), out)
	}
	if make := keepers[o.Command]; make != nil {
		return c.carryOutKeeper(ctx, o, make(), out)
	}
	if c.who == nil {
		return errOpen
	}
	service := c.who.service(o.Tenant)
	if service == nil {
		return usage("--tenant %s: the server that runs has no such tenant", o.Tenant)
	}
	command, err := administratorNamed(o.Command)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(o.Flags, command); err != nil {
		return fmt.Errorf("the server that runs is of another version: %w", err)
	}
	c.log.Info("command", "name", o.Command, "tenant", o.Tenant)
	return c.record(ctx, o, command, carryOut(ctx, command, service, out))
}

var errOpen = errors.New("the server that runs was started with --open: nobody signs in there, so it has no use for users, apps and tokens; stop it, or start it without --open")

// record records a command that was carried out, and returns how it ended.
func (c *control) record(ctx context.Context, o order, command any, done error) error {
	door, ok := c.doors.Door(o.Tenant)
	if !ok || door.Audit() == nil {
		return done
	}
	if err := door.Audit().Record(ctx, commandEvent(audit.Administer, o.Command, command, done)); err != nil {
		return errors.Join(done, fmt.Errorf("it is not in the audit log: %w", err))
	}
	return done
}

func (c *control) carryOutKeeper(ctx context.Context, o order, command keeper, out io.Writer) error {
	if err := json.Unmarshal(o.Flags, command); err != nil {
		return fmt.Errorf("the server that runs is of another version: %w", err)
	}
	door, ok := c.doors.Door(o.Tenant)
	if !ok {
		return usage("--tenant %s: the server that runs has no such tenant", o.Tenant)
	}
	c.log.Info("command", "name", o.Command, "tenant", o.Tenant)
	return c.record(ctx, o, command, command.keep(ctx, operator(door), out))
}

func (c *control) carryOutManager(ctx context.Context, o order, command manager, out io.Writer) error {
	if err := json.Unmarshal(o.Flags, command); err != nil {
		return fmt.Errorf("the server that runs is of another version: %w", err)
	}
	c.log.Info("command", "name", o.Command)
	var firstLink func(context.Context, string) (string, error)
	if c.who != nil {
		firstLink = c.who.firstLink
	}
	return c.record(ctx, o, command, command.manage(ctx, c.office, firstLink, out))
}

// send has the server that runs on the folder carry out a command, with its flags. The
// first result is false when none runs there.
func (f storeFlags) send(ctx context.Context, m *Main, o order, flags any) (bool, error) {
	if f.Database != "" {
		return false, nil
	}
	var err error
	if o.Flags, err = json.Marshal(flags); err != nil {
		return true, err
	}
	return sendOrder(ctx, f.folder(), o, m.Stdout)
}

// sendOrder has the server that runs on dir carry out a command. The first result
// is false when none runs.
func sendOrder(ctx context.Context, dir string, o order, out io.Writer) (bool, error) {
	address, closeDir, err := socketAddress(dir)
	if err != nil {
		return false, err
	}
	defer closeDir()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", address)
	if err != nil {
		return false, nil // a stale socket, or none
	}
	body, err := json.Marshal(o)
	if err != nil {
		return true, errors.Join(err, conn.Close())
	}
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://ingle/", bytes.NewReader(body))
	if err != nil {
		return true, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return true, fmt.Errorf("the server that runs did not answer: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, response.Body); err != nil {
		return true, fmt.Errorf("the server that runs stopped answering: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return true, fmt.Errorf("the server that runs answered %s", response.Status)
	}
	failed := response.Trailer.Get(orderFailed)
	if failed == "" {
		return true, nil
	}
	var text string
	if err := json.Unmarshal([]byte(failed), &text); err != nil {
		return true, err
	}
	if response.Trailer.Get(orderUsage) != "" {
		return true, usage("%s", text)
	}
	return true, errors.New(text)
}

// maxSocket is how long the name of a socket may be everywhere.
const maxSocket = 100

// socketAddress is the name of dir's socket for the system, which takes short
// ones only. The caller calls the function when it has used the name.
func socketAddress(dir string) (string, func(), error) {
	name := filepath.Join(dir, controlName)
	if len(name) <= maxSocket {
		return name, func() {}, nil
	}
	folder, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), controlName), func() { _ = folder.Close() }, nil
}
