package subscribe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/records/notify"
)

// unreached says in a subscriber's words why an endpoint was not reached. It says
// nothing that only this server's network knows, such as the address of a name.
func unreached(err error, within time.Duration) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, guard.ErrPrivate):
		return notify.Permanent(errors.New("the endpoint leads to a private address, which this server does not speak to"))
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the endpoint did not answer within %s", within)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &dns) && dns.IsNotFound:
		return errors.New("there is no host of the endpoint's name")
	case errors.As(err, &dns):
		return errors.New("the endpoint's name could not be looked up")
	case isTLS(err):
		return errors.New("the endpoint's TLS certificate is not valid for it")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("the endpoint refused the connection: nobody listens there")
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errors.New("no connection to the endpoint came about in time")
	}
	return errors.New("the connection to the endpoint broke off")
}

func isTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &record)
}
