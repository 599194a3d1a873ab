package guard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Unreached says why a call to the host of what another named was not answered: "there
// is no host of the endpoint's name". It says nothing that only this server's network
// knows, such as the address of a name. ErrPrivate stays in the chain.
func Unreached(err error, what string) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, ErrPrivate):
		return &private{what + " leads to a private address, which this server does not speak to"}
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("there is no host of %s's name", what)
	case errors.As(err, &dns):
		return fmt.Errorf("%s's name could not be looked up", what)
	case IsTLS(err):
		return fmt.Errorf("%s's TLS certificate is not valid for it", what)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s refused the connection: nobody listens there", what)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%s did not answer in time", what)
	}
	return fmt.Errorf("the connection to %s broke off", what)
}

// private is ErrPrivate in other words.
type private struct{ text string }

func (p *private) Error() string { return p.text }
func (p *private) Unwrap() error { return ErrPrivate }

// IsTLS says whether TLS failed, as with a certificate that is not valid.
func IsTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &record)
}
