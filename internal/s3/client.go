// Package s3 keeps objects in storage that speaks the protocol of Amazon S3: the few
// calls that the files of exports need, with addresses in path style. Requests are
// signed by Signature Version 4.
package s3

import (
	"context"

	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config says where a bucket is, and who asks.
type Config struct {
	Endpoint string // https://s3.eu-central-1.amazonaws.com
	Region   string
	Bucket   string
	Key      string // access key id
	Secret   string
	HTTP     *http.Client     // nil: one with a time limit
	Clock    func() time.Time // nil: time.Now
}

// Client is a bucket. It is safe for concurrent use.
type Client struct {
	config Config
	base   *url.URL
}

// empty is the hash of no body.
const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// New makes a Client.
func New(c Config) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(c.Endpoint, "/"))
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("s3: the endpoint %q is no http(s) URL", c.Endpoint)
	}
	if c.Bucket == "" || c.Key == "" || c.Secret == "" || c.Region == "" {
		return nil, errors.New("s3: a bucket, a region, an access key and its secret are needed")
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 10 * time.Minute}
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &Client{config: c, base: base}, nil
}

func (c *Client) url(key string) *url.URL {
	u := *c.base
	u.Path += "/" + c.config.Bucket
	if key != "" {
		u.Path += "/" + key
	}
	u.RawPath = escapePath(u.Path)
	return &u
}

// do sends a signed request; the caller closes the body. fs.ErrNotExist when there is no
// such object.
func (c *Client) do(ctx context.Context, method, key string, query url.Values, body io.Reader, size int64, hash string) (*http.Response, error) {
	u := c.url(key)
	u.RawQuery = canonicalQuery(query)
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	r.ContentLength = size
	c.sign(r, hash, c.config.Clock())
	resp, err := c.config.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // the status says enough
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("s3: %s %s: %w", method, key, fs.ErrNotExist)
	}
	return nil, fmt.Errorf("s3: %s %s: %s: %s", method, key, resp.Status, text)
}

// Put stores an object of a size, whose SHA-256 is given in hex.
func (c *Client) Put(ctx context.Context, key string, body io.Reader, size int64, hash string) error {
	resp, err := c.do(ctx, http.MethodPut, key, nil, body, size, hash)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Get reads an object; the caller closes it. fs.ErrNotExist.
func (c *Client) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	resp, err := c.do(ctx, http.MethodGet, key, nil, nil, 0, empty)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Delete removes an object; it is no error when there is none.
func (c *Client) Delete(ctx context.Context, key string) error {
	resp, err := c.do(ctx, http.MethodDelete, key, nil, nil, 0, empty)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// List returns the keys that begin with a prefix, and what stands between it and the
// next slash of those that have one.
func (c *Client) List(ctx context.Context, prefix string) (keys, folders []string, err error) {
	query := url.Values{"list-type": {"2"}, "prefix": {prefix}, "delimiter": {"/"}}
	for {
		resp, err := c.do(ctx, http.MethodGet, "", query, nil, 0, empty)
		if err != nil {
			return nil, nil, err
		}
		var page struct {
			Contents              []struct{ Key string }
			CommonPrefixes        []struct{ Prefix string }
			IsTruncated           bool
			NextContinuationToken string
		}
		err = xml.NewDecoder(resp.Body).Decode(&page)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return nil, nil, fmt.Errorf("s3: a list: %w", err)
		}
		for _, one := range page.Contents {
			keys = append(keys, one.Key)
		}
		for _, one := range page.CommonPrefixes {
			folders = append(folders, strings.TrimSuffix(strings.TrimPrefix(one.Prefix, prefix), "/"))
		}
		if !page.IsTruncated || page.NextContinuationToken == "" {
			return keys, folders, nil
		}
		query.Set("continuation-token", page.NextContinuationToken)
	}
}

// Link is an address from which whoever has it may fetch an object for a while, as of a
// media type.
func (c *Client) Link(key, contentType string, life time.Duration) string {
	return c.presign(c.url(key), url.Values{"response-content-type": {contentType}}, life, c.config.Clock())
}
