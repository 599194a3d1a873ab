package smart

import (
	"errors"
	"fmt"
)

// Why an answer is not believed. None of them is worth trying again with the same
// answer.
var (
	ErrState   = errors.New("smart: the answer belongs to another authorization request: its state is not the one that was sent")
	ErrIssuer  = errors.New("smart: the answer comes from another authorization server than the one that was asked")
	ErrIDToken = errors.New("smart: the id_token is not valid")
)

// ErrExpired says that an access token has expired and nothing can renew it: the
// user has to authorize again.
var ErrExpired = errors.New("smart: the access token has expired and there is no refresh token")

// Error is what an authorization server says when it refuses (RFC 6749 §4.1.2.1
// and §5.2, RFC 7591 §3.2.2).
type Error struct {
	Status      int    `json:"-"`                 // of HTTP; 0 when the browser brought it
	Code        string `json:"error"`             // "invalid_grant"; "" if the answer was of no known form
	Description string `json:"error_description"` // for developers
	URI         string `json:"error_uri"`
}

func (e *Error) Error() string {
	text := "smart: the server refuses"
	if e.Code != "" {
		text += ": " + e.Code
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	if e.Status != 0 {
		text += fmt.Sprintf(" (%d)", e.Status)
	}
	return text
}

// ended says that the authorization behind a refresh token is no more.
func ended(err error) bool {
	refused, ok := errors.AsType[*Error](err)
	return ok && refused.Code == "invalid_grant"
}
