package world

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// A meeting UUID is the encryption of where the meeting is in the world, so that any
// one is found without generating the days before it:
//
//	bytes 0-3  zero: anything else is not a meeting of this world
//	      4-5  account   6-7  try   8-11  UTC day since 1970   12-15  number in the day
//
// The try is counted up until the base64 form has the shape wanted: the shapes that
// break careless clients (a leading "/", a "//") are made to occur regularly.
func (w *World) encodeMeetingID(account int, day int64, number int) [16]byte {
	var plain, id [16]byte
	binary.BigEndian.PutUint16(plain[4:], uint16(account))
	binary.BigEndian.PutUint32(plain[8:], uint32(int32(day)))
	binary.BigEndian.PutUint32(plain[12:], uint32(number))
	shape := anyShape
	switch draw := unit(hash(w.seed, saltMeetingID, uint64(account), uint64(day), uint64(number))); {
	case draw < 0.04:
		shape = leadingSlash
	case draw < 0.07:
		shape = doubleSlash
	}
	for try := uint16(0); ; try++ {
		binary.BigEndian.PutUint16(plain[6:], try)
		w.permutation.Encrypt(id[:], plain[:])
		if shape(base64.StdEncoding.EncodeToString(id[:])) || try == 1<<16-1 {
			return id
		}
	}
}

func anyShape(string) bool          { return true }
func leadingSlash(text string) bool { return strings.HasPrefix(text, "/") }
func doubleSlash(text string) bool  { return strings.Contains(text, "//") }

func (w *World) decodeMeetingID(id [16]byte) (account int, day int64, number int, ok bool) {
	var plain [16]byte
	w.permutation.Decrypt(plain[:], id[:])
	account = int(binary.BigEndian.Uint16(plain[4:]))
	day = int64(int32(binary.BigEndian.Uint32(plain[8:])))
	number = int(binary.BigEndian.Uint32(plain[12:]))
	return account, day, number, binary.BigEndian.Uint32(plain[:]) == 0
}
