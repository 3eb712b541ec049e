package api

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// parseMeetingID reads a meeting's UUID in the forms that are about: with dashes, as 32
// hexadecimal digits, and as Zoom writes it, the same 16 bytes in base64 (Zoom API
// reference, "Meeting UUID"). Zoom wants the last escaped twice where it holds a slash, so a
// form that is escaped once more than needed is read, too; so is one whose "+" was sent
// unescaped, which arrives as a blank.
func parseMeetingID(text string) (uuid.UUID, bool) {
	for range 2 {
		if unescaped, err := url.PathUnescape(text); err == nil {
			text = unescaped
		}
	}
	switch len(text) {
	case 36:
		id, err := uuid.Parse(text)
		return id, err == nil
	case 32:
		raw, err := hex.DecodeString(text)
		return idOf(raw, err)
	}
	text = strings.TrimRight(text, "=")
	if id, ok := idOf(base64.RawStdEncoding.DecodeString(text)); ok {
		return id, true
	}
	standard := strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(text)
	return idOf(base64.RawStdEncoding.DecodeString(standard))
}

func idOf(raw []byte, err error) (uuid.UUID, bool) {
	if err != nil {
		return uuid.Nil, false
	}
	id, err := uuid.FromBytes(raw)
	return id, err == nil
}

// meetingIDShown is how a meeting is named to clients: by its UUID, where it has one.
func meetingIDShown(id string) string {
	if known, ok := parseMeetingID(id); ok {
		return known.String()
	}
	return id
}
