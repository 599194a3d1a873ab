package subscribe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/records/notify"
)

// Mail is the SMTP server that e-mails are handed to.
type Mail struct {
	From string // address of the sender
	// To are the addresses (name@example.org) and domains (example.org, and with those
	// below it .example.org) that subscribers may have e-mails sent to. Others are refused.
	To []string

	address, host  string
	implicit, bare bool // TLS from the start; no TLS at all
	user, password string
	tls            *tls.Config // nil: the system's authorities
}

// ParseMail reads smtp://[user:password@]host[:port]/?from=address: with STARTTLS,
// which the server must offer, on port 587. By smtps: TLS begins at once, on port
// 465. With tls=off there is none: for a relay on the same machine, and never with a
// password or with resources in e-mails.
func ParseMail(text string) (*Mail, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("it looks like smtp://user:password@mail.example:587/?from=ehr@example.org")
	}
	m := &Mail{host: u.Hostname(), implicit: u.Scheme == "smtps"}
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "587", true: "465"}[m.implicit]
	}
	m.address = net.JoinHostPort(m.host, port)
	m.user = u.User.Username()
	m.password, _ = u.User.Password()
	for name, values := range u.Query() {
		switch {
		case name == "from" && len(values) == 1:
			from, err := mail.ParseAddress(values[0])
			if err != nil || !plain.MatchString(from.Address) {
				return nil, fmt.Errorf("from=%s is no plain address", values[0])
			}
			m.From = from.Address
		case name == "tls" && len(values) == 1 && values[0] == "off" && !m.implicit:
			m.bare = true
		default:
			return nil, fmt.Errorf("%s is not known: there are from=ADDRESS and, of smtp://, tls=off", name)
		}
	}
	switch {
	case m.From == "":
		return nil, errors.New("the sender is missing: add ?from=ehr@example.org")
	case m.bare && m.user != "":
		return nil, errors.New("a password must not go over a connection without TLS: leave out tls=off")
	}
	return m, nil
}

// secure says whether e-mails go by TLS.
func (m *Mail) secure() bool { return !m.bare }

// deliver hands an e-mail over.
func (m *Mail) deliver(ctx context.Context, to string, letter []byte) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.address)
	if err != nil {
		return errors.New("the mail server of this server cannot be reached")
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Minute)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	defer func() { _ = conn.Close() }() // what was to be said was said
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if err := m.talk(conn, to, letter); err != nil {
		if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return errors.New("the mail server of this server did not answer in time")
		}
		return told(err)
	}
	return nil
}

// errNoTLS is why a mail server is told nothing.
var errNoTLS = errors.New("the mail server of this server offers no TLS, without which it is told nothing")

func (m *Mail) talk(conn net.Conn, to string, letter []byte) error {
	config := &tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12}
	if m.tls != nil {
		config.RootCAs = m.tls.RootCAs
	}
	if m.implicit {
		conn = tls.Client(conn, config)
	}
	client, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return err
	}
	if !m.implicit && !m.bare {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return errNoTLS
		}
		if err := client.StartTLS(config); err != nil {
			return err
		}
	}
	if m.user != "" {
		if err := client.Auth(smtp.PlainAuth("", m.user, m.password, m.host)); err != nil {
			return fmt.Errorf("%w: %w", errSignIn, err)
		}
	}
	if err := client.Mail(m.From); err != nil {
		return err
	}
	if err := client.Rcpt(to); err != nil {
		return recipient(err)
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(letter); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	_ = client.Quit() // it has taken the e-mail
	return nil
}

var errSignIn = errors.New("the mail server of this server did not take the password")

// recipient is what an answer to RCPT means: of 550, 551 and 553 that there is
// nobody of that address (RFC 5321 §4.2.3).
func recipient(err error) error {
	answer, ok := errors.AsType[*textproto.Error](err)
	if ok && (answer.Code == 550 || answer.Code == 551 || answer.Code == 553) {
		return notify.Permanent(fmt.Errorf("the mail server refused the address with %d", answer.Code))
	}
	return err
}

// told says in a subscriber's words what went wrong with a mail server.
func told(err error) error {
	answer, isAnswer := errors.AsType[*textproto.Error](err)
	switch {
	case notify.IsPermanent(err) || errors.Is(err, errNoTLS):
		return err
	case errors.Is(err, errSignIn):
		return errSignIn
	case guard.IsTLS(err):
		return errors.New("the certificate of the mail server of this server is not valid")
	case isAnswer && answer.Code >= 500:
		return fmt.Errorf("the mail server refused the e-mail with %d", answer.Code)
	case isAnswer:
		return fmt.Errorf("the mail server put the e-mail off with %d", answer.Code)
	}
	return errors.New("the connection to the mail server broke off")
}
