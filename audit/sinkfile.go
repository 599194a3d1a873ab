package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/go-json-experiment/json"
)

// fileSink appends lines to a file. When the file is moved away it makes another
// one of the same name.
type fileSink struct {
	path string
	f    *os.File
}

// FileSink copies events to a file, which is made if it is not there. The last line
// of the file says where to go on.
func FileSink(path string) Sink { return &fileSink{path: path} }

func (s *fileSink) Name() string { return s.path }

func (s *fileSink) Close() error {
	if s.f == nil {
		return nil
	}
	f := s.f
	s.f = nil
	return f.Close()
}

// lastLines is how much of the file's end is looked at for a whole line.
const lastLines = 4 << 20

func (s *fileSink) Last() (int64, error) {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	from := max(0, info.Size()-lastLines)
	text, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return 0, err
	}
	whole := bytes.LastIndexByte(text, '\n')
	if whole < 0 {
		return -1, os.Truncate(s.path, 0)
	}
	// A line that was cut off is written again.
	if from+int64(whole)+1 < info.Size() {
		if err := os.Truncate(s.path, from+int64(whole)+1); err != nil {
			return 0, err
		}
	}
	text = text[:whole]
	text = text[bytes.LastIndexByte(text, '\n')+1:]
	var line struct {
		Number *int64 `json:"number"`
	}
	if err := json.Unmarshal(text, &line); err != nil || line.Number == nil {
		return 0, fmt.Errorf("audit: the last line of %s is no event of the audit log", s.path)
	}
	return *line.Number, nil
}

func (s *fileSink) Write(lines [][]byte) error {
	if err := s.open(); err != nil {
		return err
	}
	size, err := s.f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := s.f.Write(append(bytes.Join(lines, []byte("\n")), '\n')); err != nil {
		return errors.Join(err, s.f.Truncate(size)) // no half line stays
	}
	return nil
}

// open opens the file, anew when another one has its name by now.
func (s *fileSink) open() error {
	if s.f != nil {
		now, err := os.Stat(s.path)
		was, err2 := s.f.Stat()
		if err == nil && err2 == nil && os.SameFile(now, was) {
			return nil
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	s.f = f
	return err
}
