package subscribe

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records/notify"
)

// sink is a mail server that takes what it is given. Tests bend it before it starts.
type sink struct {
	Address    string
	Got        chan string // what came by DATA
	noTLS      bool        // it offers no STARTTLS
	answers    map[string]string
	hang       bool
	mu         sync.Mutex
	envelope   []string // lines of MAIL, RCPT and AUTH
	encrypted  bool
	listener   net.Listener
	roots      *x509.CertPool
	config     *tls.Config
	connection sync.WaitGroup
}

func startSink(t *testing.T, s *sink) *sink {
	t.Helper()
	authority := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate of 127.0.0.1
	s.config = &tls.Config{Certificates: authority.TLS.Certificates}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(authority.Certificate())
	authority.Close()
	s.Got = make(chan string, 10)
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.Address = s.listener.Addr().String()
	s.connection.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.connection.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = s.listener.Close()
		s.connection.Wait()
	})
	return s
}

func (s *sink) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	if s.hang {
		_, _ = in.ReadString('\n')
		return
	}
	say("220 sink ESMTP")
	secure := false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		verb, _, _ = strings.Cut(verb, ":")
		s.mu.Lock()
		if verb == "MAIL" || verb == "RCPT" || verb == "AUTH" {
			s.envelope = append(s.envelope, line)
		}
		s.mu.Unlock()
		if answer := s.answers[verb]; answer != "" {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-sink")
			if !s.noTLS && !secure {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN")
		case "STARTTLS":
			say("220 go on")
			over := tls.Server(conn, s.config)
			if over.Handshake() != nil {
				return
			}
			conn, in, secure = over, bufio.NewReader(over), true
			s.mu.Lock()
			s.encrypted = true
			s.mu.Unlock()
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			s.Got <- text.String()
			say("250 taken")
		case "AUTH":
			say("235 hello")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// relay is the configuration by which a sink is spoken to.
func (s *sink) relay(t *testing.T, format string) *Mail {
	t.Helper()
	m, err := ParseMail(strings.Replace(format, "SINK", s.Address, 1))
	if err != nil {
		t.Fatal(err)
	}
	m.tls = &tls.Config{RootCAs: s.roots}
	m.To = []string{"clinic.example"}
	return m
}

// mailTo is a target of e-mails.
func mailTo(payload string, content notify.Content) notify.Target {
	return notify.Target{Subscription: "s1", Code: Email, Endpoint: "mailto:nurse@clinic.example", Media: payload, Content: content, Timeout: 5 * time.Second}
}

func TestAnEMailHasABodyForPeopleAndTheBundleAsAnAttachment(t *testing.T) {
	s := startSink(t, &sink{})
	channels := open(t, Config{Mail: s.relay(t, "smtp://ehr:secret@SINK/?from=ehr@clinic.example")})
	target := mailTo("text/plain;attach=application/fhir+json", notify.FullResource)
	if err := channels.Check(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	m := events(t, target, 4, 5)
	if err := channels.Send(t.Context(), target, m); err != nil {
		t.Fatal(err)
	}
	letter, err := mail.ReadMessage(strings.NewReader(<-s.Got))
	if err != nil {
		t.Fatal(err)
	}
	if to := letter.Header.Get("To"); to != "<nurse@clinic.example>" || letter.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("%v", letter.Header)
	}
	_, parameters, err := mime.ParseMediaType(letter.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(letter.Body, parameters["boundary"])
	body, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(body)
	if !strings.Contains(string(text), "events 4 to 5") || strings.Contains(string(text), "secret-patient") {
		t.Errorf("%s", text)
	}
	file, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	encoded, _ := io.ReadAll(file)
	attached, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(encoded), "\r\n", ""))
	if err != nil || string(attached) != string(m.Body) || !strings.HasPrefix(file.Header.Get("Content-Type"), "application/fhir+json") {
		t.Errorf("%v %v %s", err, file.Header, attached)
	}
	if !s.encrypted || len(s.envelope) != 3 || !strings.HasPrefix(s.envelope[0], "AUTH PLAIN ") || !strings.Contains(s.envelope[2], "<nurse@clinic.example>") {
		t.Errorf("encrypted %v, %v", s.encrypted, s.envelope)
	}
}

func TestAnEMailWithoutAttachmentHoldsNothingOfTheRecords(t *testing.T) {
	s := startSink(t, &sink{noTLS: true})
	channels := open(t, Config{Mail: s.relay(t, "smtp://SINK/?from=ehr@clinic.example&tls=off")})
	target := mailTo("text/plain", notify.FullResource)
	if err := channels.Check(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []notify.Kind{notify.Handshake, notify.OfEvents, notify.Heartbeat} {
		m := events(t, target, 7)
		m.Kind = kind
		if err := channels.Send(t.Context(), target, m); err != nil {
			t.Fatal(err)
		}
		letter, err := mail.ReadMessage(strings.NewReader(<-s.Got))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(letter.Body))
		if err != nil || strings.Contains(string(text), "secret-patient") || !strings.Contains(string(text), "https://ehr.example/fhir/Subscription/s1") || letter.Header.Get("Subject") == "" {
			t.Errorf("%v, %s", err, text)
		}
	}
}

func TestEMailsHoldResourcesByTLSAlone(t *testing.T) {
	s := startSink(t, &sink{noTLS: true})
	bare := open(t, Config{Mail: s.relay(t, "smtp://SINK/?from=ehr@clinic.example&tls=off")})
	full := mailTo("text/plain;attach=application/fhir+json", notify.FullResource)
	wantFault(t, bare.Check(t.Context(), full), "payload")
	if err := bare.Check(t.Context(), mailTo("text/plain;attach=application/fhir+xml", notify.IDOnly)); err != nil {
		t.Error(err)
	}
	// Where TLS is wanted and not offered, nothing is sent.
	secure := open(t, Config{Mail: s.relay(t, "smtp://SINK/?from=ehr@clinic.example")})
	if err := secure.Send(t.Context(), full, events(t, full, 1)); err == nil || !strings.Contains(err.Error(), "offers no TLS") {
		t.Error(err)
	}
	if len(s.Got) != 0 || len(s.envelope) != 0 {
		t.Errorf("it was told %v", s.envelope)
	}
}

func TestHeadersCannotBePutIntoAnEMail(t *testing.T) {
	s := startSink(t, &sink{})
	channels := open(t, Config{Mail: s.relay(t, "smtp://SINK/?from=ehr@clinic.example")})
	for _, endpoint := range []string{
		"", "nurse@clinic.example", "https://clinic.example", "mailto:", "mailto:a", "mailto:@b", "mailto:a@", "mailto:a@b,c@d", "mailto:a@b?bcc=c@d", "mailto:a@b%0D%0ABcc:%20c@d",
		"mailto:a@b\r\nBcc: c@d", "mailto:\"a b\"@c", "mailto:<a@b>", "mailto:a@b>%20SIZE=1", "mailto:a..b@c", "mailto:a@-b", "mailto:a@[127.0.0.1]", "mailto:ü@b", "mailto:%C3%BC@b", "mailto:" + strings.Repeat("a", 65) + "@b",
	} {
		target := mailTo("text/plain", notify.Empty)
		target.Endpoint = endpoint
		wantFault(t, channels.Check(t.Context(), target), "endpoint")
		if err := channels.Send(t.Context(), target, events(t, target, 1)); !notify.IsPermanent(err) {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	if len(s.Got) != 0 {
		t.Error("an e-mail left")
	}
}

func TestPayloadsOfEMailsAreForPeople(t *testing.T) {
	s := startSink(t, &sink{})
	channels := open(t, Config{Mail: s.relay(t, "smtp://SINK/?from=ehr@clinic.example")})
	for _, payload := range []string{"", "application/fhir+json", "text/html", "text/plain;attach=text/html", "text/plain;a=b", "text/plain;attach"} {
		wantFault(t, channels.Check(t.Context(), mailTo(payload, notify.Empty)), "payload")
	}
}

func TestEMailsGoToAllowedRecipientsAlone(t *testing.T) {
	s := startSink(t, &sink{})
	for _, c := range []struct {
		allowed []string
		reached []string
		refused []string
	}{
		{nil, nil, []string{"nurse@clinic.example"}},
		{[]string{"clinic.example"}, []string{"nurse@clinic.example", "NURSE@Clinic.Example"}, []string{"nurse@ward.clinic.example", "nurse@notclinic.example", "clinic.example@elsewhere.example"}},
		{[]string{".clinic.example"}, []string{"nurse@clinic.example", "nurse@ward.clinic.example"}, []string{"nurse@notclinic.example", "nurse@example"}},
		{[]string{"nurse@clinic.example", "b.example"}, []string{"nurse@clinic.example", "x@b.example"}, []string{"doctor@clinic.example", "a+nurse@clinic.example"}},
	} {
		mail := s.relay(t, "smtp://SINK/?from=ehr@clinic.example")
		mail.To = c.allowed
		channels := open(t, Config{Mail: mail})
		target := mailTo("text/plain", notify.Empty)
		for _, one := range c.reached {
			if target.Endpoint = "mailto:" + one; channels.Check(t.Context(), target) != nil {
				t.Errorf("%v: %s is refused", c.allowed, one)
			}
		}
		for _, one := range c.refused {
			target.Endpoint = "mailto:" + one
			wantFault(t, channels.Check(t.Context(), target), "endpoint")
			if err := channels.Send(t.Context(), target, events(t, target, 1)); !notify.IsPermanent(err) {
				t.Errorf("%v: an e-mail to %s: %v", c.allowed, one, err)
			}
		}
	}
	for text, ok := range map[string]bool{"a@b.example": true, "b.example": true, ".b.example": true, "": false, "@b.example": false, ".a@b.example": false, "a@": false, "mailto:a@b": false, "*.example": false} {
		if err := CheckRecipient(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWhatAMailServerSaysDecidesWhetherItIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		sink      *sink
		permanent bool
		want      string
	}{
		{&sink{answers: map[string]string{"RCPT": "550 no such user SECRET"}}, true, "refused the address with 550"},
		{&sink{answers: map[string]string{"RCPT": "451 later"}}, false, "put the e-mail off with 451"},
		{&sink{answers: map[string]string{"DATA": "554 spam"}}, false, "refused the e-mail with 554"},
		{&sink{answers: map[string]string{"AUTH": "535 wrong"}}, false, "did not take the password"},
		{&sink{hang: true}, false, "in time"},
	} {
		s := startSink(t, c.sink)
		channels := open(t, Config{Mail: s.relay(t, "smtp://ehr:secret@SINK/?from=ehr@clinic.example")})
		target := mailTo("text/plain", notify.Empty)
		target.Timeout = time.Second
		err := channels.Send(t.Context(), target, events(t, target, 1))
		if err == nil || notify.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v, permanent %v", c.want, err, notify.IsPermanent(err))
		}
	}
}

func TestTheURLOfAMailServerIsChecked(t *testing.T) {
	for _, text := range []string{"", "mail.example", "http://mail.example/?from=a@b", "smtp://mail.example", "smtp://mail.example/?from=a", "smtp://mail.example/?from=a@b&x=y", "smtp://u:p@mail.example/?from=a@b&tls=off", "smtps://mail.example/?from=a@b&tls=off", "smtp://mail.example/x?from=a@b"} {
		if _, err := ParseMail(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for text, address := range map[string]string{"smtp://mail.example/?from=a@b": "mail.example:587", "smtps://mail.example?from=a@b": "mail.example:465", "smtp://[::1]:25/?from=a@b&tls=off": "[::1]:25"} {
		if m, err := ParseMail(text); err != nil || m.address != address {
			t.Errorf("%q: %+v, %v", text, m, err)
		}
	}
}
