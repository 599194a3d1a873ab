package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"
)

// patience bounds one request and its answer.
const patience = 60 * time.Second

// wire is one HTTP/1.1 connection, opened when needed. It does no more than
// the benchmark needs, since the client takes its time from the same cores as
// the server: net/http takes three times as much. Not safe for concurrent use.
type wire struct {
	base   *url.URL
	fixed  string // header lines of every request
	conn   net.Conn
	r      *bufio.Reader
	head   []byte
	answer bytes.Buffer
}

func newWire(base *url.URL, token string) *wire {
	fixed := " HTTP/1.1\r\nHost: " + base.Host + "\r\nUser-Agent: ingle-bench\r\nAccept: " + fhirJSON + "\r\n"
	if token != "" {
		fixed += "Authorization: Bearer " + token + "\r\n"
	}
	return &wire{base: base, fixed: fixed}
}

// answer is what the benchmark wants of a response. Body is valid until the
// next request.
type answer struct {
	status   int
	location string
	again    time.Duration // Retry-After, if it has seconds
	body     []byte
}

// send makes a request for a path below the base. After an error the next
// request opens a new connection.
func (c *wire) send(ctx context.Context, method, path string, body []byte) (a answer, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	if c.conn == nil {
		if err := c.open(ctx); err != nil {
			return a, err
		}
	}
	closing := true
	defer func() {
		if err != nil || closing {
			c.close()
		}
	}()
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return a, err
	}
	c.head = append(append(append(append(append(c.head[:0], method...), ' '), c.base.Path...), path...), c.fixed...)
	if body != nil {
		c.head = append(c.head, "Content-Type: "+fhirJSON+"\r\nContent-Length: "...)
		c.head = append(strconv.AppendInt(c.head, int64(len(body)), 10), "\r\n"...)
	}
	c.head = append(append(c.head, "\r\n"...), body...)
	if _, err := c.conn.Write(c.head); err != nil {
		return a, err
	}
	a, closing, err = c.receive()
	return a, err
}

func (c *wire) open(ctx context.Context) error {
	dialer := &net.Dialer{Timeout: patience}
	address := c.base.Host
	var err error
	if c.base.Scheme == "https" {
		if c.base.Port() == "" {
			address = net.JoinHostPort(c.base.Hostname(), "443")
		}
		c.conn, err = (&tls.Dialer{NetDialer: dialer, Config: &tls.Config{ServerName: c.base.Hostname(), NextProtos: []string{"http/1.1"}}}).DialContext(ctx, "tcp", address)
	} else {
		if c.base.Port() == "" {
			address = net.JoinHostPort(c.base.Hostname(), "80")
		}
		c.conn, err = dialer.DialContext(ctx, "tcp", address)
	}
	if err != nil {
		c.conn = nil
		return err
	}
	if c.r == nil {
		c.r = bufio.NewReaderSize(nil, 32<<10)
	}
	c.r.Reset(c.conn)
	return nil
}

func (c *wire) close() {
	if c.conn != nil {
		_ = c.conn.Close() // whatever it had to say was said by the request
		c.conn = nil
	}
}

// receive reads the response; closing says that the server ends the connection.
func (c *wire) receive() (a answer, closing bool, err error) {
	length, chunked := int64(-1), false
	for a.status < 200 { // past 100 Continue and its kind
		line, err := c.line()
		if err != nil {
			return a, true, err
		}
		version, rest, _ := bytes.Cut(line, []byte(" "))
		code, _, _ := bytes.Cut(rest, []byte(" "))
		if a.status, err = strconv.Atoi(string(code)); err != nil || !bytes.HasPrefix(version, []byte("HTTP/1.")) {
			return a, true, fmt.Errorf("not an HTTP/1.1 answer: %.80q", line)
		}
		closing = string(version) == "HTTP/1.0"
		for {
			line, err := c.line()
			if err != nil {
				return a, true, err
			}
			if len(line) == 0 {
				break
			}
			name, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimSpace(value)
			switch {
			case is(name, "Location"):
				a.location = string(value)
			case is(name, "Retry-After"):
				if seconds, err := strconv.Atoi(string(value)); err == nil && seconds >= 0 {
					a.again = time.Duration(seconds) * time.Second
				}
			case is(name, "Content-Length"):
				if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
					return a, true, err
				}
			case is(name, "Transfer-Encoding"):
				chunked = is(value, "chunked")
			case is(name, "Connection"):
				closing = closing || is(value, "close")
			}
		}
	}
	c.answer.Reset()
	switch {
	case a.status == 204 || a.status == 304:
	case chunked:
		if _, err = c.answer.ReadFrom(httputil.NewChunkedReader(c.r)); err == nil {
			_, err = c.line()
		}
	case length >= 0:
		_, err = io.CopyN(&c.answer, c.r, length)
	default:
		closing = true
		_, err = c.answer.ReadFrom(c.r)
	}
	a.body = c.answer.Bytes()
	return a, closing, err
}

func (c *wire) line() ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return bytes.TrimRight(line, "\r\n"), err
}

// is compares the name or value of a header without regard to case.
func is(b []byte, s string) bool { return len(b) == len(s) && bytes.EqualFold(b, []byte(s)) }
