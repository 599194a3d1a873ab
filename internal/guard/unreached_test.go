package guard

import (
	"errors"
	"net"
	"net/url"
	"testing"
	"time"
)

func TestWhyNothingWasReachedTellsNothingOfTheNetwork(t *testing.T) {
	_, private := (&Guard{Hint: "allow it"}).Dial(t.Context(), "tcp4", "127.0.0.1:1", time.Second)
	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	_ = closed.Close()
	_, refused := (&Guard{All: true}).Dial(t.Context(), "tcp4", address, time.Second)
	for want, err := range map[string]error{
		"the server leads to a private address, which this server does not speak to": private,
		"the server refused the connection: nobody listens there":                    refused,
		"there is no host of the server's name":                                      &net.DNSError{Err: "no such host", Name: "x.internal", Server: "10.0.0.10:53", IsNotFound: true},
		"the server's name could not be looked up":                                   &net.DNSError{Err: "server misbehaving", Name: "x.internal", Server: "10.0.0.10:53"},
		"the server did not answer in time":                                          &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}, Err: late{}},
		"the connection to the server broke off":                                     &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}, Err: errors.New("reset")},
	} {
		got := Unreached(&url.Error{Op: "Get", URL: "https://x.internal/", Err: err}, "the server")
		if got.Error() != want || errors.Is(got, ErrPrivate) != errors.Is(err, ErrPrivate) {
			t.Errorf("%v, not %s", got, want)
		}
	}
}

// late is an error of a time that is over.
type late struct{}

func (late) Error() string   { return "i/o timeout" }
func (late) Timeout() bool   { return true }
func (late) Temporary() bool { return true }
