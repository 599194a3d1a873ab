// Command ingle is the whole platform in one binary: see `ingle --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	m := &Main{Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr}
	code := m.Run(ctx)
	if err := m.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "ingle:", err)
		code = max(code, 1)
	}
	stop()
	os.Exit(code)
}

// Main is one run of the program. Tests make their own.
type Main struct {
	Args           []string
	Stdout, Stderr io.Writer

	closers []func() error
}

// Run reads the command line and does what it says, until it is done or ctx
// ends. It returns the exit code: 0, 1 for a failure, 2 for a wrong command
// line.
func (m *Main) Run(ctx context.Context) int {
	code := -1
	var line commandLine
	parser, err := kong.New(&line, kong.Name("ingle"), kong.Description(description),
		kong.DefaultEnvars("INGLE"), kong.UsageOnError(), kong.Vars{"keyfile": keyFileHelp, "sandboxpatients": strconv.Itoa(sandboxPatients)},
		kong.Writers(m.Stdout, m.Stderr), kong.Exit(func(c int) { code = c }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(m))
	if err != nil {
		return m.fail(err, 1)
	}
	args := m.Args
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case len(args) == 1 && args[0] == "--version": // what people try first
		args = []string{"version"}
	}
	k, err := parser.Parse(args)
	if code >= 0 { // --help has been shown
		return code
	}
	if err != nil {
		fmt.Fprintf(m.Stderr, "ingle: %s\nTry 'ingle --help', or 'ingle COMMAND --help'.\n", wording(err))
		return 2
	}
	if err := k.Run(); err != nil {
		if usage, ok := errors.AsType[usageError](err); ok {
			return m.fail(usage, 2)
		}
		return m.fail(err, 1)
	}
	return 0
}

// wording says in plain words what kong says in its own.
func wording(err error) string {
	if missing, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Sprintf("%s: %v", missing.Path, missing.Err)
	}
	text := err.Error()
	if flag, _, ok := strings.Cut(text, ": expected "); ok && strings.HasSuffix(text, "(<EOL>)") {
		return flag + " needs a value"
	}
	if argument, ok := strings.CutPrefix(text, "expected "); ok {
		return "an argument is missing: " + strings.Trim(argument, `"`)
	}
	return text
}

func (m *Main) fail(err error, code int) int {
	fmt.Fprintln(m.Stderr, "ingle:", err)
	return code
}

// Close releases what Run opened, last opened first.
func (m *Main) Close() error {
	var errs []error
	for len(m.closers) > 0 {
		last := len(m.closers) - 1
		errs = append(errs, m.closers[last]())
		m.closers = m.closers[:last]
	}
	return errors.Join(errs...)
}

func (m *Main) onClose(f func() error) { m.closers = append(m.closers, f) }

// usageError is a command line that cannot be carried out.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
