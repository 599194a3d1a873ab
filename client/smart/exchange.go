package smart

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer is the most bytes that are read of an answer.
const maxAnswer = 1 << 20

// get fetches public JSON.
func (s *Server) get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return s.send(req, http.StatusOK)
}

// post sends a form as the client.
func (c *Client) post(ctx context.Context, endpoint string, form url.Values) ([]byte, error) {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if err := c.authenticate(form, header); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header = header
	return c.Server.send(req, http.StatusOK)
}

// send returns the body of an answer with the status wanted; any other is an
// *Error.
func (s *Server) send(req *http.Request, want int) ([]byte, error) {
	req.Header.Set("Accept", "application/json")
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s: %w", req.URL.Host, err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer of %s is larger than %d bytes", req.URL.Host, maxAnswer)
	}
	if resp.StatusCode == want {
		return body, nil
	}
	refused := &Error{}
	if json.Unmarshal(body, refused) != nil {
		refused = &Error{}
	}
	refused.Status = resp.StatusCode
	return nil, refused
}
