package store

import (
	"context"
	"reflect"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// reads runs statements of many filters and orders, of which each caller wants few. What is
// decided by an argument that is null, true, false or empty is decided in the text: each
// shape of a question is a statement of its own, prepared by itself, and its plan, kept or
// not, uses the indexes that this shape allows. As arguments they would be conditions that a
// kept plan cannot know; and planning anew every time costs more than most answers.
func (s *Store) reads() *db.Queries { return db.New(shaped{s.pool}) }

type shaped struct{ db.DBTX }

func (s shaped) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	sql, args = shape(sql, args)
	return s.DBTX.Query(ctx, sql, args...)
}

func (s shaped) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	sql, args = shape(sql, args)
	return s.DBTX.QueryRow(ctx, sql, args...)
}

// shape writes constants in the place of arguments that are one of few values, and numbers
// the others anew; of these it decides the tests for null and for "", which must follow their
// cast. Nothing that came from outside becomes text.
func shape(sql string, args []any) (string, []any) {
	names, kept := make([]string, len(args)), make([]any, 0, len(args))
	for i, arg := range args {
		if names[i] = constant(arg); names[i] == "" {
			kept = append(kept, arg)
			names[i] = "$" + strconv.Itoa(len(kept))
		}
	}
	var text strings.Builder
	text.Grow(len(sql))
	for {
		before, rest, found := strings.Cut(sql, "$")
		text.WriteString(before)
		if !found {
			return text.String(), kept
		}
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		number, err := strconv.Atoi(rest[:digits])
		if err != nil || number < 1 || number > len(names) {
			text.WriteByte('$') // of a text in the statement
		} else {
			rest = rest[digits:]
			if tested, after := cutTest(rest); tested && names[number-1][0] == '$' {
				text.WriteString("false")
				rest = after
			} else {
				text.WriteString(names[number-1])
			}
		}
		sql = rest
	}
}

// cutTest reports whether an argument is followed by a test for null or for "", and what
// comes after that.
func cutTest(rest string) (tested bool, after string) {
	cast, found := strings.CutPrefix(rest, "::")
	if !found {
		return false, ""
	}
	_, operator, _ := strings.Cut(cast, " ")
	for _, test := range []string{"is null", "= ''"} {
		if after, found := strings.CutPrefix(operator, test); found {
			return true, after
		}
	}
	return false, ""
}

// constant is how an argument is written into a statement; "" for one that stays an argument.
func constant(arg any) string {
	switch value := arg.(type) {
	case bool:
		return strconv.FormatBool(value)
	case string:
		if value == "" {
			return "''"
		}
		return ""
	}
	switch value := reflect.ValueOf(arg); value.Kind() {
	case reflect.Invalid:
		return "null"
	case reflect.Pointer, reflect.Slice:
		if value.IsNil() {
			return "null"
		}
	}
	return ""
}
