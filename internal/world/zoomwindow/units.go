package zoomwindow

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"callweave/internal/world"
)

// hash is a stable number of a text, by which variants are chosen: the same join is
// written the same way in every reply.
func hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum64()
}

func hashText(text string) string { return fmt.Sprintf("%016x", hash(text)) }

// macText writes a hardware address in one of the forms that Zoom's replies show:
// dashes by four digits, colons in either case, and colons after a leading space.
func macText(leg *world.Leg) string {
	if leg.MAC.IsZero() {
		return ""
	}
	digits := hex.EncodeToString(leg.MAC[:])
	pairs := make([]string, 0, len(leg.MAC))
	for i := 0; i < len(digits); i += 2 {
		pairs = append(pairs, digits[i:i+2])
	}
	switch hash("mac"+leg.UUID) % 4 {
	case 0:
		return digits[0:4] + "-" + digits[4:8] + "-" + digits[8:12]
	case 1:
		return " " + strings.Join(pairs, ":")
	case 2:
		return strings.ToUpper(strings.Join(pairs, ":"))
	}
	return strings.Join(pairs, ":")
}

// spelling is how the replies about one join write numbers and absent media.
type spelling struct {
	space   string // between number and unit
	percent int    // decimals at least, of a percentage
	absent  *media // nil: the object of an absent medium is missing
}

func spellingOf(leg *world.Leg) spelling {
	switch hash("units"+leg.UUID) % 4 {
	case 0:
		return spelling{space: " "}
	case 1:
		return spelling{}
	case 2:
		return spelling{space: " ", percent: 1, absent: &media{
			Bitrate: "-", Latency: "-", Jitter: "-", AvgLoss: "-", MaxLoss: "-",
		}}
	}
	return spelling{space: " ", absent: &media{}}
}

func (s spelling) with(number, unit string) string { return number + s.space + unit }

func (s spelling) percentage(v float64) string {
	text := number(v)
	if s.percent > 0 && !strings.Contains(text, ".") {
		text += "." + strings.Repeat("0", s.percent)
	}
	return text + "%"
}

// number writes the shortest text that reads back as v.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
