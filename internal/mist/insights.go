package mist

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/network"
)

// Scope is what an insight metric is about.
type Scope string

// The scopes we read. The catalogue says "ap" where the path says "device".
const (
	ScopeSite   Scope = "site"
	ScopeClient Scope = "client"
	ScopeDevice Scope = "ap"
)

// Metric is an entry of the catalogue of insight metrics.
type Metric struct {
	Name        string
	Unit        string
	Scopes      []Scope
	Resolutions []Resolution // finest first
}

// Resolution is an interval at which history is kept, and for how long.
type Resolution struct {
	Name     string // as requests name it, e.g. "10m"
	Interval time.Duration
	MaxAge   time.Duration
}

// part is a time and the finest resolution at which its history is kept.
type part struct {
	Resolution
	from, to time.Time
}

// parts divides [from, to) by the finest resolution that is still kept of each time, the
// latest first. Each begins with a whole interval. What is shorter than the finest interval
// is not worth a request.
func (m Metric) parts(now, from, to time.Time) []part {
	var parts []part
	for _, r := range m.Resolutions {
		if to.Sub(from) < m.Resolutions[0].Interval {
			break
		}
		begin := from.Truncate(r.Interval)
		if oldest := now.Add(-r.MaxAge); begin.Before(oldest) {
			begin = oldest
		}
		if !begin.Before(to) {
			continue
		}
		parts = append(parts, part{r, begin, to})
		to = begin
	}
	return parts
}

// InsightMetrics reads the catalogue. Which metrics a cloud offers, and at which
// resolution, is found here and nowhere else.
func (c *Client) InsightMetrics(ctx context.Context) (map[string]Metric, error) {
	var rows map[string]struct {
		Unit      text  `json:"unit"`
		Scopes    texts `json:"scopes"`
		Intervals map[string]struct {
			Interval num `json:"interval"`
			MaxAge   num `json:"max_age"`
		} `json:"intervals"`
	}
	if _, err := c.get(ctx, "list insight metrics", "/api/v1/const/insight_metrics", nil, &rows); err != nil {
		return nil, err
	}
	metrics := make(map[string]Metric, len(rows))
	for name, row := range rows {
		metric := Metric{Name: name, Unit: string(row.Unit)}
		for _, scope := range row.Scopes {
			metric.Scopes = append(metric.Scopes, Scope(scope))
		}
		for label, in := range row.Intervals {
			if in.Interval.value > 0 {
				metric.Resolutions = append(metric.Resolutions, Resolution{
					Name: label, Interval: in.Interval.duration(), MaxAge: in.MaxAge.duration(),
				})
			}
		}
		slices.SortFunc(metric.Resolutions, func(a, b Resolution) int { return int(a.Interval - b.Interval) })
		metrics[name] = metric
	}
	return metrics, nil
}

// InsightQuery selects one history.
type InsightQuery struct {
	SiteID     uuid.UUID
	Scope      Scope
	MAC        macaddr.Addr // of the client or device
	Metric     string
	Band       network.Band // "" for metrics that know no band
	From, To   time.Time
	Resolution string
}

// Point is the value of a metric over [From, To). Gaps are left out.
type Point struct {
	From  time.Time
	To    time.Time
	Value measure.Value
}

// Insight reads one history. It costs one call: the longest kept, two weeks of hours,
// fits a page.
//
// The path with the metric in it is the only form the live cloud answers; the newer
// one, with the metrics in the query, gives 404.
func (c *Client) Insight(ctx context.Context, q InsightQuery) ([]Point, error) {
	path := "insights/"
	switch q.Scope {
	case ScopeClient:
		path += "client/" + q.MAC.String() + "/"
	case ScopeDevice:
		path += "device/" + q.MAC.String() + "/"
	}
	query := window(q.From, q.To)
	query.Set("interval", q.Resolution)
	query.Set("limit", strconv.Itoa(pageLimit))
	if q.Band != "" {
		query.Set("band", string(q.Band))
	}
	var reply series
	if _, err := c.get(ctx, "read insight", sitePath(q.SiteID, path+url.PathEscape(q.Metric)), query, &reply); err != nil {
		return nil, err
	}
	return reply.points(q.Metric), nil
}

// series is a reply of insights. results holds numbers, with null for gaps, or
// objects; times are those of rt or of the objects where given, and otherwise follow
// from the start.
type series struct {
	Start    num               `json:"start"`
	Interval num               `json:"interval"`
	Results  []json.RawMessage `json:"results"`
	RT       []text            `json:"rt"`
}

func (s series) points(metric string) []Point {
	interval := s.Interval.duration()
	if interval <= 0 {
		return nil
	}
	var points []Point
	for i, raw := range s.Results {
		at := s.Start.epoch().Add(time.Duration(i) * interval)
		if i < len(s.RT) {
			at = s.RT[i].stamp()
		}
		value := num{}
		var object map[string]num
		if json.Unmarshal(raw, &object) == nil && object != nil {
			value = object[metric]
			if stamp := object["timestamp"].epoch(); !stamp.IsZero() {
				at = stamp
			}
		} else {
			_ = value.UnmarshalJSON(raw)
		}
		if value.known && !at.IsZero() {
			points = append(points, Point{From: at, To: at.Add(interval), Value: value.measured()})
		}
	}
	return points
}

// duration reads seconds.
func (n num) duration() time.Duration { return time.Duration(n.value * float64(time.Second)) }
