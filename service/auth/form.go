package auth

import (
	"io"
	"mime"
	"net/url"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// maxForm bounds a form and a registration, in bytes.
const maxForm = 64 << 10

// form reads the body of a POST as a form.
func (c *call) form() (url.Values, error) {
	t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || t != "application/x-www-form-urlencoded" {
		return nil, identity.Refuse(identity.InvalidRequest, "send the parameters as application/x-www-form-urlencoded")
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, identity.Refuse(identity.InvalidRequest, "the body is not form-encoded")
	}
	c.step.sent(values)
	return values, nil
}

// body reads a body of up to maxForm bytes.
func (c *call) body() ([]byte, error) {
	in, _, err := web.OpenBody(c.r)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	body, err := io.ReadAll(io.LimitReader(in, maxForm+1))
	if err != nil {
		return nil, web.BodyError(err)
	}
	if len(body) > maxForm {
		return nil, errForm()
	}
	return body, nil
}

func errForm() error {
	return fault.New(fault.TooLarge, fault.CodeTooLong, "", "The body is larger than %d KiB, the limit here.", maxForm>>10)
}

// one returns a parameter, which may be sent once (RFC 6749 §3.1, §3.2); "" when
// it was not, or without value.
func one(values url.Values, name string) (string, error) {
	all := values[name]
	if len(all) > 1 {
		return "", identity.Refuse(identity.InvalidRequest, "%s is sent more than once", name)
	}
	if len(all) == 0 {
		return "", nil
	}
	return all[0], nil
}

// several is one for a list of parameters, each with where it goes.
func several(values url.Values, into map[string]*string) error {
	for name, value := range into {
		var err error
		if *value, err = one(values, name); err != nil {
			return err
		}
	}
	return nil
}
