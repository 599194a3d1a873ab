package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/spec/fault"
)

// Bounds of what is fetched.
const (
	dialTime     = 10 * time.Second
	answerTime   = time.Minute     // until a server begins to answer
	stallTime    = time.Minute     // without a byte
	maxTries     = 8               // in a row that get nowhere
	longestPause = 5 * time.Minute // between tries, whatever a server asks for
	maxFile      = 256 << 30       // bytes of a file as it is sent
	maxRedirects = 3
)

// newClient is the client that files are fetched with: it goes where the guard allows,
// from https to https alone, and takes what is sent as it is.
func (s *Service) newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return s.config.Guard.Dial(ctx, network, address, dialTime)
			},
			ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: answerTime, MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout: time.Minute, MaxIdleConns: 16, DisableCompression: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects || r.URL.Scheme != via[0].URL.Scheme || via[0].Method != http.MethodGet {
				return errors.New("it redirects too often, to another scheme, or what was posted")
			}
			// A token is for the server that it was got from, and not for subdomains of it.
			if r.URL.Host != via[0].URL.Host {
				r.Header.Del("Authorization")
			}
			return nil
		},
	}
}

// fetch fetches the files that are not there yet. One that cannot be had is noted, and
// the others are loaded.
func (r *run) fetch(ctx context.Context) error {
	if r.state.Phase != fetching {
		return nil
	}
	for i := range r.state.Inputs {
		in := &r.state.Inputs[i]
		if in.Whole || in.Failed != "" {
			continue
		}
		err := r.fetchFile(ctx, in)
		refused := new(refusal)
		switch {
		case errors.As(err, &refused):
			in.Failed = refused.why
			if err := in.File.drop(ctx, r.s.config.Door); err != nil {
				return err
			}
			r.refused++
			if err := r.write(ctx, &outcome{Type: "OperationOutcome",
				Extension: []extension{{URL: placeExtension, Extension: []extension{{URL: "file", URI: in.URL}}}},
				Issue:     []issue{{Severity: fault.ErrorLevel, Code: fault.CodeNotFound, Details: details{in.URL + ": " + refused.why}}},
			}); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			in.Whole = true
			if err := in.File.finish(); err != nil {
				return err
			}
		}
		if err := r.keepReport(ctx); err != nil {
			return err
		}
	}
	r.state.Phase = loading
	return r.save(ctx)
}

// refusal says why a file cannot be had, however often it is asked for.
type refusal struct{ why string }

func (e *refusal) Error() string { return e.why }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// again says that something may succeed later, perhaps not before a time is over.
type again struct {
	error
	after time.Duration
}

func (e *again) Unwrap() error { return e.error }

// fetchFile fetches one file, from where it stopped.
func (r *run) fetchFile(ctx context.Context, in *input) error {
	return r.persist(ctx, func() (moved bool, err error) {
		before := in.File.Size
		err = r.fetchPart(ctx, in)
		return in.File.Size > before, err
	})
}

