package bulk

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// upload takes NDJSON. When all of it is kept, the import goes on by itself, whether the
// client waits for the report or not.
func (c *importCall) upload() error {
	switch encoding := strings.ToLower(c.r.Header.Get("Content-Encoding")); encoding {
	case "", "identity", "gzip", "x-gzip": // kept as it is
	default:
		return fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "Content-Encoding %q is not supported here. Send the lines as they are, or with gzip.", fault.Shorten(encoding))
	}
	ctx := c.r.Context()
	id, err := c.service.Upload(ctx, c.session, intake.Order{Request: c.requested(), Source: c.r.URL.Query().Get("inputSource")}, body{c.r.Body})
	if err != nil {
		return err
	}
	if async(c.r.Header.Values("Prefer")) {
		return c.accepted(id)
	}
	return c.follow(id)
}

// body says what a failure to read a body means.
type body struct{ io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = web.BodyError(err)
	}
	return n, err
}

// async says whether a client prefers not to wait (RFC 7240 §4.1).
func async(prefer []string) bool {
	for _, header := range prefer {
		for item := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ',' || r == ';' }) {
			if strings.EqualFold(strings.TrimSpace(item), "respond-async") {
				return true
			}
		}
	}
	return false
}

// lookEvery is how often an import that a client waits for is looked at.
const lookEvery = 100 * time.Millisecond

// follow sends the report while it is made: what is sent is durable. The last line has
// the sums; where it is missing the report is not whole, and its address goes on to have it.
func (c *importCall) follow(id string) error {
	ctx, connection := c.r.Context(), http.NewResponseController(c.w)
	var sent int64
	for {
		i, err := c.service.Import(ctx, c.session, id)
		if err != nil {
			return c.broken(err, sent)
		}
		if sent == 0 && i.Error != "" && i.Size == 0 {
			return failed(i)
		}
		if i.Size > sent || !i.Ended.IsZero() {
			if sent == 0 {
				c.beginReport(id)
			}
			if err := c.send(i, sent); err != nil {
				return c.broken(err, sent)
			}
			sent = i.Size
		}
		if !i.Ended.IsZero() {
			return c.endReport(i)
		}
		if sent > 0 {
			_ = connection.Flush() // the client may be gone, which ends ctx
		}
		// Nothing is to be sent for a while, and the client is not to blame.
		_ = connection.SetWriteDeadline(time.Now().Add(time.Minute))
		select {
		case <-ctx.Done():
			return c.broken(ctx.Err(), sent)
		case <-time.After(lookEvery):
		}
	}
}

// broken ends a report that cannot go on: one that has begun by cutting the connection.
func (c *importCall) broken(err error, sent int64) error {
	if sent > 0 {
		panic(http.ErrAbortHandler)
	}
	return err
}

func (c *importCall) beginReport(id string) {
	h := c.w.Header()
	h.Set("Content-Type", ndjsonType)
	h.Set("Content-Location", c.at(id))
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(http.StatusOK)
}

// send sends the report from a byte on.
func (c *importCall) send(i *intake.Import, from int64) error {
	in, err := c.service.Open(c.r.Context(), i, from)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(c.w, in)
	return err
}

// reportEnd is the last line of a report that is sent while it is made.
type reportEnd struct {
	Status string `json:"status"` // completed or failed
	importCounts
	Error string `json:"error,omitempty"`
}

func (c *importCall) endReport(i *intake.Import) error {
	end := reportEnd{"completed", importCounts{i.Lines, i.Resources, i.Accepted, i.Matched, i.Refused}, i.Error}
	if i.Error != "" {
		end.Status = "failed"
	}
	text, err := json.Marshal(end)
	if err != nil {
		return err
	}
	_, _ = c.w.Write(append(text, '\n')) // the client may be gone
	return nil
}
