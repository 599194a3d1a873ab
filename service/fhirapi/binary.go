package fhirapi

import (
	"errors"
	"io"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// wantsRaw says whether a read of a Binary wants its content rather than the
// resource: unless Accept or _format names a FHIR media type (R4 §2.44.3).
func (c *call) wantsRaw() bool {
	for item := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		if strings.HasPrefix(item, "_format=") {
			return false
		}
	}
	for _, header := range c.r.Header.Values("Accept") {
		lower := strings.ToLower(header)
		if strings.Contains(lower, "application/fhir+") {
			return false
		}
	}
	return true
}

// holdBinary takes the memory that a Binary as a resource needs.
func (c *call) holdBinary() error {
	_, whole, err := c.session.ReadBinary(c.r.Context(), c.ID, c.Version, 0, 0)
	if err != nil {
		return nil //nolint:nilerr // the read itself tells it
	}
	size := whole.Size * 4 / 3 // as base64
	if c.format.xml {
		size *= 2 // XML is made of the JSON
	}
	return c.exchange.Hold(c.r.Context(), size)
}

// rawBinary serves the content of a Binary as it is, or a range of it.
func (c *call) rawBinary() (done bool, err error) {
	if !c.wantsRaw() {
		return false, c.holdBinary()
	}
	if err := c.only(); err != nil {
		return true, err
	}
	part, err := c.askedRange()
	if err != nil {
		return true, err
	}
	version, offset, length := c.Version, int64(0), int64(-1)
	if part != nil {
		// What is there decides whether the range holds, and where its last bytes begin.
		res, whole, err := c.session.ReadBinary(c.r.Context(), c.ID, version, 0, 0)
		if err != nil || whole.Size == 0 || fresh(c.readOptions(), res) || !c.rangeHolds(res) {
			part = nil // an error is told by the read below
		} else {
			version = strconv.FormatInt(res.Version, 10)
			offset, length = part.of(whole.Size)
		}
	}
	res, content, err := c.session.ReadBinary(c.r.Context(), c.ID, version, offset, length)
	h := c.w.Header()
	if err != nil {
		switch fault.KindOf(err) {
		case fault.RangeNotSatisfied:
			h.Set("Content-Range", "bytes */"+strconv.FormatInt(content.Size, 10))
		case fault.Gone:
			c.stamp(res.Version, res.Updated)
		}
		return true, err
	}
	c.stamp(res.Version, res.Updated)
	if fresh(c.readOptions(), res) {
		c.notModified()
		return true, nil
	}
	n := content.Size - offset
	if length >= 0 {
		n = min(n, length)
	}
	h.Set("Content-Type", content.ContentType)
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/octet-stream")
	}
	h.Set("Content-Length", strconv.FormatInt(n, 10))
	h.Set("Accept-Ranges", "bytes")
	h.Set("Cache-Control", c.cacheable())
	// Content comes from whoever may write: a browser must not run it here.
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Disposition", "attachment")
	if content.SecurityContext != "" {
		h.Set("X-Security-Context", content.SecurityContext)
	}
	status := http.StatusOK
	if part != nil {
		status = http.StatusPartialContent
		h.Set("Content-Range", "bytes "+strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(offset+n-1, 10)+"/"+strconv.FormatInt(content.Size, 10))
	}
	c.w.WriteHeader(status)
	if c.r.Method == http.MethodHead {
		return true, nil
	}
	for chunk, err := range content.Content {
		if err != nil {
			return true, err
		}
		if _, err := c.w.Write(chunk); err != nil {
			return true, nil // the client is gone
		}
	}
	return true, nil
}

// fresh says whether the client's copy of a Binary is current.
func fresh(o records.ReadOptions, res records.Resource) bool {
	version := strconv.FormatInt(res.Version, 10)
	for _, v := range o.IfNoneMatch {
		if v == version || v == "*" {
			return true
		}
	}
	return !o.IfModifiedSince.IsZero() && !res.Updated.Truncate(1e9).After(o.IfModifiedSince)
}

// byteRange is one range of RFC 9110 §14.1.2.
type byteRange struct {
	offset, length int64 // length -1: to the end
	suffix         bool  // the last length bytes
}

// of is the range of a content of so many bytes.
func (r *byteRange) of(size int64) (offset, length int64) {
	if r.suffix {
		return max(0, size-r.length), -1
	}
	return r.offset, r.length
}

// askedRange is the range that the request asks for; nil: all of it. It means
// something to GET alone (RFC 9110 §14.2).
func (c *call) askedRange() (*byteRange, error) {
	if c.r.Method != http.MethodGet {
		return nil, nil
	}
	return parseRange(c.r.Header.Get("Range"))
}

