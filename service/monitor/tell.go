package monitor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inglehealth/ingle/watch/span"
)

// tellAlert is how long one of those outside may take.
const tellAlert = 5 * time.Second

// Mailer writes an e-mail.
type Mailer func(ctx context.Context, to, subject, text string) error

// Teller makes what tells those at some addresses: a POST of a Notice as JSON to
// https:// and http://, an e-mail to mailto:. The addresses are those of whoever runs
// the server, who may have them lead inside. An address of another kind is an error.
func Teller(addresses []string, mail Mailer) (func(context.Context, Notice) error, error) {
	client := &http.Client{Timeout: tellAlert, Transport: span.Transport(&http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute})}
	var all []func(context.Context, Notice) error
	for i, address := range addresses {
		u, err := url.Parse(address)
		switch {
		case err != nil:
			return nil, fmt.Errorf("address %d is not a URL: it looks like https://hooks.example/ingle or mailto:ops@example.org", i+1)
		case u.Scheme == "mailto" && mail == nil:
			return nil, fmt.Errorf("%s needs a mail server", address)
		case u.Scheme == "mailto":
			all = append(all, func(ctx context.Context, n Notice) error { return mail(ctx, u.Opaque, subjectOf(n), letterOf(n)) })
		case (u.Scheme == "https" || u.Scheme == "http") && u.Host != "":
			all = append(all, func(ctx context.Context, n Notice) error { return post(ctx, client, u, n) })
		default:
			return nil, fmt.Errorf("address %d is no URL of https, http or mailto", i+1)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return func(ctx context.Context, n Notice) error {
		var errs []error
		for _, tell := range all {
			trying, cancel := context.WithTimeout(ctx, tellAlert)
			errs = append(errs, tell(trying, n))
			cancel()
		}
		return errors.Join(errs...)
	}, nil
}

// post tells one address. Its errors name the host alone: the rest of an address may be
// a secret.
func post(ctx context.Context, client *http.Client, to *url.URL, n Notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("alerts cannot be told to %s", to.Host)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return fmt.Errorf("alerts cannot be told to %s: %w", to.Host, err)
	}
	_, read := io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if err := errors.Join(read, answer.Body.Close()); err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("alerts cannot be told to %s: it answers %s", to.Host, answer.Status)
	}
	return nil
}

func subjectOf(n Notice) string {
	text := n.Title
	if n.Subject != "" {
		text += " (" + n.Subject + ")"
	}
	if n.State == "resolved" {
		return "Resolved: " + text
	}
	return "Alert: " + text
}

func letterOf(n Notice) string {
	lines := []string{n.Text, "", "What it means: " + n.Means, "What to do: " + n.Advice, "", "Since: " + n.Since.Format(time.RFC1123)}
	if !n.Until.IsZero() {
		lines = append(lines, "Until: "+n.Until.Format(time.RFC1123))
	}
	return strings.Join(append(lines, "Server: "+n.Server, ""), "\n")
}
