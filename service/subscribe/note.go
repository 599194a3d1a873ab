package subscribe

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Note hands over an e-mail of plain text that the server itself writes.
func (m *Mail) Note(ctx context.Context, to, subject, text string) error {
	if !plain.MatchString(to) {
		return fmt.Errorf("%q is no plain address", to)
	}
	var b bytes.Buffer
	_, host, _ := strings.Cut(m.From, "@")
	fmt.Fprintf(&b, "From: Ingle <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
		m.From, to, mime.QEncoding.Encode("utf-8", subject), time.Now().UTC().Format(time.RFC1123Z), uuid.NewString(), host)
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))) // a bytes.Buffer takes everything
	if err := w.Close(); err != nil {
		return err
	}
	return m.deliver(ctx, to, b.Bytes())
}
