package store

import (
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestShape(t *testing.T) {
	t.Parallel()
	id, at := uuid.New(), time.Now()
	for name, test := range map[string]struct {
		sql, want string
		args      []any
		kept      []any
	}{
		"nothing to decide": {"select $1, $2", "select $1, $2", []any{id, at}, []any{id, at}},
		"asked for": {
			"a = $1 and ($2::uuid is null or b = $2) and ($3::text = '' or c = $3) and (not $4::boolean or bad)",
			"a = $1 and (false or b = $2) and (false or c = $3) and (not true::boolean or bad)",
			[]any{id, &id, "zoom", true},
			[]any{id, &id, "zoom"},
		},
		"not asked for": {
			"a = $1 and ($2::uuid is null or b = $2) and ($3::text = '' or c = $3) and ($4::bigint[] is null or d = any($4)) and ($5::macaddr is null or e = $5) and f = $6",
			"a = $1 and (null::uuid is null or b = null) and (''::text = '' or c = '') and (null::bigint[] is null or d = any(null)) and (null::macaddr is null or e = null) and f = $2",
			[]any{id, (*uuid.UUID)(nil), "", []int64(nil), net.HardwareAddr(nil), at},
			[]any{id, at},
		},
		"many":              {"$1 $2 $10 $11", "$1 true $9 null", []any{1, true, 3, 4, 5, 6, 7, 8, 9, 10, nil}, []any{1, 3, 4, 5, 6, 7, 8, 9, 10}},
		"a text stays":      {"a = $1 and c = $2", "a = $1 and c = $2", []any{id, "'; drop table orgs; --"}, []any{id, "'; drop table orgs; --"}},
		"a dollar, no more": {"select '$', $1, '$9'", "select '$', false, '$9'", []any{false}, []any{}},
	} {
		sql, kept := shape(test.sql, test.args)
		if diff := cmp.Diff(test.want, sql); diff != "" {
			t.Errorf("%s (-want +got): %s", name, diff)
		}
		if diff := cmp.Diff(test.kept, kept); diff != "" {
			t.Errorf("%s: arguments (-want +got): %s", name, diff)
		}
	}
}
