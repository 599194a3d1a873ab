package subscribe

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/records/notify"
)

// mailer sends notifications by e-mail: a body for people, and for programs the
// Bundle as an attachment when the payload says so.
type mailer struct{ to Mail }

// Attachment is the media type of the Bundle that a channel attaches to what people
// read, "" for none: of the payload "text/plain;attach=application/fhir+json" it is
// application/fhir+json. Of payloads that are not for people ok is false.
//
// The guide writes that parameter without the quotes that MIME asks for.
func Attachment(payload string) (media string, ok bool) {
	body, parameters, _ := strings.Cut(payload, ";")
	if !strings.EqualFold(strings.TrimSpace(body), "text/plain") {
		return "", false
	}
	for one := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		value = strings.Trim(value, `"`)
		switch {
		case name == "" && parameters == "", strings.EqualFold(name, "charset"):
		case strings.EqualFold(name, "attach") && media == "" && (value == "application/fhir+json" || value == "application/fhir+xml"):
			media = value
		default:
			return "", false
		}
	}
	return media, true
}

// Check implements notify.Channel.
func (m *mailer) Check(_ context.Context, t notify.Target) error {
	if _, ok := address(t.Endpoint); !ok {
		return refuse("endpoint", "The endpoint of an e-mail is one plain address: mailto:name@example.org.")
	}
	attached, ok := Attachment(t.Media)
	switch {
	case !m.to.reaches(t.Endpoint):
		return refuse("endpoint", "This server sends no e-mails of subscriptions to that address. Whoever runs it can allow the address, or its domain, with --smtp-recipient.")
	case !ok:
		return refuse("payload", "The payload of an e-mail is text/plain, or with an attached Bundle text/plain;attach=application/fhir+json or text/plain;attach=application/fhir+xml.")
	case len(t.Headers) > 0:
		return refuse("header", "E-mails have no headers of subscribers.")
	case t.Content == notify.FullResource && attached != "" && !m.to.secure():
		return refuse("payload", "This server hands e-mails over without TLS, so they must not hold resources: choose the content empty or id-only.")
	}
	return nil
}

// plain is an address whose every character stands for itself (RFC 5321 §4.1.2
// Dot-string), so that no header can be made of it.
var plain = regexp.MustCompile(`^[A-Za-z0-9!#$&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$&'*+/=?^_{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// address is that of a mailto: URL which holds nothing else.
func address(endpoint string) (string, bool) {
	text, ok := strings.CutPrefix(endpoint, "mailto:")
	if !ok {
		return "", false
	}
	text, err := url.PathUnescape(text)
	local, _, _ := strings.Cut(text, "@")
	return text, err == nil && len(text) <= 254 && len(local) <= 64 && plain.MatchString(text)
}

// reaches says whether subscribers may have e-mails sent to the address of an endpoint.
func (m *Mail) reaches(endpoint string) bool {
	to, _ := address(endpoint)
	to = strings.ToLower(to)
	_, host, _ := strings.Cut(to, "@")
	return slices.ContainsFunc(m.To, func(one string) bool {
		one = strings.ToLower(one)
		domain, below := strings.CutPrefix(one, ".")
		return to == one || host == domain || below && strings.HasSuffix(host, one)
	})
}

// CheckRecipient says what is wrong with an entry of Mail.To.
func CheckRecipient(text string) error {
	one := strings.TrimPrefix(text, ".")
	if !strings.Contains(one, "@") {
		one = "name@" + one
	} else if one != text {
		one = ""
	}
	if !plain.MatchString(one) {
		return errors.New("it looks like name@example.org, example.org or .example.org")
	}
	return nil
}

// Send implements notify.Channel.
func (m *mailer) Send(ctx context.Context, t notify.Target, msg notify.Message) error {
	if err := m.Check(ctx, t); err != nil {
		return notify.Permanent(err)
	}
	to, _ := address(t.Endpoint)
	attached, _ := Attachment(t.Media)
	letter := letter{from: m.to.From, to: to, target: t, message: msg, attached: attached}
	text, err := letter.compose()
	if err != nil {
		return err
	}
	return m.to.deliver(ctx, to, text)
}
