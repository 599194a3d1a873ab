package bulk_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/s3"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/service/bulk"
)

// storage is S3-compatible storage that looks at signatures.
type storage struct {
	mu      sync.Mutex
	objects map[string][]byte // by key
	refused int
}

const (
	storageKey    = "test-key"
	storageSecret = "test/secret+of=this"
)

func newStorage(t *testing.T) (*storage, string) {
	s := &storage{objects: map[string][]byte{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func hmacOf(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = io.WriteString(h, text)
	return h.Sum(nil)
}

// signed says whether a request has a signature of the secret, in its header or its
// address, that is not too old.
func signed(r *http.Request, body []byte) bool {
	q := r.URL.Query()
	header := r.Header.Get("Authorization")
	at, scope, names, given, hash := q.Get("X-Amz-Date"), q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"), "UNSIGNED-PAYLOAD"
	life := q.Get("X-Amz-Expires") + "s"
	if rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 "); ok {
		parts := map[string]string{}
		for part := range strings.SplitSeq(rest, ", ") {
			name, value, _ := strings.Cut(part, "=")
			parts[name] = value
		}
		at, scope, names, given, life = r.Header.Get("X-Amz-Date"), parts["Credential"], parts["SignedHeaders"], parts["Signature"], "900s"
		sum := sha256.Sum256(body)
		if hash = hex.EncodeToString(sum[:]); r.Header.Get("X-Amz-Content-Sha256") != hash {
			return false
		}
	} else if r.Method != http.MethodGet {
		return false
	}
	when, err := time.Parse("20060102T150405Z", at)
	lasts, err2 := time.ParseDuration(life)
	if err != nil || err2 != nil || time.Since(when) > lasts {
		return false
	}
	key, scope, _ := strings.Cut(scope, "/")
	var pairs []string
	for _, pair := range strings.Split(r.URL.RawQuery, "&") {
		if pair != "" && !strings.HasPrefix(pair, "X-Amz-Signature=") {
			if !strings.Contains(pair, "=") {
				pair += "="
			}
			pairs = append(pairs, pair)
		}
	}
	slices.Sort(pairs)
	text := r.Method + "\n" + r.URL.EscapedPath() + "\n" + strings.Join(pairs, "&") + "\n"
	for name := range strings.SplitSeq(names, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		text += name + ":" + value + "\n"
	}
	text += "\n" + names + "\n" + hash
	sum := sha256.Sum256([]byte(text))
	secret := []byte("AWS4" + storageSecret)
	for part := range strings.SplitSeq(scope, "/") {
		secret = hmacOf(secret, part)
	}
	want := hex.EncodeToString(hmacOf(secret, "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+hex.EncodeToString(sum[:])))
	return key == storageKey && hmac.Equal([]byte(want), []byte(given))
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	key, ok := strings.CutPrefix(r.URL.Path, "/bucket")
	if err != nil || !ok || !signed(r, body) {
		s.refused++
		http.Error(w, "SignatureDoesNotMatch", http.StatusForbidden)
		return
	}
	key = strings.TrimPrefix(key, "/")
	switch {
	case r.Method == http.MethodPut:
		s.objects[key] = body
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case key == "":
		s.list(w, r.URL.Query())
	case s.objects[key] == nil:
		http.Error(w, "NoSuchKey", http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", r.URL.Query().Get("response-content-type"))
		_, _ = w.Write(s.objects[key])
	}
}

// list gives two keys a page.
func (s *storage) list(w http.ResponseWriter, q url.Values) {
	type key struct{ Key string }
	type folder struct{ Prefix string }
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Contents              []key
		CommonPrefixes        []folder
		IsTruncated           bool
		NextContinuationToken string
	}
	prefix, after := q.Get("prefix"), q.Get("continuation-token")
	for _, one := range slices.Sorted(maps.Keys(s.objects)) {
		rest, ok := strings.CutPrefix(one, prefix)
		if !ok || one <= after {
			continue
		}
		if len(page.Contents)+len(page.CommonPrefixes) == 2 {
			page.IsTruncated = true
			break
		}
		page.NextContinuationToken = one
		if name, _, deeper := strings.Cut(rest, "/"); deeper {
			if f := (folder{prefix + name + "/"}); !slices.Contains(page.CommonPrefixes, f) {
				page.CommonPrefixes = append(page.CommonPrefixes, f)
			}
			continue
		}
		page.Contents = append(page.Contents, key{one})
	}
	_ = xml.NewEncoder(w).Encode(page)
}

// inBucket has a place keep its files in storage of its own.
func inBucket(t *testing.T) setting {
	_, address := newStorage(t)
	client, err := s3.New(s3.Config{Endpoint: address, Region: "eu-north-1", Bucket: "bucket", Key: storageKey, Secret: storageSecret})
	if err != nil {
		t.Fatal(err)
	}
	bucket := &bulkjob.Bucket{Client: client, Spool: t.TempDir()}
	return func(c *bulk.Config) { c.Files = func(string) bulkjob.Files { return bucket } }
}

func TestFilesInABucketAreFetchedFromThereWithoutTheToken(t *testing.T) {
	s, address := newStorage(t)
	client, err := s3.New(s3.Config{Endpoint: address, Region: "eu-north-1", Bucket: "bucket", Key: storageKey, Secret: storageSecret})
	if err != nil {
		t.Fatal(err)
	}
	bucket := &bulkjob.Bucket{Client: client, Prefix: "of a place/exports/", Spool: t.TempDir()}
	p := clinic(t, func(c *bulk.Config) { c.Files = func(string) bulkjob.Files { return bucket } })
	at := p.start("Group/g/$export")
	m := p.finish(at)
	var all []string
	for _, f := range m.Output {
		a := p.do("GET", f.URL, "").want(302)
		p.do("GET", f.URL, "", "Authorization", "").want(401)
		link := a.header.Get("Location")
		if !strings.HasPrefix(link, address) {
			t.Fatal(link)
		}
		content := p.do("GET", link, "", "Authorization", "").want(200)
		if got := content.header.Get("Content-Type"); got != "application/fhir+ndjson" || strings.Count(content.body, "\n") != f.Count {
			t.Errorf("%s, %d lines of %d", got, strings.Count(content.body, "\n"), f.Count)
		}
		all = append(all, content.body)
		p.do("GET", strings.Replace(link, f.Type, "Other", 1), "", "Authorization", "").want(403)
	}
	if text := strings.Join(all, ""); !strings.Contains(text, `"id":"a1"`) || strings.Contains(text, `"id":"b1"`) {
		t.Error(text)
	}
	before := s.refused
	p.do("DELETE", at, "").want(202)
	if len(s.objects) != 0 || s.refused != before {
		t.Errorf("%d objects are left, %d requests were refused", len(s.objects), s.refused-before)
	}
}

func TestStorageThatRefusesFailsNoExportAtOnce(t *testing.T) {
	s, address := newStorage(t)
	client, err := s3.New(s3.Config{Endpoint: address, Region: "eu-north-1", Bucket: "bucket", Key: storageKey, Secret: "another"})
	if err != nil {
		t.Fatal(err)
	}
	p := clinic(t, func(c *bulk.Config) {
		c.Files = func(string) bulkjob.Files { return &bulkjob.Bucket{Client: client, Spool: t.TempDir()} }
	})
	at := p.start("$export?_type=Patient")
	for range 1200 {
		x, err := p.bulk.Exports("").Find(t.Context(), at[strings.LastIndex(at, "/")+1:])
		if err != nil {
			t.Fatal(err)
		}
		if x.Error != "" {
			if !strings.Contains(x.Error, "SignatureDoesNotMatch") || x.Phase == bulkjob.Failed || s.refused == 0 {
				t.Errorf("%s: %s", x.Phase, x.Error)
			}
			p.do("GET", at, "").want(202)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error(fmt.Sprint("nothing is said of ", s.refused, " refusals"))
}
