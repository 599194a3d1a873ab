package audit

import (
	"fmt"
	"io"
	"os"
	"time"
)

// setAside keeps a file that was altered as it is, under another name, and goes on with
// what is good in it in a file of the spool's own. Where the disk has no room for that,
// what is good is still read, and nothing more waits until there is.
func (s *spool) setAside(found spooled, tell func(problem string)) {
	name := s.path + ".altered-" + time.Now().UTC().Format("20060102T150405.000000000")
	how := "it is kept as " + name
	if err := os.Rename(s.path, name); err != nil {
		how = fmt.Sprintf("it could not get another name: %v", err)
	} else {
		s.renamed = true
	}
	s.aside = true
	s.take(found)
	if err := s.renew(); err != nil {
		how += fmt.Sprintf("; until there is another spool nothing more waits: %v", err)
	}
	tell(found.bad + "; " + how)
}

// renew gives the spool a file of its own again, with what is good in the one that is set
// aside.
func (s *spool) renew() error {
	good, err := io.ReadAll(io.NewSectionReader(s.file, 0, s.next))
	if err != nil {
		return err
	}
	next, err := openSpool(s.path)
	if err == nil {
		if _, err = next.file.WriteAt(good, 0); err == nil {
			err = next.file.Sync()
		}
		if err != nil {
			_ = next.file.Close()
		}
	}
	if err != nil {
		if s.renamed { // a part of it takes room, and is no spool
			_ = os.Remove(s.path)
		}
		return err
	}
	_ = s.file.Close() // nothing was written to it
	s.file, s.aside, s.renamed = next.file, false, false
	return nil
}
