package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// downloads are fetched at a time.
const downloads = 4

// export makes a Bulk Data export of the whole server: it kicks off, waits for the
// manifest, and fetches all files, whose lines it counts. Elapsed is from the kick-off to
// the last byte.
func export(ctx context.Context, r *run) (Result, error) {
	x := &exporting{run: r, client: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: downloads}}}
	defer x.client.CloseIdleConnections()
	result := Result{Workload: exportWorkload, Resources: r.written}
	began := time.Now()
	files, err := x.files(ctx)
	if refused, ok := errors.AsType[*refusal](err); ok {
		result.NotAnswered = refused.Error()
		return result, nil
	}
	if err != nil {
		return result, err
	}
	made := time.Since(began)
	if err := x.fetch(ctx, files); err != nil {
		return result, err
	}
	result.Elapsed, result.Requests = time.Since(began), int(x.requests.Load())
	lines := float64(x.lines.Load())
	result.ResourcesPerSecond = lines / result.Elapsed.Seconds()
	result.PerSecond = float64(result.Requests) / result.Elapsed.Seconds()
	result.Note = fmt.Sprintf("%.0f resources in %d files, made in %s, %.0f a second", lines, len(files), made.Round(10*time.Millisecond), lines/made.Seconds())
	return result, nil
}

const exportWorkload = "export"

// exporting is one export.
type exporting struct {
	*run
	client   *http.Client
	requests atomic.Int64
	lines    atomic.Int64
}

// get sends a request; the caller closes the body.
func (x *exporting) get(ctx context.Context, method, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", fhirJSON)
	r.Header.Set("Prefer", "respond-async")
	if x.o.Token != "" {
		r.Header.Set("Authorization", "Bearer "+x.o.Token)
	}
	x.requests.Add(1)
	return x.client.Do(r)
}

// files begins an export and waits for its manifest.
func (x *exporting) files(ctx context.Context) ([]string, error) {
	resp, err := x.get(ctx, http.MethodGet, x.base.String()+"/$export")
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	at := resp.Header.Get("Content-Location")
	if resp.StatusCode != http.StatusAccepted || at == "" {
		return nil, &refusal{"/$export", resp.StatusCode, fmt.Sprintf("%.200s", text)}
	}
	for {
		files, wait, err := x.poll(ctx, at)
		if err != nil || wait == 0 {
			return files, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

// poll asks after an export; wait is 0 when it is done.
func (x *exporting) poll(ctx context.Context, at string) (files []string, wait time.Duration, err error) {
	resp, err := x.get(ctx, http.MethodGet, at)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusAccepted, http.StatusTooManyRequests:
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil {
			seconds = 1
		}
		return nil, time.Duration(min(max(seconds, 1), 10)) * time.Second, nil
	case http.StatusOK:
	default:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // the status says enough
		return nil, 0, fmt.Errorf("bench: export: %d %s", resp.StatusCode, text)
	}
	var m struct{ Output []struct{ URL string } }
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		return nil, 0, fmt.Errorf("bench: the manifest of an export: %w", err)
	}
	for _, f := range m.Output {
		files = append(files, f.URL)
	}
	return files, 0, nil
}

// fetch fetches files, some at a time, and counts their lines.
func (x *exporting) fetch(ctx context.Context, files []string) error {
	var next atomic.Int64
	errs := make([]error, len(files))
	var workers sync.WaitGroup
	for range min(downloads, len(files)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				errs[i] = x.count(ctx, files[i])
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

func (x *exporting) count(ctx context.Context, url string) error {
	resp, err := x.get(ctx, http.MethodGet, url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("bench: a file of an export: %d", resp.StatusCode)
	}
	buf := make([]byte, 256<<10)
	for {
		n, err := resp.Body.Read(buf)
		x.lines.Add(int64(bytes.Count(buf[:n], []byte{'\n'})))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
