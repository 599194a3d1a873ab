package auth

import (
	"encoding/json"
	"mime"
	"net/http"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/limits"
)

// registration is RFC 7591 §3.2.1.
type registration struct {
	ID       string `json:"client_id"`
	IssuedAt int64  `json:"client_id_issued_at"`
	Secret   string `json:"client_secret,omitempty"`
	Expires  *int64 `json:"client_secret_expires_at,omitempty"` // 0: never
	identity.Metadata
	// Approved is this server's own: the client can do nothing before.
	Approved bool `json:"__approved"`
}

// register keeps an app that registers itself, until an administrator approves
// it (RFC 7591 §3).
func (c *call) register() error {
	if err := c.throttle(limits.Registrations, c.client()); err != nil {
		return err
	}
	t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || t != "application/json" {
		return identity.Refuse(identity.InvalidClientMetadata, "send the metadata as application/json")
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	var m identity.Metadata
	if err := json.Unmarshal(body, &m); err != nil {
		return identity.Refuse(identity.InvalidClientMetadata, "the metadata is not a JSON object as RFC 7591 describes it: %v", err)
	}
	client, secret, err := c.Identity.Register(c.r.Context(), m)
	if err != nil {
		return err
	}
	answer := registration{ID: client.ID, IssuedAt: client.Created.Unix(), Secret: secret, Metadata: client.Metadata(), Approved: client.Approved}
	if secret != "" {
		answer.Expires = new(int64)
	}
	return c.writeJSON(http.StatusCreated, answer)
}
