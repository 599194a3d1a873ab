package monitor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/watch/metric"
)

// tellTime is how long metrics may be collected: what is asked of a database that does
// not answer is left out.
const tellTime = 5 * time.Second

// Mount serves /metrics at a site of its own. With a token, requests have to bring it
// (Authorization: Bearer).
func Mount(site *web.Site, counts *metric.Registry, token string) {
	one := make(chan struct{}, 1) // at a time
	site.Handle("GET /metrics", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		web.From(r.Context()).Route = "metrics"
		if token != "" && !bears(r, token) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
			web.Fail(w, r, fault.New(fault.Unauthenticated, fault.CodeLogin, "", "The metrics need the token of --metrics-token-file: Authorization: Bearer ..."))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), tellTime)
		defer cancel()
		select {
		case one <- struct{}{}:
			defer func() { <-one }()
		case <-ctx.Done():
			web.Fail(w, r, ctx.Err())
			return
		}
		var b bytes.Buffer
		if err := counts.WriteText(ctx, &b); err != nil {
			web.Fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", metric.ContentType)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(b.Bytes()) // the client may be gone
	}))
}

func bears(r *http.Request, token string) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
