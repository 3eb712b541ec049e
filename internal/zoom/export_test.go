package zoom

import "io"

// DecodeQoSPage decodes one page of the quality of service list as a client does, and
// returns how many minutes it holds.
func DecodeQoSPage(body io.Reader) (minutes int, err error) {
	rows, _, err := readPage(newReader(body), "participants", maxRows(qosPageSize), readQoSRow)
	for i := range rows {
		minutes += len(rows[i].samples)
	}
	return minutes, err
}
