package subscribe

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/inglehealth/ingle/records/notify"
)

// letter is one e-mail (RFC 5322). What it says to people holds nothing of the
// records, whatever the content is.
type letter struct {
	from, to string
	target   notify.Target
	message  notify.Message
	attached string // media type of the Bundle, "" for none
}

func (l *letter) compose() ([]byte, error) {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", "Ingle <"+l.from+">")
	header("To", "<"+l.to+">")
	header("Subject", l.subject())
	header("Date", l.message.At.UTC().Format(time.RFC1123Z))
	header("Message-ID", "<"+l.message.ID+"@"+l.host()+">")
	header("Auto-Submitted", "auto-generated") // RFC 3834: nobody is to answer it by a machine
	header("MIME-Version", "1.0")
	if l.attached == "" || len(l.message.Body) == 0 {
		header("Content-Type", "text/plain; charset=utf-8")
		header("Content-Transfer-Encoding", "quoted-printable")
		b.WriteString("\r\n")
		if err := l.body(&b); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
	parts := multipart.NewWriter(&b)
	header("Content-Type", `multipart/mixed; boundary="`+parts.Boundary()+`"`)
	b.WriteString("\r\n")
	if err := l.parts(parts); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (l *letter) parts(w *multipart.Writer) error {
	body, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Type": {"text/plain; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := l.body(&text); err != nil {
		return err
	}
	if _, err := body.Write(text.Bytes()); err != nil {
		return err
	}
	name := "notification.json"
	if strings.HasSuffix(l.attached, "xml") {
		name = "notification.xml"
	}
	file, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Type": {l.attached + "; charset=utf-8"}, "Content-Transfer-Encoding": {"base64"},
		"Content-Disposition": {`attachment; filename="` + name + `"`},
	})
	if err != nil {
		return err
	}
	encoded := base64.StdEncoding.EncodeToString(l.message.Body)
	for len(encoded) > 0 {
		n := min(len(encoded), 76)
		if _, err := file.Write([]byte(encoded[:n] + "\r\n")); err != nil {
			return err
		}
		encoded = encoded[n:]
	}
	return w.Close()
}

func (l *letter) subject() string {
	switch l.message.Kind {
	case notify.Handshake:
		return "Notifications will come to this address"
	case notify.Heartbeat:
		return "Notifications still come to this address"
	}
	if len(l.message.Events) == 1 {
		return "Something that you subscribed to happened"
	}
	return fmt.Sprintf("%d things that you subscribed to happened", len(l.message.Events))
}

// body is what people read.
func (l *letter) body(b *bytes.Buffer) error {
	m := l.message
	var s strings.Builder
	switch m.Kind {
	case notify.Handshake:
		s.WriteString("From now on this address is told when something happens in the health records\nof the server below that an app subscribed to.")
	case notify.Heartbeat:
		s.WriteString("Nothing new has happened. This message says that the subscription is alive.")
	default:
		s.WriteString("Something happened in the health records of the server below.")
		if n := len(m.Events); n == 1 {
			fmt.Fprintf(&s, "\nIt is event %d of the subscription.", m.Events[0].Number)
		} else if n > 1 {
			fmt.Fprintf(&s, "\nThese are events %d to %d of the subscription.", m.Events[0].Number, m.Events[n-1].Number)
		}
		s.WriteString(" What it is can be seen there\nby whoever may see it.")
	}
	fmt.Fprintf(&s, "\n\nServer:       %s\nSubscription: %s/Subscription/%s\n", m.Base, m.Base, m.Subscription)
	if m.Topic != "" {
		fmt.Fprintf(&s, "Topic:        %s\n", m.Topic)
	}
	s.WriteString("\nTo be told no more, have the Subscription deleted or turned off: by its app, or\nby those who run the server.\n")
	w := quotedprintable.NewWriter(b)
	if _, err := w.Write([]byte(strings.ReplaceAll(s.String(), "\n", "\r\n"))); err != nil {
		return err
	}
	return w.Close()
}

// host is that of the server, for what must be unique in the world.
func (l *letter) host() string {
	u, err := url.Parse(l.message.Base)
	if err != nil || u.Hostname() == "" {
		return "localhost"
	}
	return strings.Trim(strings.ReplaceAll(u.Hostname(), ":", "."), "[]")
}
