package bulkload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// document is one line, or a file that is one document, taken apart as far as
// telling its resources from each other needs.
type document struct {
	bundle  string // Bundle.type, "" when it is no Bundle
	entries []entry
}

// entry is a Bundle's entry, or the resource that stands alone.
type entry struct {
	fullURL     string
	method, url string
	conditional bool // the request has ifNoneExist, ifMatch and the like
	mode        string
	resource    []byte // raw JSON, nil when there is none
	request     []byte // raw JSON
}

// tolerant lets a document be taken apart whose resources are then checked one
// by one.
var tolerant = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// takeApart splits a document.
func takeApart(text []byte) (document, error) {
	// Over a Buffer the decoder reads text in place.
	d := jsontext.NewDecoder(bytes.NewBuffer(text), tolerant...)
	if d.PeekKind() != '{' {
		if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("<")) {
			return document{}, errors.New("it is XML: only JSON is loaded")
		}
		if _, err := d.ReadValue(); err != nil {
			return document{}, unreadable(err)
		}
		return document{}, errors.New("it is no JSON object, so no resource")
	}
	var doc document
	isBundle := false
	err := members(d, func(name string) error {
		switch name {
		case "resourceType":
			kind, err := text1(d)
			isBundle = kind == "Bundle"
			if err == nil && !isBundle {
				return errAlone
			}
			return err
		case "type":
			kind, err := text1(d)
			doc.bundle = kind
			return err
		case "entry":
			return doc.readEntries(d, text)
		}
		return d.SkipValue()
	})
	if errors.Is(err, errAlone) || err == nil && !isBundle {
		// The resource's own parser says what is wrong with it, if anything.
		return document{entries: []entry{{resource: text}}}, nil
	}
	if err == nil {
		_, err = d.ReadToken()
		if errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			err = errors.New("there is more after the resource on the same line")
		}
	}
	if err != nil {
		return document{}, unreadable(err)
	}
	if doc.bundle == "document" || doc.bundle == "message" {
		// These are records themselves.
		return document{entries: []entry{{resource: text}}}, nil
	}
	return doc, nil
}

var errAlone = errors.New("a single resource")

func unreadable(err error) error {
	return fmt.Errorf("it is not valid JSON: %s", strings.TrimPrefix(err.Error(), "jsontext: "))
}

// members reads an object and calls read for each member, to read its value.
func members(d *jsontext.Decoder, read func(name string) error) error {
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := read(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// text1 reads a string; another value gives "".
func text1(d *jsontext.Decoder) (string, error) {
	if d.PeekKind() != '"' {
		return "", d.SkipValue()
	}
	t, err := d.ReadToken()
	if err != nil {
		return "", err
	}
	return t.String(), nil
}

// raw reads a value of text and returns its bytes there.
func raw(d *jsontext.Decoder, text []byte) ([]byte, error) {
	v, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	end := d.InputOffset()
	return text[end-int64(len(v)) : end : end], nil
}

func (doc *document) readEntries(d *jsontext.Decoder, text []byte) error {
	if d.PeekKind() != '[' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		var e entry
		err := members(d, func(name string) (err error) {
			switch name {
			case "fullUrl":
				e.fullURL, err = text1(d)
			case "resource":
				e.resource, err = raw(d, text)
			case "request":
				e.request, err = raw(d, text)
			case "search":
				err = members(d, func(name string) (err error) {
					if name != "mode" {
						return d.SkipValue()
					}
					e.mode, err = text1(d)
					return err
				})
			default:
				err = d.SkipValue()
			}
			return err
		})
		if err != nil {
			return err
		}
		if e.request != nil {
			if err := e.readRequest(); err != nil {
				return err
			}
		}
		doc.entries = append(doc.entries, e)
	}
	_, err := d.ReadToken()
	return err
}

func (e *entry) readRequest() error {
	d := jsontext.NewDecoder(bytes.NewBuffer(e.request), tolerant...)
	return members(d, func(name string) (err error) {
		switch name {
		case "method":
			e.method, err = text1(d)
		case "url":
			e.url, err = text1(d)
		case "ifNoneExist", "ifMatch", "ifNoneMatch", "ifModifiedSince":
			e.conditional = true
			err = d.SkipValue()
		default:
			err = d.SkipValue()
		}
		return err
	})
}
