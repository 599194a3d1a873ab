package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// tlsFlags say how the server speaks TLS, of version 1.2 at least.
type tlsFlags struct {
	TLSCert string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain in PEM. It is read again when it changes."`
	TLSKey  string `name:"tls-key" placeholder:"FILE" help:"Its private key in PEM."`
	TLSDev  bool   `name:"tls-dev" help:"TLS with a certificate that the server signs itself, for development. It is kept with the records."`
}

func (f tlsFlags) on() bool { return f.TLSDev || f.TLSCert != "" }

// transport is how connections are served.
type transport struct {
	config *tls.Config // nil: without TLS
	print  string      // SHA-256 of a certificate that nobody else has signed
}

// tls prepares what the flags say. A certificate of its own is kept in dir,
// unless that vanishes or the records are elsewhere.
func (f tlsFlags) tls(dir string, ephemeral, elsewhere bool) (*transport, error) {
	switch {
	case f.TLSDev && (f.TLSCert != "" || f.TLSKey != ""):
		return nil, usage("--tls-dev excludes --tls-cert and --tls-key")
	case (f.TLSCert == "") != (f.TLSKey == ""):
		return nil, usage("--tls-cert and --tls-key belong together")
	case f.TLSCert != "":
		files := &certificateFiles{cert: f.TLSCert, key: f.TLSKey}
		if _, err := files.get(nil); err != nil {
			return nil, usage("--tls-cert %s, --tls-key %s: %v", f.TLSCert, f.TLSKey, err)
		}
		return &transport{config: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get}}, nil
	case f.TLSDev:
		if ephemeral || elsewhere {
			dir = ""
		}
		own, err := ownCertificate(dir, time.Now())
		if err != nil {
			return nil, fmt.Errorf("the certificate of --tls-dev: %w", err)
		}
		return &transport{
			config: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}},
			print:  fmt.Sprintf("%X", sha256.Sum256(own.Certificate[0])),
		}, nil
	}
	return &transport{}, nil
}

// serve serves until the server is shut down.
func (t *transport) serve(server *http.Server, listener net.Listener) error {
	if t.config == nil {
		return server.Serve(listener)
	}
	server.TLSConfig = t.config
	return server.ServeTLS(listener, "", "")
}

// until is until when the certificate is good; false without TLS.
func (t *transport) until() (time.Time, bool) {
	if t.config == nil {
		return time.Time{}, false
	}
	var leaf *x509.Certificate
	if get := t.config.GetCertificate; get != nil {
		if pair, err := get(nil); err == nil {
			leaf = pair.Leaf
		}
	} else if len(t.config.Certificates) > 0 {
		leaf = t.config.Certificates[0].Leaf
	}
	if leaf == nil {
		return time.Time{}, false
	}
	return leaf.NotAfter, true
}

func (t *transport) greet(out io.Writer) {
	if t.print != "" {
		fmt.Fprintln(out, "TLS with a certificate of its own, for development. Browsers warn of it; its SHA-256 is", t.print)
	}
}

// certificateFiles are read again when they have changed, so that a renewed
// certificate needs no restart.
type certificateFiles struct {
	cert, key string

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed time.Time // of the newer file when it was loaded
	looked  time.Time
}

// lookAgain is how long the files are trusted to be what they were.
const lookAgain = 10 * time.Second

// get is tls.Config.GetCertificate. Files that cannot be read leave the former
// certificate in use.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.loaded != nil && now.Sub(f.looked) < lookAgain {
		return f.loaded, nil
	}
	f.looked = now
	changed, err := newer(f.cert, f.key)
	if err == nil && (f.loaded == nil || !changed.Equal(f.changed)) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(f.cert, f.key); err == nil {
			f.loaded, f.changed = &pair, changed
		}
	}
	if f.loaded != nil {
		return f.loaded, nil
	}
	return nil, err
}

// newer is when the younger of some files was changed.
func newer(files ...string) (t time.Time, err error) {
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return t, err
		}
		if info.ModTime().After(t) {
			t = info.ModTime()
		}
	}
	return t, nil
}

// ownName is the file of a certificate that the server signed itself.
const ownName = "tls-dev.pem"

// ownCertificate is the certificate in dir, made if there is none or it ends
// soon; "" keeps none.
func ownCertificate(dir string, now time.Time) (tls.Certificate, error) {
	file := filepath.Join(dir, ownName)
	if dir != "" {
		pair, err := tls.LoadX509KeyPair(file, file)
		if err == nil && pair.Leaf.NotAfter.After(now.AddDate(0, 0, 7)) {
			return pair, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return pair, fmt.Errorf("%s: %w; delete it, and another one is made", file, err)
		}
	}
	content, err := signOwn(now)
	if err != nil {
		return tls.Certificate{}, err
	}
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return tls.Certificate{}, err
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.X509KeyPair(content, content)
}

// signOwn makes a certificate for this machine, and its key, in PEM.
func signOwn(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		names = append(names, host)
	}
	template := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Ingle, for development"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 3, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return append(content, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})...), nil
}
