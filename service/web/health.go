package web

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Paths that are asked often by whoever watches the server.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// Health mounts /healthz, which says that the process runs, and /readyz,
// which says whether it can serve: ready is asked with a short deadline and
// its error is logged, not shown.
func (s *Site) Health(ready func(context.Context) error) {
	s.Handle("GET "+healthPath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "ok\n")
	}))
	s.Handle("GET "+readyPath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			s.config.Log.Warn("not ready", "error", err)
			answer(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
		answer(w, http.StatusOK, "ready\n")
	}))
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the client may be gone
}
