package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheOwnCertificateIsKeptUntilItEnds(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	own := func(at time.Time) []byte {
		t.Helper()
		pair, err := ownCertificate(dir, at)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Certificate[0]
	}
	first := own(now)
	if !bytes.Equal(own(now), first) {
		t.Error("another one at the second start")
	}
	if bytes.Equal(own(now.AddDate(0, 3, -3)), first) {
		t.Error("the same one, though it ends soon")
	}
	info, err := os.Stat(filepath.Join(dir, ownName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its file: %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, ownName), []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ownCertificate(dir, now); err == nil {
		t.Error("a damaged file is taken")
	}
}

func TestARenewedCertificateIsTakenWithoutARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pair.pem")
	write := func(at time.Time) {
		t.Helper()
		content, err := signOwn(time.Now())
		if err == nil {
			err = os.WriteFile(file, content, 0o600)
		}
		if err == nil {
			err = os.Chtimes(file, at, at)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	files := &certificateFiles{cert: file, key: file}
	get := func() []byte {
		t.Helper()
		files.looked = time.Time{}
		pair, err := files.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Certificate[0]
	}
	write(time.Unix(1000, 0))
	first := get()
	write(time.Unix(2000, 0))
	second := get()
	if bytes.Equal(first, second) {
		t.Error("the former one is still given")
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(get(), second) {
		t.Error("a file being written took the certificate away")
	}
}

func TestOldVersionsOfTLSAreRefused(t *testing.T) {
	own, err := tlsFlags{TLSDev: true}.tls("", true, false)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(own.config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	believed := x509.NewCertPool()
	believed.AddCert(leaf)
	t.Run("--tls-dev", func(t *testing.T) { refusesOldVersions(t, own, believed) })
	file, roots := certificateFile(t)
	given, err := tlsFlags{TLSCert: file, TLSKey: file}.tls("", true, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("--tls-cert", func(t *testing.T) { refusesOldVersions(t, given, roots) })
}

// certificateFile is a certificate that another authority might have signed, with
// its key, and who believes it.
func certificateFile(t *testing.T) (file string, roots *x509.CertPool) {
	t.Helper()
	content, err := signOwn(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "pair.pem")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(content)
	return file, roots
}

// A server of the binary with a certificate serves over TLS alone, marks its
// cookies and tells browsers to stay with it.
func TestAServerWithACertificateIsReachedByTLSOnly(t *testing.T) {
	file, roots := certificateFile(t)
	p := startClosed(t, "--data", filepath.Join(t.TempDir(), "records"), "--tls-cert", file, "--tls-key", file)
	browser := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := browser.Get(strings.TrimSuffix(p.url, "/fhir") + "/account")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if to := resp.Header.Get("Location"); !strings.HasPrefix(to, "https://127.0.0.1:") || resp.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("%s: %v", resp.Status, resp.Header)
	}
	plain, err := http.Get(strings.Replace(p.url, "https:", "http:", 1) + "/metadata")
	if err != nil {
		t.Fatal(err)
	}
	plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS: %s", plain.Status)
	}
}

func refusesOldVersions(t *testing.T, secure *transport, roots *x509.CertPool) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })}
	done := make(chan error, 1)
	go func() { done <- secure.serve(server, listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		client := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: version}
		// By itself, since HTTP/2 would refuse an old version later.
		conn, err := tls.Dial("tcp", listener.Addr().String(), client)
		if ok := err == nil; ok != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err != nil {
			continue
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: client}
		resp, err := (&http.Client{Transport: transport}).Get("https://" + listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		proto, err := io.ReadAll(resp.Body)
		if err != nil || string(proto) != "HTTP/2.0" {
			t.Errorf("%s speaks %s, %v", tls.VersionName(version), proto, err)
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
	}
}
