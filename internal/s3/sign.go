package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	unsigned  = "UNSIGNED-PAYLOAD"
	stamp     = "20060102T150405Z"
	day       = "20060102"
)

// sign signs a request whose body has a hash (Signature Version 4 in the header
// Authorization). All headers that it has by then are signed.
func (c *Client) sign(r *http.Request, hash string, now time.Time) {
	r.Header.Set("X-Amz-Date", now.UTC().Format(stamp))
	r.Header.Set("X-Amz-Content-Sha256", hash)
	names := []string{"host"}
	for name := range r.Header {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	signature := c.signature(r.Method, r.URL, r.Header, names, hash, now)
	r.Header.Set("Authorization", algorithm+" Credential="+c.config.Key+"/"+c.scope(now)+", SignedHeaders="+strings.Join(names, ";")+", Signature="+signature)
}

// presign makes an address that whoever has it may GET for a while.
func (c *Client) presign(u *url.URL, query url.Values, life time.Duration, now time.Time) string {
	query.Set("X-Amz-Algorithm", algorithm)
	query.Set("X-Amz-Credential", c.config.Key+"/"+c.scope(now))
	query.Set("X-Amz-Date", now.UTC().Format(stamp))
	query.Set("X-Amz-Expires", strconv.Itoa(int(life/time.Second)))
	query.Set("X-Amz-SignedHeaders", "host")
	signed := *u
	signed.RawQuery = canonicalQuery(query)
	signature := c.signature(http.MethodGet, &signed, nil, []string{"host"}, unsigned, now)
	signed.RawQuery += "&X-Amz-Signature=" + signature
	return signed.String()
}

func (c *Client) scope(now time.Time) string {
	return now.UTC().Format(day) + "/" + c.config.Region + "/s3/aws4_request"
}

// signature is that of the canonical form of a request, in which headers called names
// are.
func (c *Client) signature(method string, u *url.URL, headers http.Header, names []string, hash string, now time.Time) string {
	var b strings.Builder
	b.WriteString(method + "\n" + escapePath(u.Path) + "\n" + canonicalQuery(u.Query()) + "\n")
	for _, name := range names {
		value := headers.Get(name)
		if name == "host" {
			value = u.Host
		}
		b.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + hash)
	request := sha256.Sum256([]byte(b.String()))
	text := algorithm + "\n" + now.UTC().Format(stamp) + "\n" + c.scope(now) + "\n" + hex.EncodeToString(request[:])
	key := []byte("AWS4" + c.config.Secret)
	for _, part := range []string{now.UTC().Format(day), c.config.Region, "s3", "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// canonicalQuery is a query as it is signed, and sent.
func canonicalQuery(query url.Values) string {
	var pairs []string
	for name, values := range query {
		for _, v := range values {
			pairs = append(pairs, escape(name)+"="+escape(v))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escape is the escaping of RFC 3986, which leaves letters, digits and -._~ alone.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func escapePath(path string) string { return strings.ReplaceAll(escape(path), "%2F", "/") }
