package explainbench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"callweave/internal/world"
)

// column is one way of guessing with its scores.
type column struct {
	name    string
	all     Score
	causes  map[world.Cause]*Score
	confuse map[string]int
	none    Score // bad minutes without a cause
}

func (c *column) add(g Guess, cause world.Cause) {
	if c.causes == nil {
		c.causes, c.confuse = map[world.Cause]*Score{}, map[string]int{}
	}
	if cause == world.CauseNone {
		c.none.Add(g, Answer{})
		return
	}
	for _, a := range Answers() {
		if a.Cause != cause {
			continue
		}
		if c.causes[cause] == nil {
			c.causes[cause] = &Score{}
		}
		c.causes[cause].Add(g, a)
		c.all.Add(g, a)
		if g.Bucket != a.Bucket {
			c.confuse[fmt.Sprintf("%s -> %s", cause, g.Bucket)]++
		} else if len(a.Features) > 0 && (len(g.Features) == 0 || !slices.Contains(a.Features, g.Features[0])) {
			c.confuse[fmt.Sprintf("%s -> %s", cause, first(g))]++
		}
	}
}

func first(g Guess) string {
	if len(g.Features) == 0 {
		return "nothing"
	}
	return g.Features[0].String()
}

func ratio(n, of int) string { return fmt.Sprintf("%.3f", float64(n)/float64(max(1, of))) }

// table prints columns beside each other: bucket, top and top-2 accuracy.
func table(b *testing.B, title string, columns []*column) {
	b.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n%-19s %6s", title, "", "rows")
	for _, c := range columns {
		fmt.Fprintf(&out, " | %-19s", c.name)
	}
	line := func(name string, score func(*column) *Score) {
		fmt.Fprintf(&out, "\n%-19s %6d", name, score(columns[0]).Rows)
		for _, c := range columns {
			s := score(c)
			fmt.Fprintf(&out, " | %s %s %s  ", ratio(s.Bucket, s.Rows), ratio(s.Top, s.Rows), ratio(s.Top2, s.Rows))
		}
	}
	for _, a := range Answers() {
		if columns[0].causes[a.Cause] != nil {
			line(string(a.Cause), func(c *column) *Score { return c.causes[a.Cause] })
		}
	}
	line("all", func(c *column) *Score { return &c.all })
	fmt.Fprintf(&out, "\n%-19s %6s", "abstained", "")
	for _, c := range columns {
		fmt.Fprintf(&out, " | %s              ", ratio(c.all.Unknown, c.all.Rows))
	}
	fmt.Fprintf(&out, "\n%-19s %6d", "no cause, abstained", columns[0].none.Rows)
	for _, c := range columns {
		fmt.Fprintf(&out, " | %s              ", ratio(c.none.Unknown, c.none.Rows))
	}
	for _, c := range columns[:1] {
		out.WriteString("\nconfusions of " + c.name + ":")
		names := make([]string, 0, len(c.confuse))
		for name := range c.confuse {
			names = append(names, name)
		}
		slices.SortFunc(names, func(x, y string) int { return c.confuse[y] - c.confuse[x] })
		for _, name := range names[:min(12, len(names))] {
			out.WriteString(" " + name + " " + strconv.Itoa(c.confuse[name]) + ";")
		}
	}
	b.Log(out.String())
}
