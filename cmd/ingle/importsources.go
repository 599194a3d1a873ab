package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/guard"
)

// importSources are servers that take a token for their exports.
type importSources struct {
	http *http.Client
	key  *smart.Key
	list []*importSource
}

// importSource is one of them.
type importSource struct {
	tenant       string // whose imports get the token
	base, client string

	mu     sync.Mutex
	source *smart.Source // nil until the server has told how it authorizes
}

// sourceScopes are asked for at a source.
var sourceScopes = smart.Scopes{"system/*.rs"}

// sources reads --import-source and --import-key.
func (f *importFlags) sources(g *guard.Guard, tenants []string) (*importSources, error) {
	all := &importSources{http: &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return g.Dial(ctx, network, address, 10*time.Second)
		}},
	}}
	for _, text := range f.ImportSource {
		tenant, rest, named := strings.Cut(text, "=")
		if strings.Contains(tenant, "://") {
			tenant, rest, named = "", text, false
		}
		if named && !slices.Contains(tenants, tenant) {
			return nil, usage("--import-source %s: there is no tenant %q", text, tenant)
		}
		base, client, ok := strings.Cut(rest, "=")
		u, err := url.Parse(base)
		if !ok || client == "" || err != nil || u.Host == "" {
			return nil, usage("--import-source %s: it looks like https://ehr.example/fhir=CLIENT, or TENANT=https://ehr.example/fhir=CLIENT", text)
		}
		all.list = append(all.list, &importSource{tenant: tenant, base: strings.TrimSuffix(base, "/"), client: client})
	}
	if len(all.list) == 0 {
		return all, nil
	}
	if f.ImportKey == "" {
		return nil, errNoKey
	}
	var err error
	all.key, err = importKey(f.ImportKey)
	return all, err
}

// importKey reads a private key, or makes one.
func importKey(path string) (*smart.Key, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeImportKey(path)
	}
	if err != nil {
		return nil, err
	}
	var private jose.JSONWebKey
	if err := json.Unmarshal(text, &private); err != nil {
		return nil, fmt.Errorf("%s is no private key as a JWK: %w", path, err)
	}
	return smart.UseKey(private)
}

// makeImportKey makes a key, with the key set to register beside it.
func makeImportKey(path string) (*smart.Key, error) {
	key, err := smart.NewKey()
	if err != nil {
		return nil, err
	}
	for name, v := range map[string]any{path + ".public": key.Public(), path: key.Private()} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, append(text, '\n'), 0o600); err != nil {
			return nil, err
		}
	}
	return key, nil
}

// of gives the access token of a tenant for an address, "" when it takes none that the
// tenant has.
func (s *importSources) of(tenant string) func(ctx context.Context, to *url.URL, renew bool) (string, error) {
	return func(ctx context.Context, to *url.URL, renew bool) (string, error) {
		for _, one := range s.list {
			if address := to.String(); one.tenant == tenant && (address == one.base || strings.HasPrefix(address, one.base+"/")) {
				return one.token(ctx, s, renew)
			}
		}
		return "", nil
	}
}

func (o *importSource) token(ctx context.Context, s *importSources, renew bool) (string, error) {
	source, err := o.open(ctx, s)
	if err != nil {
		return "", err
	}
	var token *smart.Token
	if renew {
		token, err = source.Renew(ctx, source.Current())
	} else {
		token, err = source.Token(ctx)
	}
	if err != nil {
		return "", err
	}
	return token.Access, nil
}

// open asks a server once how it authorizes.
func (o *importSource) open(ctx context.Context, s *importSources) (*smart.Source, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.source != nil {
		return o.source, nil
	}
	server, err := smart.Discover(ctx, o.base, smart.Options{HTTP: s.http})
	if err != nil {
		return nil, err
	}
	o.source = (&smart.Client{Server: server, ID: o.client, Auth: s.key}).Service(sourceScopes)
	return o.source, nil
}
