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
	pair, err := signOwn(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pair.pem")
	if err := os.WriteFile(file, pair, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, flags := range map[string]tlsFlags{"of its own": {TLSDev: true}, "of files": {TLSCert: file, TLSKey: file}} {
		t.Run(name, func(t *testing.T) { speaksNewTLSOnly(t, flags) })
	}
}

func speaksNewTLSOnly(t *testing.T, flags tlsFlags) {
	secure, err := flags.tls("", true, false)
	if err != nil {
		t.Fatal(err)
	}
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
	given, err := certificateOf(secure.config)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(given.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
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

func certificateOf(c *tls.Config) (*tls.Certificate, error) {
	if c.GetCertificate != nil {
		return c.GetCertificate(nil)
	}
	return &c.Certificates[0], nil
}
