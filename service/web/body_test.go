package web

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

func echoSize(w http.ResponseWriter, r *http.Request) {
	body, err := ReadBody(r)
	if err != nil {
		Fail(w, r, err)
		return
	}
	fmt.Fprint(w, len(body))
}

func post(t *testing.T, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	return exchange(t, http.MethodPost, url, body, header...)
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

func TestABodyIsDecodedAsItsContentEncodingSays(t *testing.T) {
	url, _ := serve(t, Config{}, echoSize)
	data := []byte(strings.Repeat(`{"resourceType":"Patient"}`, 1000))
	for encoding, body := range map[string][]byte{"": data, "identity": data, "gzip": gzipped(t, data), "zstd": zstded(t, data)} {
		for range 3 { // the decoders are pooled
			resp, answer := post(t, url+"/x/", bytes.NewReader(body), "Content-Encoding", encoding)
			if resp.StatusCode != 200 || answer != fmt.Sprint(len(data)) {
				t.Errorf("%q: %d %s", encoding, resp.StatusCode, answer)
			}
		}
	}
}

func TestABodyThatCannotBeDecodedIsRefused(t *testing.T) {
	url, _ := serve(t, Config{}, echoSize)
	good := gzipped(t, []byte(strings.Repeat("x", 10_000)))
	for name, c := range map[string]struct {
		encoding string
		body     []byte
		status   int
	}{
		"unknown encoding": {"br", []byte("x"), 415},
		"two encodings":    {"gzip, gzip", good, 415},
		"not gzip":         {"gzip", []byte("plain text"), 400},
		"cut gzip":         {"gzip", good[:len(good)-5], 400},
		"not zstd":         {"zstd", []byte("plain text"), 400},
	} {
		if resp, answer := post(t, url+"/x/", bytes.NewReader(c.body), "Content-Encoding", c.encoding); resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, resp.StatusCode, answer)
		}
	}
}

func TestAZipBombIsRefused(t *testing.T) {
	url, _ := serve(t, Config{}, echoSize)
	bomb := make([]byte, 60<<20)
	for encoding, body := range map[string][]byte{"gzip": gzipped(t, bomb), "zstd": zstded(t, bomb)} {
		resp, answer := post(t, url+"/x/", bytes.NewReader(body), "Content-Encoding", encoding)
		if resp.StatusCode != 413 || !strings.Contains(answer, "too-costly") {
			t.Errorf("%s: %d %s", encoding, resp.StatusCode, answer)
		}
	}
}

func TestADecompressedBodyHasTheSameLimitAsAPlainOne(t *testing.T) {
	url, _ := serve(t, Config{MaxBody: 1 << 20}, echoSize)
	data := make([]byte, 2<<20)
	for i := range data { // compressible about 4:1, far below the ratio
		data[i] = byte(i*i*31>>3) & 3
	}
	if resp, answer := post(t, url+"/x/", bytes.NewReader(gzipped(t, data)), "Content-Encoding", "gzip"); resp.StatusCode != 413 {
		t.Errorf("%d %s", resp.StatusCode, answer)
	}
}

// endless gives size bytes and counts what was taken.
type endless struct{ size, taken int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.taken >= e.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.size-e.taken)
	e.taken += n
	return int(n), nil
}

func TestABodyOfAGigabyteIsRefusedEarlyInBoundedMemory(t *testing.T) {
	url, _ := serve(t, Config{MaxBody: 8 << 20}, echoSize)
	for name, announced := range map[string]bool{"with Content-Length": true, "chunked": false} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			body := &endless{size: 1 << 30}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/x/", body)
			if err != nil {
				t.Fatal(err)
			}
			if announced {
				req.ContentLength = body.size
			}
			resp, err := new(http.Transport).RoundTrip(req)
			if err == nil {
				defer resp.Body.Close()
				if resp.StatusCode != 413 {
					t.Errorf("status %d", resp.StatusCode)
				}
			} else if !announced {
				t.Logf("the connection was closed while the client still sent: %v", err)
			}
			runtime.ReadMemStats(&after)
			if body.taken > 64<<20 {
				t.Errorf("%d bytes were taken before the refusal", body.taken)
			}
			if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 64<<20 {
				t.Errorf("%d bytes were allocated", grown)
			}
		})
	}
}

