package kit

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/inglehealth/ingle/client/smart"
)

// Main is the command of an app, until it is interrupted. It ends the process.
func Main(p *Plan) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Run(ctx, p, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.ID, err)
		os.Exit(1)
	}
}

// Run serves an app for one FHIR server until ctx ends.
func Run(ctx context.Context, p *Plan, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet(p.ID, flag.ContinueOnError)
	flags.SetOutput(errs)
	iss := flags.String("iss", "", "FHIR server, such as http://localhost:8080/fhir (required)")
	listen := flags.String("listen", "127.0.0.1:"+p.Port, "address to listen on")
	self := flags.String("url", "", "public URL of the app; default: http:// and the address it listens on")
	id := flags.String("client", "", "client_id that it is registered with; default: it registers itself")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *iss == "" || flags.NArg() > 0 {
		return errors.New("say which FHIR server: --iss http://localhost:8080/fhir")
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s (choose another address with --listen): %w", *listen, err)
	}
	defer func() { _ = listener.Close() }() // serving may have closed it
	address := "http://" + listener.Addr().String()
	if *self != "" {
		address = strings.TrimRight(*self, "/")
	}
	client, err := connect(ctx, p, *iss, *id, address, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is at %s\n", p.Name, address)
	return Serve(ctx, listener, New(p, client, address))
}

// connect finds the server's authorization server, and registers the app there
// unless it has an id.
func connect(ctx context.Context, p *Plan, iss, id, self string, out io.Writer) (*smart.Client, error) {
	server, err := smart.Discover(ctx, iss, smart.Options{})
	if err != nil {
		return nil, fmt.Errorf("%w\nIs %s a SMART on FHIR server, and does it run?", err, iss)
	}
	if id != "" {
		return &smart.Client{Server: server, ID: id, Redirect: Redirect(self)}, nil
	}
	client, err := Register(ctx, p, server, self)
	if err != nil {
		return nil, fmt.Errorf("%w\nHave the app registered with %s as its redirect_uri, and say its client_id with --client", err, Redirect(self))
	}
	fmt.Fprintf(out, "Registered at %s as client %s\n", iss, client.ID)
	account := ""
	if at := server.Configuration.ManagementEndpoint; at != "" {
		account = " at " + at + ", or with"
	}
	fmt.Fprintf(out, "Ingle lets it in once an administrator approves it%s:\n\n  ingle client approve %s\n\n", account, client.ID)
	fmt.Fprintf(out, "Next time, start it with --client %s\n", client.ID)
	return client, nil
}

// Serve serves an app on a listener, which it closes, until ctx ends.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	ended := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer ended()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
