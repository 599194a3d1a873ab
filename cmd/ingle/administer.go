package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/store"
)

// identityFlags say whose users and clients a command is about.
type identityFlags struct {
	Data     string `placeholder:"DIR" json:"-" help:"Folder of the SQLite databases; a server may run on it. Default: ./ingle-data"`
	Database string `placeholder:"URL" json:"-" help:"PostgreSQL instead of SQLite."`
	Tenant   string `placeholder:"NAME" json:"-" help:"The tenant. Default: the one at /fhir."`
	BaseURL  string `name:"base-url" json:"-" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public URL of the server, as given to serve, for links that are shown; not needed while it runs."`
	KeyFile  string `json:"-" placeholder:"FILE" help:"${keyfile}"`
}

// keyFileHelp is what every command says of --key-file.
const keyFileHelp = "File with the key by which private keys and TOTP secrets are encrypted in the database; made at the first start. Default: ingle.key in the folder of the databases; with PostgreSQL it has to be given, the same for all processes."

// keyFileName is the default in the data folder.
const keyFileName = "ingle.key"

// keyFile is the file that the flags mean.
func (f storeFlags) keyFile(given string) (*identity.KeyFile, error) {
	switch {
	case given != "":
		return identity.NewKeyFile(given), nil
	case f.Database != "":
		return nil, usage("--key-file is needed with --database: it says where the key is by which secrets in the database are encrypted")
	}
	return identity.NewKeyFile(filepath.Join(f.folder(), keyFileName)), nil
}

// issuerOf is the public URL of a tenant.
func issuerOf(base, tenant string) string {
	if tenant == "" {
		return base
	}
	return base + "/t/" + tenant
}

func (f identityFlags) store() storeFlags {
	s := storeFlags{Data: f.Data, Database: f.Database}
	if f.Tenant != "" {
		s.Tenant = []string{f.Tenant}
	}
	return s
}

// order has an administrator do its work: in the server that runs on the folder,
// else here.
func (f identityFlags) order(ctx context.Context, m *Main, command string, a administrator) error {
	s := f.store()
	if err := s.exclusive(); err != nil {
		return err
	}
	if sent, err := s.send(ctx, m, order{Tenant: f.Tenant, Command: command}, a); sent {
		return err
	}
	return f.open(ctx, func(in *identity.Service, log store.Audit) error {
		done := carryOut(ctx, a, in, m.Stdout)
		if err := audit.Append(ctx, log, commandEvent(audit.Administer, command, a, done)); err != nil {
			return errors.Join(done, fmt.Errorf("it is not in the audit log: %w", err))
		}
		return done
	})
}

// carryOut does what a command says, and tells in its words what is not there.
func carryOut(ctx context.Context, a administrator, in *identity.Service, out io.Writer) error {
	err := a.administer(ctx, in, out)
	switch {
	case errors.Is(err, identity.ErrNoClient):
		return usage("there is no client of that client_id; `ingle client list` shows them")
	case errors.Is(err, identity.ErrToken):
		return usage("the token is unknown, has expired or was revoked already")
	}
	return err
}

// open opens the tenant's identity for f.
func (f identityFlags) open(ctx context.Context, use func(*identity.Service, store.Audit) error) (err error) {
	config, db, err := f.config(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	in, err := identity.Open(ctx, config)
	if err != nil {
		return err
	}
	return use(in, db)
}

// config opens the tenant's store. The caller closes it.
func (f identityFlags) config(ctx context.Context) (identity.Config, store.Store, error) {
	s := f.store()
	base, err := publicURL(f.BaseURL)
	if err != nil {
		return identity.Config{}, nil, err
	}
	key, err := s.keyFile(f.KeyFile)
	if err != nil {
		return identity.Config{}, nil, err
	}
	if err := s.present(ctx); err != nil {
		return identity.Config{}, nil, fmt.Errorf("%w; start the server once, or say where they are with --data or --database", err)
	}
	db, err := s.openStore(ctx, f.Tenant)
	if err != nil {
		return identity.Config{}, nil, err
	}
	return identity.Config{Store: db, Secret: key, Issuer: issuerOf(base, f.Tenant)}, db, nil
}

// administrators are the commands that travel, by their names.
var administrators = map[string]func() administrator{
	"user add":           func() administrator { return new(userAdd) },
	"user list":          func() administrator { return new(userList) },
	"user show":          func() administrator { return new(userShow) },
	"user change":        func() administrator { return new(userChange) },
	"user invite":        func() administrator { return new(userInvite) },
	"user disable":       func() administrator { return new(userDisable) },
	"user enable":        func() administrator { return new(userEnable) },
	"user unlock":        func() administrator { return new(userUnlock) },
	"user reset-factors": func() administrator { return new(userFactors) },
	"user sign-out":      func() administrator { return new(userSignOut) },
	"client add":         func() administrator { return new(clientAdd) },
	"client list":        func() administrator { return new(clientList) },
	"client show":        func() administrator { return new(clientShow) },
	"client approve":     func() administrator { return new(clientApprove) },
	"client suspend":     func() administrator { return new(clientSuspend) },
	"client resume":      func() administrator { return new(clientResume) },
	"client secret":      func() administrator { return new(clientSecret) },
	"client keys":        func() administrator { return new(clientKeys) },
	"client tokens":      func() administrator { return new(clientTokens) },
	"client except":      func() administrator { return new(clientExcept) },
	"client delete":      func() administrator { return new(clientDelete) },
	"role list":          func() administrator { return new(roleList) },
	"role require":       func() administrator { return new(roleRequire) },
	"role show":          func() administrator { return new(roleShow) },
	"role reset":         func() administrator { return new(roleReset) },
	"key list":           func() administrator { return new(keyList) },
	"key rotate":         func() administrator { return new(keyRotate) },
	"provider add":       func() administrator { return new(providerAdd) },
	"provider list":      func() administrator { return new(providerList) },
	"provider remove":    func() administrator { return new(providerRemove) },
	"server add":         func() administrator { return new(serverAdd) },
	"server list":        func() administrator { return new(serverList) },
	"server remove":      func() administrator { return new(serverRemove) },
	"doctor keys":        func() administrator { return new(doctorKeys) },
	"token create":       func() administrator { return new(tokenCreate) },
	"token show":         func() administrator { return new(tokenShow) },
	"token revoke":       func() administrator { return new(tokenRevoke) },
}

func administratorNamed(name string) (administrator, error) {
	if make := administrators[name]; make != nil {
		return make(), nil
	}
	return nil, fmt.Errorf("the server that runs is of another version: it does not know the command %s", name)
}

// lines prints rows in columns.
func lines(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}
