package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestTheEncodingOfAnAnswerIsNegotiated(t *testing.T) {
	for header, want := range map[string]string{
		"": "", "gzip": "gzip", "zstd": "zstd", "gzip, zstd": "zstd", "br": "", "*": "gzip", "identity": "",
		"gzip;q=1, zstd;q=0.5": "gzip", "gzip;q=0": "", "GZIP": "gzip", "gzip;q=2": "", "br, gzip;q=0.1": "gzip",
	} {
		if got := acceptEncoding([]string{header}); got != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", header, got, want)
		}
	}
}

func TestALargeAnswerIsCompressed(t *testing.T) {
	text := strings.Repeat("compress me ", 10_000)
	url, log := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+json")
		w.Header().Set("Content-Length", "120000")
		for part := range 10 {
			_, _ = io.WriteString(w, text[part*12_000:(part+1)*12_000])
		}
	})
	for range 3 { // the encoders are pooled
		resp, body := get(t, url+"/x/", "Accept-Encoding", "gzip")
		r, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(r)
		if err != nil || string(plain) != text || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("gzip: %v, %d bytes, %v", err, len(plain), resp.Header)
		}
		resp, body = get(t, url+"/x/", "Accept-Encoding", "zstd")
		d, err := zstd.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		plain, err = io.ReadAll(d)
		d.Close()
		if err != nil || string(plain) != text || resp.Header.Get("Content-Encoding") != "zstd" || !strings.Contains(resp.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("zstd: %v, %d bytes, %v", err, len(plain), resp.Header)
		}
	}
	if strings.Contains(log.String(), "bytes=120000") {
		t.Error("the log counts bytes before compression")
	}
}

func TestSmallAndForeignAnswersAreNotCompressed(t *testing.T) {
	url, _ := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/x/small":
			w.Header().Set("Content-Type", "application/fhir+json")
			_, _ = io.WriteString(w, "{}")
		case "/x/image":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(bytes.Repeat([]byte("x"), 10_000))
		case "/x/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/x/range":
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Range", "bytes 0-9999/20000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(bytes.Repeat([]byte("x"), 10_000))
		}
	})
	for path, status := range map[string]int{"small": 200, "image": 200, "empty": 204, "range": 206} {
		resp, _ := get(t, url+"/x/"+path, "Accept-Encoding", "gzip")
		if resp.StatusCode != status || resp.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
}

func TestAFlushedAnswerArrivesInPieces(t *testing.T) {
	next := make(chan struct{})
	url, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "one")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-next
		_, _ = io.WriteString(w, "two")
	})
	resp, err := http.Get(url + "/x/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 3)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "one" {
		t.Errorf("%q %v", first, err)
	}
	close(next)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "two" {
		t.Errorf("%q %v", rest, err)
	}
}
