package devicefile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// longestLine bounds what one line may take of the memory: a record has some hundred
// bytes.
const longestLine = 64 << 10

var errLongLine = fmt.Errorf("want at most %d KiB in a line", longestLine>>10)

// lines reads lines without their ends.
type lines struct {
	reader *bufio.Reader
	number int // of the line that next returned last, from 1
}

func newLines(reader io.Reader) *lines {
	return &lines{reader: bufio.NewReaderSize(reader, longestLine)}
}

// next returns the next line, valid until the next call. errLongLine is of one line, which
// is passed over; io.EOF is of the end; any other error is of the reader.
func (l *lines) next() ([]byte, error) {
	line, err := l.reader.ReadSlice('\n')
	if len(line) == 0 && err != nil {
		return nil, err //nolint:wrapcheck // io.EOF, or the reader's own
	}
	l.number++
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // a mark that spreadsheets write
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.reader.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err //nolint:wrapcheck // the reader's own
		}
		return nil, errLongLine
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err //nolint:wrapcheck // the reader's own
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// lineFeed gives a CSV reader one line at a time: a quote that nobody closed ends with its
// line instead of taking the rest of the file into memory.
type lineFeed struct{ rest []byte }

func (f *lineFeed) Read(into []byte) (int, error) {
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(into, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}
