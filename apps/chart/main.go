// Command chart serves the sample SMART app, for one FHIR server:
//
//	go run ./apps/chart --iss http://127.0.0.1:8080/fhir
package main

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

	"github.com/inglehealth/ingle/apps/chart/app"
	"github.com/inglehealth/ingle/client/smart"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("chart", flag.ContinueOnError)
	flags.SetOutput(errs)
	iss := flags.String("iss", "", "FHIR server, such as http://127.0.0.1:8080/fhir (required)")
	listen := flags.String("listen", "127.0.0.1:8090", "address to listen on")
	self := flags.String("url", "", "public URL of the app; default: http:// and the address it listens on")
	id := flags.String("client", "", "client_id that it is registered with; default: it registers itself")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *iss == "" || flags.NArg() > 0 {
		return errors.New("say which FHIR server: --iss http://127.0.0.1:8080/fhir")
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
	client, err := connect(ctx, *iss, *id, address, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The chart is at %s\n", address)
	return serve(ctx, listener, app.New(client, address))
}

// connect finds the server's authorization server, and registers the app there
// unless it has an id.
func connect(ctx context.Context, iss, id, self string, out io.Writer) (*smart.Client, error) {
	server, err := smart.Discover(ctx, iss, smart.Options{})
	if err != nil {
		return nil, fmt.Errorf("%w\nIs %s a SMART on FHIR server, and does it run?", err, iss)
	}
	if id != "" {
		return app.Client(server, id, self), nil
	}
	client, err := app.Register(ctx, server, self)
	if err != nil {
		return nil, fmt.Errorf("%w\nHave the app registered with %s as its redirect_uri, and say its client_id with --client", err, app.Redirect(self))
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

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
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
