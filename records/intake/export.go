package intake

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

	"github.com/inglehealth/ingle/spec/fhir"
)

// manifest is what a bulk export answers when it is done (Bulk Data Access 2.0
// §3.2.6), as far as it is read.
type manifest struct {
	Token  bool `json:"requiresAccessToken"`
	Output []struct {
		Type fhir.Type `json:"type"`
		URL  string    `json:"url"`
	} `json:"output"`
	Deleted []struct {
		URL string `json:"url"`
	} `json:"deleted"`
	Link []struct {
		Relation string `json:"relation"`
		URL      string `json:"url"`
	} `json:"link"`
}

// Bounds of another server's export.
const (
	maxManifest  = 16 << 20
	maxManifests = 1_000 // of one export
	shortPoll    = 2 * time.Second
	maxExport    = 7 * 24 * time.Hour // until it is done
)

// export has another server make its files, and takes down which they are.
func (r *run) export(ctx context.Context) error {
	if r.state.Phase != exporting {
		return nil
	}
	err := r.manifests(ctx)
	refused := new(refusal)
	if errors.As(err, &refused) {
		return &fatal{fmt.Errorf("the export at %s: %s", r.order.Export.URL, refused.why)}
	}
	if err != nil {
		return err
	}
	r.live = make([]counts, len(r.state.Inputs))
	r.state.Phase = fetching
	return r.save(ctx)
}

// manifests reads the manifest, and those that it goes on in.
func (r *run) manifests(ctx context.Context) error {
	address := r.order.Export.URL
	if !r.order.Export.Static {
		if r.state.Poll == "" {
			if err := r.kickOff(ctx); err != nil {
				return err
			}
		}
		address = r.state.Poll
	}
	r.state.Inputs = nil
	for range maxManifests {
		m, err := r.manifest(ctx, address)
		if err != nil {
			return err
		}
		next, err := r.takeDown(m, address)
		if err != nil || next == "" {
			return err
		}
		address = next
	}
	return refuse("it goes on over more than %d manifests", maxManifests)
}

// takeDown notes the files of a manifest, and returns where it goes on.
func (r *run) takeDown(m *manifest, address string) (next string, err error) {
	note := func(t fhir.Type, text string) error {
		at, err := resolve(address, text)
		if err != nil {
			return err
		}
		if err := r.s.reachable(at.String()); err != nil {
			return refuse("it names a file at an address that is not fetched from: %s", said(err))
		}
		// A token is for the server that it was got from.
		from, _ := url.Parse(address)
		r.state.Inputs = append(r.state.Inputs, input{Type: t, URL: at.String(), Token: m.Token && at.Host == from.Host && at.Scheme == from.Scheme})
		if len(r.state.Inputs) > maxInputs {
			return refuse("it has more than %d files", maxInputs)
		}
		return nil
	}
	for _, o := range m.Output {
		if err := note(o.Type, o.URL); err != nil {
			return "", err
		}
	}
	for _, d := range m.Deleted {
		if err := note("", d.URL); err != nil {
			return "", err
		}
	}
	for _, l := range m.Link {
		if l.Relation == "next" {
			at, err := resolve(address, l.URL)
			if err != nil {
				return "", err
			}
			return at.String(), nil
		}
	}
	return "", nil
}

func resolve(base, text string) (*url.URL, error) {
	from, err := url.Parse(base)
	if err != nil {
		return nil, refuse("%q is no URL", base)
	}
	at, err := from.Parse(text)
	if err != nil {
		return nil, refuse("%q is no URL", text)
	}
	return at, nil
}

// kickOff begins the export: by POST, or where that is not understood by GET.
func (r *run) kickOff(ctx context.Context) error {
	return r.persist(ctx, func() (bool, error) {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			answer, err := r.ask(ctx, true, func() (*http.Request, error) { return r.kickOffRequest(ctx, method) })
			if err != nil {
				return false, err
			}
			_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // the connection is used again
			_ = answer.Body.Close()
			switch answer.StatusCode {
			case http.StatusAccepted:
				at, err := resolve(r.order.Export.URL, answer.Header.Get("Content-Location"))
				if err != nil {
					return false, err
				}
				if answer.Header.Get("Content-Location") == "" {
					return false, refuse("the server accepts it and does not say where to ask how far it is (Content-Location)")
				}
				r.state.Poll = at.String()
				return true, r.save(ctx)
			case http.StatusMethodNotAllowed, http.StatusNotFound, http.StatusNotImplemented, http.StatusUnsupportedMediaType:
				if method == http.MethodPost {
					continue
				}
			}
			return false, verdict(answer)
		}
		return false, nil
	})
}

func (r *run) kickOffRequest(ctx context.Context, method string) (*http.Request, error) {
	address, parameters := r.order.Export.URL, r.order.Export.Parameters
	var body io.Reader
	if method == http.MethodPost {
		if parameters == nil {
			parameters = []json.RawMessage{}
		}
		text, err := json.Marshal(map[string]any{"resourceType": "Parameters", "parameter": parameters})
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	} else {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		q := u.Query()
		for _, p := range parameters {
			name, value, ok := simple(p)
			if !ok {
				return nil, errors.New("the server takes no POST, and a parameter of the order cannot be part of a URL")
			}
			q.Add(name, value)
		}
		u.RawQuery = q.Encode()
		address = u.String()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/fhir+json")
	request.Header.Set("Prefer", "respond-async")
	if body != nil {
		request.Header.Set("Content-Type", "application/fhir+json")
	}
	return request, nil
}

// simple is a parameter with a simple value.
func simple(parameter []byte) (name, value string, ok bool) {
	var members map[string]any
	if json.Unmarshal(parameter, &members) != nil {
		return "", "", false
	}
	name, _ = members["name"].(string)
	for member, v := range members {
		if !strings.HasPrefix(member, "value") {
			continue
		}
		switch v := v.(type) {
		case string:
			return name, v, true
		case bool, float64:
			return name, fmt.Sprint(v), true
		case map[string]any: // a Reference
			text, is := v["reference"].(string)
			return name, text, is
		}
	}
	return name, "", false
}

// manifest asks for a manifest until it is there.
func (r *run) manifest(ctx context.Context, address string) (*manifest, error) {
	var m *manifest
	until := time.Now().Add(maxExport)
	err := r.persist(ctx, func() (bool, error) {
		answer, err := r.ask(ctx, true, func() (*http.Request, error) {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
			if err == nil {
				request.Header.Set("Accept", "application/json")
			}
			return request, err
		})
		if err != nil {
			return false, err
		}
		defer answer.Body.Close()
		switch answer.StatusCode {
		case http.StatusOK:
			m = new(manifest)
			text, err := io.ReadAll(io.LimitReader(answer.Body, maxManifest+1))
			if err != nil {
				return false, &again{error: err}
			}
			if err := json.Unmarshal(text, m); err != nil || len(text) > maxManifest {
				return false, refuse("its manifest is no JSON, or larger than %d bytes", maxManifest)
			}
			return true, nil
		case http.StatusAccepted:
			if time.Now().After(until) {
				return false, refuse("it was not done within %s", maxExport)
			}
			// It is under way, which is no failure.
			return true, &again{errors.New("it is under way"), max(retryAfter(answer.Header), min(shortPoll, r.s.config.Retry))}
		}
		return false, verdict(answer)
	})
	return m, err
}
