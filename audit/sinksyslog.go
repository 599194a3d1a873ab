package audit

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"
)

// syslogSink sends each event as a message (RFC 5424) over UDP (RFC 5426), TCP
// (RFC 6587 §3.4.1) or TLS (RFC 5425).
type syslogSink struct {
	scheme, address, host string
	conn                  net.Conn
}

// SyslogSink copies events to a syslog server: syslog://host:514 over UDP,
// syslog+tcp://host:601 or syslog+tls://host:6514. It gets the events from the
// server's start on.
func SyslogSink(address string) (Sink, error) {
	u, err := url.Parse(address)
	ports := map[string]string{"syslog": "514", "syslog+tcp": "601", "syslog+tls": "6514"}
	if err != nil || ports[u.Scheme] == "" || u.Hostname() == "" || u.Path != "" {
		return nil, fmt.Errorf("%s is not the address of a syslog server: it looks like syslog://host:514, syslog+tcp://host:601 or syslog+tls://host:6514", address)
	}
	port := u.Port()
	if port == "" {
		port = ports[u.Scheme]
	}
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	return &syslogSink{scheme: u.Scheme, address: net.JoinHostPort(u.Hostname(), port), host: host}, nil
}

func (s *syslogSink) Name() string { return s.scheme + "://" + s.address }

func (s *syslogSink) Last() (int64, error) { return 0, ErrNoPlace }

func (s *syslogSink) Close() error {
	if s.conn == nil {
		return nil
	}
	c := s.conn
	s.conn = nil
	return c.Close()
}

// syslogTime is how long a connection or a write may take.
const syslogTime = 10 * time.Second

// priority is facility log audit (13), severity informational (6).
const priority = "<110>1 "

func (s *syslogSink) Write(lines [][]byte) error {
	if s.conn == nil {
		if err := s.dial(); err != nil {
			return err
		}
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(syslogTime)); err != nil {
		return err
	}
	var out []byte
	for _, line := range lines {
		head := priority + time.Now().UTC().Format("2006-01-02T15:04:05.000Z") + " " + s.host + " ingle - audit - "
		message := append([]byte(head), line...)
		if s.scheme == "syslog" { // a datagram each
			if _, err := s.conn.Write(message); err != nil {
				_ = s.Close() // what is wrong has been said
				return err
			}
			continue
		}
		out = append(strconv.AppendInt(out, int64(len(message)), 10), ' ')
		out = append(out, message...)
	}
	if len(out) == 0 {
		return nil
	}
	if _, err := s.conn.Write(out); err != nil {
		_ = s.Close()
		return err
	}
	return nil
}

func (s *syslogSink) dial() (err error) {
	d := &net.Dialer{Timeout: syslogTime}
	switch s.scheme {
	case "syslog":
		s.conn, err = d.Dial("udp", s.address)
	case "syslog+tls":
		secure := &tls.Dialer{NetDialer: d, Config: &tls.Config{MinVersion: tls.VersionTLS12}}
		s.conn, err = secure.Dial("tcp", s.address)
	default:
		s.conn, err = d.Dial("tcp", s.address)
	}
	return err
}
