package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/store"
)

// auditFlags say where the audit log is copied to.
type auditFlags struct {
	AuditLog   []string `name:"audit-log" sep:"none" placeholder:"FILE|URL" help:"Copy the events of the audit log, as lines of JSON, to a file or to syslog://host:514, syslog+tcp://host:601 or syslog+tls://host:6514. May be repeated. With several tenants a file gets the tenant's name in its own."`
	AuditSpool string   `name:"audit-spool" placeholder:"DIR" help:"A folder on a disk of this machine where events of the audit log wait, signed, while PostgreSQL's disk is full: who treats patients reads on, others are refused. Each process needs one of its own; it takes 16 MiB a tenant. On SQLite a reserve does that."`
}

// spoolOf is the file in a folder where the events of a tenant wait.
func spoolOf(dir, tenant string) string {
	if tenant != "" {
		tenant = "." + tenant
	}
	return filepath.Join(dir, "audit.spool"+tenant)
}

// newAuditing is how a server opens its logs; only PostgreSQL needs a spool.
func (f auditFlags) newAuditing(postgreSQL bool) (*auditing, error) {
	if f.AuditSpool != "" && !postgreSQL {
		return nil, usage("--audit-spool is for --database: on SQLite the log keeps a reserve beside its file")
	}
	return &auditing{to: f.AuditLog, spool: f.AuditSpool}, nil
}

// auditing is how a server opens the audit logs of its tenants.
type auditing struct {
	key *identity.KeyFile // nil on a server that is open to all
	to  []string
	// spool is the folder where events wait while the store is full; "" for none.
	spool string
}

// open opens a tenant's log.
func (a *auditing) open(ctx context.Context, s store.Store, name, base string, log logger) (*audit.Log, error) {
	var secret audit.Sealer = unsealed{}
	if a.key != nil {
		if err := a.key.Unlock(ctx, s); err != nil {
			return nil, err
		}
		secret = a.key
	}
	var sinks []audit.Sink
	for _, to := range a.to {
		if !strings.Contains(to, "://") {
			if name != "" {
				to += "." + name
			}
			sinks = append(sinks, audit.FileSink(to))
			continue
		}
		sink, err := audit.SyslogSink(to)
		if err != nil {
			return nil, usage("--audit-log: %v", err)
		}
		sinks = append(sinks, sink)
	}
	c := audit.Config{Store: s, Secret: secret, Origin: base, Log: log, Sinks: sinks}
	if a.spool != "" {
		if err := os.MkdirAll(a.spool, 0o700); err != nil {
			return nil, err
		}
		c.Spool = spoolOf(a.spool, name)
	}
	return audit.Open(ctx, c)
}

// unsealed keeps the signing key as it is: where everybody may do everything there
// is nobody to keep it from.
type unsealed struct{}

var unsealedMark = []byte("open ")

func (unsealed) Seal(_ string, secret []byte) ([]byte, error) {
	return append(bytes.Clone(unsealedMark), secret...), nil
}

func (unsealed) Open(_ string, sealed []byte) ([]byte, error) {
	secret, ok := bytes.CutPrefix(sealed, unsealedMark)
	if !ok {
		return nil, errors.New("the signing key was sealed with a key file")
	}
	return secret, nil
}

// commandEvent is what is recorded of a command: its name and what it is about, as
// far as that is no secret, and who gave it to this machine.
func commandEvent(kind audit.Kind, command string, flags any, failed error) *audit.Event {
	e := &audit.Event{Time: time.Now(), Kind: kind, Note: "command: " + command + argumentsOf(flags), Agent: audit.Agent{Login: whoRuns()}}
	if failed != nil {
		e.Status = 400
	}
	return e
}

// record records what a command did to a tenant, also when it was stopped.
func (t *openTenants) record(ctx context.Context, e *audit.Event, tenant string) error {
	if err := audit.Append(context.WithoutCancel(ctx), t.store(tenant), e); err != nil {
		return fmt.Errorf("it is not in the audit log: %w", err)
	}
	return nil
}

// whoRuns is the account of the system under which a command runs.
func whoRuns() string {
	if u, err := user.Current(); err == nil {
		return "command line: " + u.Username
	}
	return fmt.Sprintf("command line: uid %d", os.Getuid())
}

// argumentsOf are the positional arguments of a command; those that are a token are
// left out.
func argumentsOf(flags any) string {
	v := reflect.Indirect(reflect.ValueOf(flags))
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return ""
	}
	out := ""
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if _, positional := f.Tag.Lookup("arg"); !positional || !f.IsExported() || f.Name == "Token" {
			continue
		}
		value := v.Field(i).Interface()
		if file, ok := value.([]byte); ok {
			value = string(file)
		}
		out += " " + strings.Trim(fmt.Sprint(value), "[]")
	}
	return out
}
