package guard

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestOnlyThePublicInternetIsPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.216.34": true, "2606:4700::1111": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false,
		"255.255.255.255": false, "224.0.0.1": false, "198.18.0.1": false, "::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false,
		"fd12::1": false, "ff02::1": false, "::ffff:10.0.0.1": false, "::ffff:100.64.0.1": false, "::10.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "2001:db8::1": false, "fec0::1": false, "3fff::1": false, "5f00::1": false,
	} {
		if got := (&Guard{}).May(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func places(t *testing.T, texts ...string) (all []Place) {
	t.Helper()
	for _, text := range texts {
		p, err := ParsePlace(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestPrivatePlacesAreReachedWhereTheyAreAllowed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for _, c := range []struct {
		allowed []string
		host    string
		want    bool
	}{
		{nil, "127.0.0.1", false}, {nil, "localhost", false},
		{[]string{"127.0.0.1"}, "127.0.0.1", true}, {[]string{"127.0.0.0/8"}, "127.0.0.1", true}, {[]string{"10.0.0.0/8"}, "127.0.0.1", false},
		{[]string{"localhost"}, "LOCALHOST", true}, {[]string{"localhost"}, "127.0.0.1", false}, {[]string{"other"}, "localhost", false},
		{[]string{"127.0.0.1"}, "::ffff:127.0.0.1", true},
	} {
		g := &Guard{Places: places(t, c.allowed...), Hint: "allow it"}
		conn, err := g.Dial(t.Context(), "tcp4", net.JoinHostPort(c.host, port), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		if c.want && err != nil || !c.want && (!errors.Is(err, ErrPrivate) || !strings.Contains(err.Error(), "allow it")) {
			t.Errorf("%v allowed, %s: %v", c.allowed, c.host, err)
		}
	}
}

func TestADotAllowsWhatIsBelowADomain(t *testing.T) {
	g := &Guard{Places: places(t, ".Example.org", "one.net")}
	for host, want := range map[string]bool{"a.example.org": true, "a.b.example.org.": true, "example.org": false, "badexample.org": false, "one.net": true, "a.one.net": false} {
		if g.Named(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
}

func TestWhatIsNoPlaceIsRefused(t *testing.T) {
	for _, text := range []string{"", ".", "http://a", "a:80", "a b", "*.example", "10.0.0.0/99"} {
		if p, err := ParsePlace(text); err == nil {
			t.Errorf("%q is %v", text, p)
		}
	}
}
