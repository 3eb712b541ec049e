package weavebench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/proctime"
)

// minutes are the rows of call_minutes as they were woven, small enough to be kept for
// the bare COPY: measurements apart, and of the rest each value once.
type minutes struct {
	columns []string
	number  []bool // whether a column is a measurement
	rows    []minuteRow
}

type minuteRow struct {
	facts  []any
	known  uint64 // a bit for each measurement
	values []float32
}

func (s *stage) readMinutes() minutes {
	s.b.Helper()
	rows, err := s.pool.Query(s.b.Context(), "select * from call_minutes order by org_id, leg_id, start_at")
	if err != nil {
		s.b.Fatal(err)
	}
	defer rows.Close()
	const float4 = 700
	var all minutes
	numbers := 0
	for _, field := range rows.FieldDescriptions() {
		all.columns = append(all.columns, field.Name)
		all.number = append(all.number, field.DataTypeOID == float4)
		if field.DataTypeOID == float4 {
			numbers++
		}
	}
	if numbers > 64 {
		s.b.Fatalf("call_minutes has %d measurements: more than this benchmark can keep", numbers)
	}
	once := map[string]any{}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			s.b.Fatal(err)
		}
		row := minuteRow{facts: make([]any, 0, len(values)-numbers), values: make([]float32, 0, numbers)}
		for i, value := range values {
			if !all.number[i] {
				key := fmt.Sprintf("%T %v", value, value)
				if _, ok := once[key]; !ok {
					once[key] = value
				}
				row.facts = append(row.facts, once[key])
				continue
			}
			number, known := value.(float32)
			if known {
				row.known |= 1 << len(row.values)
			}
			row.values = append(row.values, number)
		}
		all.rows = append(all.rows, row)
	}
	if err := rows.Err(); err != nil {
		s.b.Fatal(err)
	}
	return all
}

// bareCopy copies the rows into the empty table through one connection.
func (s *stage) bareCopy(b *testing.B, all minutes, cpu *proctime.Watch) took {
	b.Helper()
	connection, err := pgx.Connect(b.Context(), s.url)
	if err != nil {
		b.Fatal(err)
	}
	defer connection.Close(b.Context())
	values := make([]any, len(all.columns))
	source := pgx.CopyFromSlice(len(all.rows), func(i int) ([]any, error) {
		row := &all.rows[i]
		facts, numbers := 0, 0
		for column, number := range all.number {
			switch {
			case !number:
				values[column] = row.facts[facts]
				facts++
				continue
			case row.known&(1<<numbers) != 0:
				values[column] = row.values[numbers]
			default:
				values[column] = nil
			}
			numbers++
		}
		return values, nil
	})
	cpu.Lap()
	began := time.Now()
	n, err := connection.CopyFrom(b.Context(), pgx.Identifier{"call_minutes"}, slices.Clone(all.columns), source)
	t := took{time.Since(began), cpu.Lap(), int(n)}
	if err != nil || int(n) != len(all.rows) {
		b.Fatal(fmt.Errorf("copied %d of %d rows: %w", n, len(all.rows), err))
	}
	return t
}