// rangeHolds says whether If-Range, if there is one, names this version (RFC 9110
// §13.1.5). A date does not: of two versions within a second it is the same.
func (c *call) rangeHolds(res records.Resource) bool {
	v := c.r.Header.Get("If-Range")
	return v == "" || slices.Contains(records.ParseETags(v), strconv.FormatInt(res.Version, 10))
}

// parseRange reads a Range header of one byte range. Several ranges, and
// other units, are ignored, as RFC 9110 §14.2 allows.
func parseRange(header string) (*byteRange, error) {
	spec, ok := strings.CutPrefix(strings.TrimSpace(header), "bytes=")
	if !ok || strings.Contains(spec, ",") {
		return nil, nil
	}
	bad := fault.New(fault.Invalid, fault.CodeValue, "", "Range %q is not understood; it looks like bytes=0-499, bytes=500- or bytes=-500.", fault.Shorten(header))
	from, to, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return nil, bad
	}
	if from == "" {
		n, ok := position(to)
		if !ok {
			return nil, bad
		}
		return &byteRange{length: n, suffix: true}, nil
	}
	first, ok := position(from)
	if !ok {
		return nil, bad
	}
	if to == "" {
		return &byteRange{offset: first, length: -1}, nil
	}
	last, ok := position(to)
	if !ok || last < first {
		return nil, bad
	}
	return &byteRange{offset: first, length: last - first + 1}, nil
}

// position reads a number of a range. One that is too large to be one of a content is
// as good as any other beyond its end.
func position(text string) (int64, bool) {
	const beyond = 1 << 62
	n, err := strconv.ParseUint(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return beyond, true
	}
	return int64(min(n, beyond)), err == nil
}

// isRawUpload says whether the body is content rather than a FHIR resource
// (R4 §2.44.3).
func (c *call) isRawUpload() (bool, mediaType, error) {
	if c.r.Header.Get("Content-Type") == "" {
		return false, mediaType{}, errContentType("", "the media type of the content, or application/fhir+json for a Binary resource")
	}
	m, err := c.mediaType()
	if err != nil {
		return false, m, err
	}
	return m.name != "application/fhir+json" && m.name != "application/fhir+xml", m, nil
}

// upload describes the body as the content of a Binary.
func (c *call) upload() (records.BinaryContent, io.Closer, error) {
	body, _, err := web.OpenBody(c.r)
	if err != nil {
		return records.BinaryContent{}, nil, err
	}
	return records.BinaryContent{
		ContentType:     c.r.Header.Get("Content-Type"),
		SecurityContext: c.r.Header.Get("X-Security-Context"),
		Content:         chunks(body),
	}, body, nil
}

func chunks(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Read(buf)
			if n > 0 && !yield(buf[:n], nil) {
				return
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, web.BodyError(err))
				return
			}
		}
	}
}

// createBinary stores an upload as a new Binary.
func (c *call) createBinary() (done bool, err error) {
	raw, _, err := c.isRawUpload()
	if !raw || err != nil {
		return err != nil, err
	}
	o := records.CreateOptions{}
	if o.Request, err = c.request(); err != nil {
		return true, err
	}
	if o.IfNoneExist, err = c.ifNoneExist(); err != nil {
		return true, err
	}
	content, body, err := c.upload()
	if err != nil {
		return true, err
	}
	defer body.Close()
	c.foretell(written)
	res, err := c.session.CreateBinary(c.r.Context(), content, o)
	if err != nil {
		return true, err
	}
	return true, c.writeUploaded(res)
}

// updateBinary replaces a Binary by an upload.
func (c *call) updateBinary() (done bool, err error) {
	raw, _, err := c.isRawUpload()
	if !raw || err != nil {
		return err != nil, err
	}
	o := records.UpdateOptions{}
	if o.Request, err = c.request(); err != nil {
		return true, err
	}
	if o.Precondition, err = c.precondition(); err != nil {
		return true, err
	}
	content, body, err := c.upload()
	if err != nil {
		return true, err
	}
	defer body.Close()
	c.foretell(written)
	res, err := c.session.UpdateBinary(c.r.Context(), c.ID, content, o)
	if err != nil {
		return true, err
	}
	return true, c.writeUploaded(res)
}

// writeUploaded answers an upload: its content is not sent back unless a FHIR
// format was asked for.
func (c *call) writeUploaded(res records.Result) error {
	if c.prefer.returning == returnRepresentation && (res.JSON == nil || c.wantsRaw()) {
		c.prefer.returning = returnMinimal
	}
	return c.writeResult(res)
}
