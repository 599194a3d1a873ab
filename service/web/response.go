package web

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// response records an answer, compresses it when that was negotiated, and
// moves the write deadline along with each piece of it.
type response struct {
	w       http.ResponseWriter
	control *http.ResponseController
	config  Config

	status   int
	sent     int64 // bytes of body on the wire
	encoding string
	head     bool
	wrote    bool // the header is on its way

	pending []byte // start of a body that may be compressed, until its size is known to be worth it
	decided bool
	encoder encoder
	touched time.Time

	exchange *Exchange
	held     bool // it did not leave
}

func newResponse(w http.ResponseWriter, r *http.Request, c Config) *response {
	return &response{
		w: w, control: http.NewResponseController(w), config: c,
		encoding: acceptEncoding(r.Header.Values("Accept-Encoding")),
		head:     r.Method == http.MethodHead,
	}
}

// vary is the value of Vary, shared by all answers.
var vary = []string{"Accept, Accept-Encoding"}

// touch gives the client the time for n more bytes. On a connection that is
// kept, a deadline stays until the next is set.
func (r *response) touch(n int) {
	now := time.Now()
	if n < piece && now.Sub(r.touched) < r.config.slack() {
		return
	}
	r.touched = now
	if r.isCut() {
		return
	}
	// A transport without deadlines (a test recorder) has no client to wait for.
	_ = r.control.SetWriteDeadline(now.Add(r.config.Patience + time.Duration(n)*time.Second/time.Duration(r.config.MinRate)))
	if r.isCut() { // before the deadline was moved
		r.cut()
	}
}

// lastWords is how long an answer that is cut off may take to leave.
const lastWords = 2 * time.Second

// cut gives the client no more time than that.
func (r *response) cut() { _ = r.control.SetWriteDeadline(time.Now().Add(lastWords)) }

func (r *response) isCut() bool {
	return r.exchange != nil && r.exchange.cut != nil && r.exchange.cut.Err() != nil
}

// started says whether the client may have seen a part of the answer.
func (r *response) started() bool { return r.wrote }

// Header implements http.ResponseWriter.
func (r *response) Header() http.Header { return r.w.Header() }

// WriteHeader implements http.ResponseWriter. The header goes out with the
// first piece of the body, or at the end, so that compression can be decided.
func (r *response) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		r.w.WriteHeader(status)
		return
	}
	if r.status != 0 {
		return
	}
	r.status = status
	h := r.w.Header()
	h["Vary"] = append(slices.Clip(h["Vary"]), vary...)
	if !r.mayCompress(h) {
		r.begin()
	}
}

func (r *response) mayCompress(h http.Header) bool {
	if r.encoding == "" || r.head || h.Get("Content-Encoding") != "" || h.Get("Content-Range") != "" ||
		r.status == http.StatusNoContent || r.status == http.StatusNotModified || r.status == http.StatusSwitchingProtocols || !compressible(h.Get("Content-Type")) {
		return false
	}
	if length := h.Get("Content-Length"); length != "" && shorter(length, r.config.CompressFrom) {
		return false
	}
	return true
}

// reset forgets an answer of which nothing was sent.
func (r *response) reset() { r.status, r.pending, r.decided = 0, nil, false }

// before asks whether the next piece may leave.
func (r *response) before() error {
	if r.exchange == nil || r.exchange.Before == nil {
		return nil
	}
	return r.exchange.Before(r.status)
}

// begin sends the header as it stands, or another answer when this one must not
// leave.
func (r *response) begin() {
	r.decided = true
	if r.exchange != nil {
		r.exchange.left()
	}
	if err := r.before(); err != nil {
		r.replace(err)
		return
	}
	r.wrote = true
	r.touch(0)
	r.w.WriteHeader(r.status)
}

// replace sends an error in the place of an answer of which nothing has left.
func (r *response) replace(err error) {
	e := r.exchange.heldBack(err)
	status, contentType, body := Status(e.Kind), r.exchange.outcomeType(), AppendOutcome(nil, e.Issues, r.exchange.XML, r.exchange.Pretty)
	h := r.w.Header()
	for name := range h {
		switch name {
		case "X-Request-Id", "Vary", "Www-Authenticate", "Strict-Transport-Security":
		default:
			if !isProtection(name) {
				h.Del(name)
			}
		}
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "30")
	}
	r.status, r.held, r.wrote = status, true, true
	r.touch(len(body))
	r.w.WriteHeader(status)
	if !r.head {
		n, _ := r.w.Write(body) // the client may be gone
		r.sent += int64(n)
	}
}

func (r *response) compress() {
	h := r.w.Header()
	h.Del("Content-Length")
	h.Set("Content-Encoding", r.encoding)
	r.begin()
	if r.held {
		return
	}
	r.encoder = openEncoder(r.encoding, writerFunc(r.send))
}

// Write implements http.ResponseWriter.
func (r *response) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if r.encoder != nil {
		return r.encoder.Write(p)
	}
	if !r.decided {
		if len(r.pending)+len(p) < r.config.CompressFrom {
			r.pending = append(r.pending, p...)
			return len(p), nil
		}
		r.compress()
		if r.held {
			return len(p), nil
		}
		if len(r.pending) > 0 {
			if _, err := r.encoder.Write(r.pending); err != nil {
				return 0, err
			}
			r.pending = nil
		}
		return r.encoder.Write(p)
	}
	return r.send(p)
}

// piece is how much is handed to the connection under one deadline.
const piece = 256 << 10

func (r *response) send(p []byte) (int, error) {
	if r.held {
		return len(p), nil
	}
	if err := r.before(); err != nil {
		// What has left cannot be taken back: the client must see that it is not all.
		_ = r.exchange.heldBack(err)
		panic(http.ErrAbortHandler)
	}
	done := 0
	for len(p) > 0 {
		n := min(len(p), piece)
		r.touch(n)
		n, err := r.w.Write(p[:n])
		done += n
		r.sent += int64(n)
		if err != nil {
			return done, err
		}
		p = p[n:]
	}
	return done, nil
}

// FlushError sends what has been written so far; http.ResponseController
// finds it.
func (r *response) FlushError() error {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if !r.decided {
		r.compress()
		if r.held {
			return nil
		}
		if _, err := r.encoder.Write(r.pending); err != nil {
			return err
		}
		r.pending = nil
	}
	if r.encoder != nil {
		if err := r.encoder.Flush(); err != nil {
			return err
		}
	}
	r.touch(piece)
	return r.control.Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (r *response) Unwrap() http.ResponseWriter { return r.w }

// close ends the answer: nothing may be written after it.
func (r *response) close() {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if !r.decided {
		r.begin()
		// Errors mean that the client is gone.
		_, _ = r.send(r.pending)
	}
	if r.encoder != nil {
		_ = r.encoder.Close()
		r.encoder = nil
	}
}

// abort drops what was not sent.
func (r *response) abort() {
	if r.encoder != nil {
		r.encoder.discard()
		r.encoder = nil
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var _ io.Writer = writerFunc(nil)
