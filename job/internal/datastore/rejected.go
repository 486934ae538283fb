package datastore

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxErrorFiles bounds how many of the service's error files are read; an import has at most 100 objects.
const maxErrorFiles = 1000

// Files are those of an import, in a bucket.
type Files struct {
	Sent     int64                    // how many documents the import was given
	Imported []string                 // names of the objects that the service read, none for an inline import
	Errors   iter.Seq2[string, error] // names of the service's error files, nil without a folder for them
	URI      func(name string) string // of an object
	Open     func(name string) (io.ReadCloser, error)
}

// Rejected are the documents of an import that the service did not take, as far as it says which.
type Rejected struct {
	Failures
	Located  int64             // documents of which the service says the line alone
	Suspects map[string]string // ids at such a line, or next to it -> reason
}

// Rejected reads which documents a done import did not take: from the service's error files, or from the few samples in the
// operation where there are none.
func (p Progress) Rejected(files Files) (Rejected, error) {
	x := Rejected{Failures: Failures{Max: int(files.Sent)}, Suspects: map[string]string{}}
	if err := x.readErrorFiles(files); err != nil {
		return x, err
	}
	x.AddSamples(p.Samples)
	for _, name := range files.Imported {
		if err := x.locate(files, name); err != nil {
			return x, err
		}
	}
	return x, nil
}

func (x *Rejected) readErrorFiles(files Files) error {
	if files.Errors == nil {
		return nil
	}
	read := 0
	for name, err := range files.Errors {
		if err != nil {
			return err
		}
		if read++; read > maxErrorFiles || x.Truncated {
			return nil // more than anybody reads
		}
		in, err := files.Open(name)
		if err != nil {
			return err
		}
		if err := errors.Join(x.Parse(in), in.Close()); err != nil {
			return fmt.Errorf("read import errors %s: %w", files.URI(name), err)
		}
	}
	return nil
}

// locate looks up the documents at the failed lines that lie in an object of the import.
func (x *Rejected) locate(files Files, name string) error {
	uri, isOnly := files.URI(name), len(files.Imported) == 1
	if !x.In(uri, isOnly) {
		return nil
	}
	in, err := files.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	located, err := x.Locate(in, uri, isOnly, x.Suspects)
	x.Located += located
	if err != nil {
		return fmt.Errorf("look up rejected documents in %s: %w", uri, err)
	}
	return nil
}
