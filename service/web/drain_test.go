package web

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// held is a site with a tenant whose requests wait for wait.
func held(t *testing.T, wait func(*http.Request) error) (*Site, string, chan error) {
	entered := make(chan error, 10)
	s := New(Config{})
	s.Handle("/t/{tenant}/", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- nil
		entered <- wait(r)
	}))
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL, entered
}

func TestAShutTenantIsDrainedAndNobodyElse(t *testing.T) {
	let := make(chan struct{})
	s, url, entered := held(t, func(*http.Request) error { <-let; return nil })
	answered := make(chan int, 1)
	go func() {
		resp, _ := get(t, url+"/t/east/x")
		answered <- resp.StatusCode
	}()
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	shut := make(chan struct{})
	go func() {
		s.Shut(context.WithoutCancel(t.Context()), "east")
		close(shut)
	}()
	for isShut := false; !isShut; time.Sleep(time.Millisecond) {
		s.coming.Lock()
		isShut = s.guests["east"].shut
		s.coming.Unlock()
	}
	if resp, _ := get(t, url+"/t/east/y"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a tenant that is shut answers %d", resp.StatusCode)
	}
	select {
	case <-shut:
		t.Error("it did not wait for the request under way")
	default:
	}
	close(let)
	<-shut
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request under way was answered with %d", status)
	}
	if resp, _ := get(t, url+"/t/west/x"); resp.StatusCode != http.StatusOK {
		t.Errorf("another tenant answers %d", resp.StatusCode)
	}
	s.Reopen("east")
	if resp, _ := get(t, url+"/t/east/x"); resp.StatusCode != http.StatusOK {
		t.Errorf("it is open again and answers %d", resp.StatusCode)
	}
	s.coming.Lock()
	defer s.coming.Unlock()
	if len(s.guests) != 0 {
		t.Errorf("%d tenants are remembered without a request", len(s.guests))
	}
}

func TestWhatGoesOnAtAShutTenantIsCutOff(t *testing.T) {
	s, url, entered := held(t, func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() })
	answered := make(chan struct{})
	go func() {
		get(t, url+"/t/east/live")
		close(answered)
	}()
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	s.Shut(ctx, "east")
	if err := <-entered; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-answered
}

func TestAClientThatSendsOrReadsSlowlyHoldsNoTenantThatIsShut(t *testing.T) {
	for what, handle := range map[string]func(http.ResponseWriter, *http.Request) error{
		"sends": func(_ http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		},
		"reads": func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.Copy(w, rand.Reader)
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			entered, left := make(chan struct{}), make(chan error, 1)
			s := New(Config{Patience: time.Hour})
			s.Handle("/t/{tenant}/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				left <- handle(w, r)
			}))
			server := httptest.NewServer(s)
			t.Cleanup(server.Close)
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, "POST /t/east/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegun"); err != nil {
				t.Fatal(err)
			}
			<-entered
			ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
			defer stop()
			s.Shut(ctx, "east")
			if err := <-left; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
		})
	}
}
