package records

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"iter"
	"mime"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// blob names content that is kept outside a row. In the row it stands where
// Binary.data would, as the id of an element without a value:
// "_data":{"id":"ingle-content:NAME:SIZE"}.
type blob struct {
	name string
	size int64
}

const (
	contentPrefix = "ingle-content:"
	markStart     = `,"_data":{"id":"` + contentPrefix
	markEnd       = `"}}`
)

// mark puts the blob's name at the end of a Binary's JSON.
func (b blob) mark(json []byte) []byte {
	json = append(json[:len(json)-1], markStart...)
	json = append(json, b.name...)
	json = append(json, ':')
	json = strconv.AppendInt(json, b.size, 10)
	return append(json, markEnd...)
}

// unmark splits a stored Binary into its blob and its JSON without data. A
// blob's name and size have no quotation mark, so that the last one tells where
// the mark would be, however long the body is.
func unmark(body []byte) (b blob, json []byte, ok bool) {
	text, ends := bytes.CutSuffix(body, []byte(markEnd))
	i := bytes.LastIndexByte(text, '"') + 1 + len(contentPrefix) - len(markStart)
	if !ends || i < 0 || !bytes.HasPrefix(text[i:], []byte(markStart)) {
		return b, body, false
	}
	name, digits, _ := strings.Cut(string(text[i+len(markStart):]), ":")
	size, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return b, body, false
	}
	json = append(append(make([]byte, 0, i+1), body[:i]...), '}')
	return blob{name, size}, json, true
}

// sizeOf is the size of a resource as it is read, given its stored body.
func sizeOf(body []byte) int64 {
	b, json, _ := unmark(body)
	return int64(len(json)) + b.size*4/3
}

// attach brings the content of a stored Binary back into its JSON.
func (d *Door) attach(ctx context.Context, body []byte) ([]byte, error) {
	b, json, ok := unmark(body)
	if !ok {
		return body, nil
	}
	content, _, err := d.store.ReadBlob(ctx, b.name, 0, -1)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(make([]byte, 0, len(json)+int(b.size)*4/3+32))
	out.Write(json[:len(json)-1])
	out.WriteString(`,"data":"`)
	encode := base64.NewEncoder(base64.StdEncoding, out)
	for chunk, err := range content {
		if err != nil {
			return nil, err
		}
		if _, err := encode.Write(chunk); err != nil {
			return nil, err
		}
	}
	if err := encode.Close(); err != nil {
		return nil, err
	}
	out.WriteString(`"}`)
	return out.Bytes(), nil
}

// detach moves the content of a Binary on its way in out of the tree. A data
// element with extensions stays where it is.
func (s *Session) detach(ctx context.Context, w *draft) error {
	data := w.tree.Root().Child("data")
	if strings.HasPrefix(data.Child("id").Text(), contentPrefix) {
		return fault.New(fault.Unprocessable, fault.CodeBusinessRule, "Binary.data.id", "ids that begin with %s are the server's own", contentPrefix)
	}
	if !data.HasValue() || !data.FirstChild().IsZero() {
		return nil
	}
	kept, err := s.door.keep(ctx, chunks(base64.NewDecoder(base64.StdEncoding, strings.NewReader(spaceless(data.Text())))))
	if err != nil {
		return err
	}
	data.Remove()
	w.content = kept
	return nil
}

// keep stores content and returns its name, bounded by policy.
func (d *Door) keep(ctx context.Context, content iter.Seq2[[]byte, error]) (blob, error) {
	var total int64
	name, size, err := d.store.CreateBlob(ctx, func(yield func([]byte, error) bool) {
		for chunk, err := range content {
			if total += int64(len(chunk)); err == nil && total > d.policy.MaxBinary {
				err = fault.New(fault.TooLarge, fault.CodeTooLong, "Binary.data", "the data is larger than %d bytes, the most that is taken", d.policy.MaxBinary)
			}
			if !yield(chunk, err) || err != nil {
				return
			}
		}
	})
	if err != nil {
		if _, ok := errors.AsType[base64.CorruptInputError](err); ok {
			err = fault.New(fault.Invalid, fault.CodeValue, "Binary.data", "the data is not base64")
		}
		return blob{}, d.fault(err)
	}
	return blob{name, size}, nil
}

// chunks yields what r gives. The slice is only valid until the next one.
func chunks(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf := make([]byte, 64<<10)
		for {
			n, err := io.ReadFull(r, buf)
			if n > 0 && !yield(buf[:n], nil) {
				return
			}
			switch err {
			case nil:
			case io.EOF, io.ErrUnexpectedEOF:
				return
			default:
				yield(nil, err)
				return
			}
		}
	}
}

// decodeData decodes Binary.data, in which FHIR allows white space.
func decodeData(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(spaceless(text))
}

func spaceless(text string) string {
	if !strings.ContainsAny(text, " \t\r\n") {
		return text
	}
	return strings.Join(strings.Fields(text), "")
}

// mediaType is a content type without its parameters.
func mediaType(contentType string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return contentType
	}
	return t
}
