package kit_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/apps/chart/app"
	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestTheCommandRegistersTheAppAndServesIt(t *testing.T) {
	s := smarttest.New(t)
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := kit.Run(ctx, app.Plan(), []string{"--iss", s.Base, "--listen", "127.0.0.1:0"}, in, io.Discard)
		in.Close()
		ended <- err
	}()
	var said strings.Builder
	at := regexp.MustCompile(`Chart is at (http://127\.0\.0\.1:\d+)`)
	for lines := bufio.NewScanner(out); !at.MatchString(said.String()) && lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
	}
	address := at.FindStringSubmatch(said.String())
	if address == nil {
		t.Fatalf("it did not start: %v\n%s", <-ended, said.String())
	}
	for _, text := range []string{"as client client ", "ingle client approve client ", s.URL + "/account", "--client client "} {
		if !strings.Contains(said.String(), text) {
			t.Errorf("it does not say %q:\n%s", text, said.String())
		}
	}
	resp, err := http.Get(address[1])
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("answer %v, error %v", resp, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestTheCommandSaysWhatItLacks(t *testing.T) {
	s := smarttest.New(t)
	closed := smarttest.New(t)
	closed.Changes = func(config map[string]any) { delete(config, "registration_endpoint") }
	for want, args := range map[string][]string{
		"--iss":                   nil,
		"is not https":            {"--iss", "http://ehr.example/fhir"},
		"does it run?":            {"--iss", s.URL + "/elsewhere"},
		"--client":                {"--iss", closed.Base},
		"choose another address":  {"--iss", s.Base, "--listen", strings.TrimPrefix(s.URL, "http://")},
		"flag provided but not d": {"--what"},
	} {
		if len(args) == 2 {
			args = append(args, "--listen", "127.0.0.1:0")
		}
		if err := kit.Run(t.Context(), app.Plan(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %s", args, err, want)
		}
	}
}