// persist tries until something succeeds, is refused, or got nowhere maxTries times.
func (r *run) persist(ctx context.Context, try func() (moved bool, err error)) error {
	pause := r.s.config.Retry
	for failed := 1; ; failed++ {
		moved, err := try()
		later := new(again)
		if err == nil || ctx.Err() != nil || !errors.As(err, &later) {
			return err
		}
		if moved {
			failed, pause = 1, r.s.config.Retry
		}
		if failed >= maxTries {
			return refuse("it cannot be fetched: %s", later.error)
		}
		wait := max(pause/2+rand.N(pause), min(later.after, longestPause)) //nolint:gosec // nothing is secret about a pause
		pause = min(2*pause, time.Minute)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// fetchPart asks once for what is missing of a file and takes what comes.
func (r *run) fetchPart(ctx context.Context, in *input) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	answer, err := r.get(ctx, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		// All of it, be it that it has changed, or that parts cannot be had.
		if err := in.File.drop(ctx, r.s.config.Door); err != nil {
			return err
		}
		in.ETag = strong(answer.Header.Get("ETag"))
	case http.StatusPartialContent:
		if from, ok := begins(answer.Header.Get("Content-Range")); !ok || from != in.File.Size {
			return refuse("the server answers with another part than was asked for: %q", fault.Shorten(answer.Header.Get("Content-Range")))
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if answer.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", in.File.Size) {
			return nil // all of it is there
		}
		in.ETag = "" // it has changed: from the start
		return &again{error: errors.New("it has changed meanwhile")}
	default:
		return verdict(answer)
	}
	return r.receive(ctx, in, answer.Body, stop)
}

// receive keeps what a body gives, as far as it comes.
func (r *run) receive(ctx context.Context, in *input, body io.Reader, stop func(error)) error {
	stalled := errors.New("the server stopped sending")
	watch := time.AfterFunc(stallTime, func() { stop(stalled) })
	defer watch.Stop()
	to := &sink{file: &in.File, door: r.s.config.Door, save: r.save}
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		watch.Reset(stallTime)
		if taken := to.take(ctx, buf[:n]); taken != nil {
			return taken
		}
		if in.File.Size > maxFile {
			return refuse("it is larger than %s, the most that is fetched", humanize.IBytes(maxFile))
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && context.Cause(ctx) != nil && !errors.Is(context.Cause(ctx), stalled) {
			return context.Cause(ctx)
		}
		// What came is kept, also when the rest is to be asked for again.
		if kept := to.flush(context.WithoutCancel(ctx)); kept != nil {
			return kept
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if context.Cause(ctx) != nil {
			return &again{error: stalled}
		}
		return &again{error: guard.Unreached(err, "the server")}
	}
}

// get asks for what is missing of a file.
func (r *run) get(ctx context.Context, in *input) (*http.Response, error) {
	resume := in.File.Size > 0 && in.ETag != ""
	return r.ask(ctx, in.Token, func() (*http.Request, error) {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, in.URL, nil)
		if err != nil {
			return nil, err
		}
		q.Header.Set("Accept", "application/fhir+ndjson, application/ndjson;q=0.9, */*;q=0.1")
		q.Header.Set("Accept-Encoding", "gzip")
		if resume {
			q.Header.Set("Range", fmt.Sprintf("bytes=%d-", in.File.Size))
			q.Header.Set("If-Range", in.ETag)
		}
		return q, nil
	})
}

// ask sends a request, with an access token where there is one for it; when that is
// refused once more, with a new one.
func (r *run) ask(ctx context.Context, token bool, request func() (*http.Request, error)) (*http.Response, error) {
	for renew := false; ; renew = true {
		q, err := request()
		if err != nil {
			return nil, refuse("%s", err)
		}
		authorized := false
		if token && r.s.config.Authorize != nil {
			text, err := r.s.config.Authorize(ctx, q.URL, renew)
			if err != nil {
				return nil, &again{error: err}
			}
			if authorized = text != ""; authorized {
				q.Header.Set("Authorization", "Bearer "+text)
			}
		}
		answer, err := r.s.client.Do(q)
		if err != nil {
			if e, ok := errors.AsType[*url.Error](err); ok {
				err = e.Err // without the address, which may hold a signature
			}
			switch {
			case strings.HasPrefix(err.Error(), "it redirects"):
				return nil, refuse("%s", err)
			case errors.Is(err, guard.ErrPrivate):
				return nil, refuse("%s", strings.TrimSuffix(guard.Unreached(err, "the server").Error()+"; "+r.s.config.Guard.Hint, "; "))
			}
			return nil, &again{error: guard.Unreached(err, "the server")}
		}
		if answer.StatusCode != http.StatusUnauthorized || !authorized || renew {
			return answer, nil
		}
		_ = answer.Body.Close()
	}
}

// verdict is what a status says of a request that was not answered as wished.
func verdict(answer *http.Response) error {
	text := fmt.Sprintf("the server answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	switch code := answer.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500 && code != http.StatusNotImplemented:
		return &again{errors.New(text), retryAfter(answer.Header)}
	}
	return refuse("%s", text)
}

// retryAfter is how long a server asks to be left alone.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(min(seconds, int(longestPause/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return time.Until(at)
	}
	return 0
}

// strong is an entity tag that parts may be asked for by; "" for a weak one.
func strong(tag string) string {
	if strings.HasPrefix(tag, `"`) {
		return tag
	}
	return ""
}

// begins is where a part begins, of "bytes 100-200/300".
func begins(contentRange string) (int64, bool) {
	text, ok := strings.CutPrefix(contentRange, "bytes ")
	if !ok {
		return 0, false
	}
	text, _, _ = strings.Cut(text, "-")
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
