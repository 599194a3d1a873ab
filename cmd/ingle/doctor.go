package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/client/doctor"
	"github.com/inglehealth/ingle/client/smart"
	scopes "github.com/inglehealth/ingle/spec/smart"
)

type doctorCommand struct {
	URL []string `arg:"" optional:"" help:"FHIR base of a server to look at from outside: any SMART on FHIR server. Several are compared. Without one, this installation is looked at from inside."`

	outsideFlags
	insideFlags
}

// outsideFlags say how servers are looked at from outside.
type outsideFlags struct {
	Token   string   `placeholder:"TOKEN" help:"Access token for US Core's searches. It is sent to the one server alone."`
	Client  string   `placeholder:"ID" help:"Instead of --token: the client_id of a backend service, with --key."`
	Key     string   `type:"existingfile" placeholder:"FILE" help:"Its private key, as a JWK."`
	Scope   string   `default:"system/*.rs" placeholder:"SCOPES" help:"The scopes that it asks for."`
	Patient []string `sep:"," placeholder:"ID" help:"Whose records are searched; default: the first that the server names. May be repeated."`
	CA      string   `type:"existingfile" name:"ca" placeholder:"FILE" help:"PEM file of certificates to trust as well."`
	All     bool     `help:"Show what is as it should be, too."`
	HTML    string   `name:"html" placeholder:"FILE" help:"Write a page with all of it, for those who choose."`
	JSON    bool     `name:"json" help:"Write the reports as JSON."`
}

// Help is shown by `ingle doctor --help`.
func (c *doctorCommand) Help() string {
	return `Examples:

  ingle doctor --data ./records --base-url https://ehr.example
      This installation, from inside: configuration, key file and keys, clocks, disk, database, indexes, audit log, jobs,
      subscriptions, backup, alerts, address and certificate, each with what to do. A server may run.

  ingle doctor https://ehr.example/fhir
      Discovery, capabilities, scopes, endpoints, CORS, TLS, refusals: what needs no account.

  ingle doctor https://ehr.example/fhir --token "$TOKEN" --html report.html
      And US Core's searches, each compared with the records that the token shows. A server that answers without a token
      is searched without one.

  ingle doctor https://a.example/fhir https://b.example/r4 --html compared.html
      Servers side by side, to choose one by.

It reads only, and asks endpoints for what they must refuse. The exit code is 1 when something that a standard demands is missing,
or a check from inside failed.`
}

// Run examines the servers one after the other.
func (c *doctorCommand) Run(ctx context.Context, m *Main) error {
	if len(c.URL) == 0 {
		return c.inside(ctx, m)
	}
	options, err := c.options(ctx)
	if err != nil {
		return err
	}
	if !c.JSON {
		options.Progress = func(group string) { fmt.Fprintf(m.Stderr, "%s ...\n", group) }
	}
	var reports []*doctor.Report
	wrong := 0
	for _, address := range c.URL {
		r, err := doctor.Examine(ctx, address, options)
		if err != nil {
			return usageError{err}
		}
		reports = append(reports, r)
		wrong += r.Count("", doctor.Fail)
		if !c.JSON {
			if err := r.WriteText(m.Stdout, c.All); err != nil {
				return err
			}
		}
	}
	if c.JSON {
		out := json.NewEncoder(m.Stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(reports); err != nil {
			return err
		}
	}
	if c.HTML != "" {
		if err := writePage(c.HTML, reports); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d things are missing that the standards demand", wrong)
	}
	return nil
}

func writePage(name string, reports []*doctor.Report) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(doctor.WriteHTML(f, reports...), f.Close())
}

// options are those of the examination.
func (c *doctorCommand) options(ctx context.Context) (doctor.Options, error) {
	o := doctor.Options{Patients: c.Patient, HTTP: &http.Client{Timeout: 30 * time.Second}}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return o, err
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			return o, err
		}
		if !pool.AppendCertsFromPEM(pem) {
			return o, usage("--ca %s holds no certificate in PEM", c.CA)
		}
		o.HTTP.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	}
	switch {
	case c.Token == "" && c.Client == "":
		return o, nil
	case len(c.URL) > 1:
		return o, usage("a token is for one server: give one URL with --token or --client")
	case c.Token != "":
		o.Token = func(context.Context) (string, error) { return c.Token, nil }
		return o, nil
	}
	source, err := c.service(ctx, o.HTTP)
	if err != nil {
		return o, err
	}
	o.Token = func(ctx context.Context) (string, error) {
		t, err := source.Token(ctx)
		if err != nil {
			return "", err
		}
		return t.Access, nil
	}
	return o, nil
}

// service is where the tokens of a backend service come from.
func (c *doctorCommand) service(ctx context.Context, client *http.Client) (*smart.Source, error) {
	if c.Key == "" {
		return nil, usage("--client needs --key, the service's private key")
	}
	text, err := os.ReadFile(c.Key)
	if err != nil {
		return nil, err
	}
	var private jose.JSONWebKey
	if err := json.Unmarshal(text, &private); err != nil {
		return nil, usage("--key %s is no private key as a JWK: %v", c.Key, err)
	}
	key, err := smart.UseKey(private)
	if err != nil {
		return nil, usage("--key %s: %v", c.Key, err)
	}
	asked, err := scopes.ParseScopes(c.Scope)
	if err != nil {
		return nil, usage("--scope: %v", err)
	}
	server, err := smart.Discover(ctx, c.URL[0], smart.Options{HTTP: client})
	if err != nil {
		return nil, err
	}
	return (&smart.Client{Server: server, ID: c.Client, Auth: key}).Service(asked), nil
}
