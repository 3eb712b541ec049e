package world

import "math"

// place is a city with an office. The offset is its standard time: a fixed one,
// because two machines may have different time zone data and must see the same
// world.
type place struct {
	city, country, timezone string
	lat, lng                float64
	offsetHours             int
}

func places() []place {
	return []place{
		{"Amsterdam", "NL", "Europe/Amsterdam", 52.37, 4.90, 1},
		{"Chicago", "US", "America/Chicago", 41.88, -87.63, -6},
		{"Singapore", "SG", "Asia/Singapore", 1.35, 103.82, 8},
		{"London", "GB", "Europe/London", 51.51, -0.13, 0},
		{"San Jose", "US", "America/Los_Angeles", 37.34, -121.89, -8},
		{"Sydney", "AU", "Australia/Sydney", -33.87, 151.21, 10},
		{"New York", "US", "America/New_York", 40.71, -74.01, -5},
		{"Tokyo", "JP", "Asia/Tokyo", 35.68, 139.69, 9},
		{"Helsinki", "FI", "Europe/Helsinki", 60.17, 24.94, 2},
		{"Sao Paulo", "BR", "America/Sao_Paulo", -23.55, -46.63, -3},
		{"Zurich", "CH", "Europe/Zurich", 47.37, 8.54, 1},
		{"Toronto", "CA", "America/Toronto", 43.65, -79.38, -5},
		{"Warsaw", "PL", "Europe/Warsaw", 52.23, 21.01, 1},
		{"Nairobi", "KE", "Africa/Nairobi", -1.29, 36.82, 3},
	}
}

// dataCenter is a place of Zoom's, under the names its dashboard gives.
type dataCenter struct {
	name     string
	lat, lng float64
}

func dataCenters() []dataCenter {
	return []dataCenter{
		{"United States (SJC)", 37.34, -121.89},
		{"United States (IAD)", 38.95, -77.45},
		{"United States (DEN)", 39.74, -104.99},
		{"Netherlands (AMS)", 52.37, 4.90},
		{"Germany (FRA)", 50.11, 8.68},
		{"Singapore (SIN)", 1.35, 103.82},
		{"Japan (TYO)", 35.68, 139.69},
		{"Australia (SYD)", -33.87, 151.21},
		{"Brazil (SAO)", -23.55, -46.63},
	}
}

// routes are the ways from a place to its two closest data centers, the closest
// first.
type routes [2]route

type route struct {
	dataCenter string
	rttMS      float64
}

// routesFrom finds the routes of every place, by its number.
func routesFrom(cities []place) []routes {
	list := make([]routes, len(cities))
	for i, p := range cities {
		near := &list[i]
		near[0].rttMS, near[1].rttMS = math.Inf(1), math.Inf(1)
		for _, dc := range dataCenters() {
			r := route{dc.name, pathRTTMS(distanceKM(p.lat, p.lng, dc.lat, dc.lng))}
			if r.rttMS < near[0].rttMS {
				near[0], near[1] = r, near[0]
			} else if r.rttMS < near[1].rttMS {
				near[1] = r
			}
		}
	}
	return list
}

// distanceKM is the great-circle distance.
func distanceKM(lat1, lng1, lat2, lng2 float64) float64 {
	const earthRadiusKM, degree = 6371, math.Pi / 180
	sinLat := math.Sin((lat2 - lat1) * degree / 2)
	sinLng := math.Sin((lng2 - lng1) * degree / 2)
	h := sinLat*sinLat + math.Cos(lat1*degree)*math.Cos(lat2*degree)*sinLng*sinLng
	return 2 * earthRadiusKM * math.Asin(min(1, math.Sqrt(h)))
}

// pathRTTMS is the round trip over a distance: light in fibre covers 200 km per ms,
// and routes are about 1.4 times the great circle.
func pathRTTMS(km float64) float64 { return 2 * 1.4 * km / 200 }
