package insight

import (
	"callweave/internal/explain"
	"callweave/internal/store/db"
)

// ColumnsOf are call minutes as models read them.
func ColumnsOf(minutes []db.CallMinute, dataCenters map[int64]string) *explain.Minutes {
	in := newColumns(len(minutes))
	for i := range minutes {
		in.append(&minutes[i], dataCenters[minutes[i].LegID])
	}
	return &in.Minutes
}