func TestAClientThatSendsSomewhatTooMuchHearsSo(t *testing.T) {
	url, _ := serve(t, Config{MaxBody: 8 << 20}, echoSize)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// It sends everything before it reads, as many clients do.
	if _, err := fmt.Fprintf(conn, "POST /x/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 15<<20); err != nil {
		t.Fatal(err)
	}
	for range 15 {
		if _, err := conn.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// later sends a request in the background; the channel gives its status, 0 when
// there was no answer.
func later(send func() (*http.Response, error)) <-chan int {
	status := make(chan int, 1)
	go func() {
		resp, err := send()
		if err != nil {
			status <- 0
			return
		}
		resp.Body.Close()
		status <- resp.StatusCode
	}()
	return status
}

func TestBodiesShareOneMemoryBudget(t *testing.T) {
	held := make(chan struct{})
	release := make(chan struct{})
	url, _ := serve(t, Config{MaxBody: 4 << 20, MaxBodies: 4 << 20, Patience: time.Second}, func(w http.ResponseWriter, r *http.Request) {
		if _, err := ReadBody(r); err != nil {
			Fail(w, r, err)
			return
		}
		if r.URL.Path == "/x/hold" {
			close(held)
			<-release
		}
	})
	data := make([]byte, 3<<20)
	done := later(func() (*http.Response, error) { return http.Post(url+"/x/hold", "text/plain", bytes.NewReader(data)) })
	<-held
	var once sync.Once
	let := func() { once.Do(func() { close(release) }) }
	defer let()
	if resp, answer := post(t, url+"/x/", bytes.NewReader(data)); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a second large body: %d %s", resp.StatusCode, answer)
	}
	if resp, answer := post(t, url+"/x/", strings.NewReader("small")); resp.StatusCode != 200 {
		t.Errorf("a small body: %d %s", resp.StatusCode, answer)
	}
	let()
	if status := <-done; status != 200 {
		t.Errorf("the first large body: %d", status)
	}
	if resp, answer := post(t, url+"/x/", bytes.NewReader(data)); resp.StatusCode != 200 {
		t.Errorf("after the first: %d %s", resp.StatusCode, answer)
	}
}

func TestLargeAnswersShareOneMemoryBudget(t *testing.T) {
	held, release := make(chan struct{}), make(chan struct{})
	url, _ := serve(t, Config{MaxBody: 1 << 20, MaxBodies: 4 << 20, Patience: time.Second}, func(w http.ResponseWriter, r *http.Request) {
		size := int64(3 << 20)
		if r.URL.Path == "/x/small" {
			size = 1000
		}
		if err := From(r.Context()).Hold(r.Context(), size); err != nil {
			Fail(w, r, err)
			return
		}
		if r.URL.Path == "/x/hold" {
			close(held)
			<-release
		}
	})
	done := later(func() (*http.Response, error) { return http.Get(url + "/x/hold") })
	<-held
	if resp, answer := get(t, url+"/x/"); resp.StatusCode != 503 {
		t.Errorf("a second large answer: %d %s", resp.StatusCode, answer)
	}
	if resp, answer := get(t, url+"/x/small"); resp.StatusCode != 200 {
		t.Errorf("a small answer: %d %s", resp.StatusCode, answer)
	}
	close(release)
	if status := <-done; status != 200 {
		t.Errorf("the first large answer: %d", status)
	}
	if resp, answer := get(t, url+"/x/"); resp.StatusCode != 200 {
		t.Errorf("after the first: %d %s", resp.StatusCode, answer)
	}
}

func TestAClientThatStopsSendingIsCutOff(t *testing.T) {
	failed := make(chan error, 1)
	url, _ := serve(t, Config{Patience: 200 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		_, err := ReadBody(r)
		failed <- err
		if err != nil {
			Fail(w, r, err)
		}
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	fmt.Fprintf(conn, "POST /x/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
	select {
	case err := <-failed:
		if err == nil {
			t.Error("the body is taken for complete")
		}
	case <-time.After(time.Minute):
		t.Error("the server waits for ever")
	}
}

func TestAClientThatStopsReadingIsCutOff(t *testing.T) {
	ended := make(chan struct{})
	url, _ := serve(t, Config{Patience: 300 * time.Millisecond, MinRate: 1 << 30}, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		w.Header().Set("Content-Type", "application/octet-stream")
		for range 1000 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	fmt.Fprintf(conn, "GET /x/ HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the handler hangs on a client that does not read")
	}
}

func TestASlowHandlerIsNotCutOff(t *testing.T) {
	url, _ := serve(t, Config{Patience: time.Second}, func(w http.ResponseWriter, r *http.Request) {
		if _, err := ReadBody(r); err != nil {
			Fail(w, r, err)
			return
		}
		time.Sleep(1500 * time.Millisecond) // a long transaction
		if r.Context().Err() != nil {
			t.Error("the request was cancelled while it was handled")
		}
		_, _ = io.WriteString(w, "committed")
	})
	client := &http.Client{}
	for range 2 { // the second on the same connection
		resp, err := client.Post(url+"/x/", "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != "committed" {
			t.Errorf("got %q, %v", body, err)
		}
	}
}
