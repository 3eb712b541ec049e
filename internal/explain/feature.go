package explain

import "callweave/internal/correlate"

// Feature is something that is known of a call minute and may explain it. The names are
// those of Mist's troubleshoot schema.
type Feature uint8

// The features, by bucket.
const (
	ClientCPU         Feature = iota // busiest moment of the computer, percent
	ClientNStreams                   // spatial streams
	ClientVPNDistance                // 1 behind a tunnel, 0 not
	ClientWiFiVersion                // 4 for 802.11n, 5 ac, 6 ax, 7 be
	ClientTxBytes                    // towards the client, in the minute
	ClientRxBytes                    // from the client

	ClientRSSI            // dBm
	ClientRadioBand       // GHz: 2.4, 5 or 6
	ClientTxRates         // link rate, Mbit/s
	ClientRxRates         //
	ClientTxRetries       // frames sent again, in the minute
	ClientRxRetries       //
	APNumClients          // of all radios of the access point
	RadioUtil             // share of air time that is used, 0 to 1
	RadioUtilInterference // share of air time taken by what is not Wi-Fi, 0 to 1
	RadioBandwidth        // MHz
	RadioChannel          //
	RadioTxPower          // dBm
	RadioAPChange         // how often the access point changed within the minute

	APRTT              // ms
	SiteNumClients     //
	WANRTT             // ms
	WANJitter          // ms
	WANLoss            // 0 to 1; not in Mist's schema
	WANAvgDownloadMbps //
	WANAvgUploadMbps   //
)

// NumFeatures is the number of features.
const NumFeatures = int(WANAvgUploadMbps) + 1

// role is how a feature may be blamed.
type role uint8

const (
	cause   role = iota // may be blamed
	symptom             // follows from causes: shown beside them, never blamed
)

// trend is what physics says of a feature: whether more of it makes calls worse.
type trend int8

const (
	better  trend = -1 // the more, the better
	worse   trend = +1
	neither trend = 0
)

type property struct {
	name   string
	bucket correlate.Bucket
	role   role
	trend  trend
}

// properties describes the features. Retries, rates and bytes follow from signal,
// crowding and interference; a model that may choose blames them for what causes them.
// Channel, width and power are settings: what they do shows in utilisation and signal.
func properties() *[NumFeatures]property { return &table }

//nolint:gochecknoglobals // a constant of an array type
var table = [NumFeatures]property{
	ClientCPU:         {"client_cpu", Client, cause, worse},
	ClientNStreams:    {"client_n_streams", Client, cause, better},
	ClientVPNDistance: {"client_vpn_distance", Client, cause, worse},
	ClientWiFiVersion: {"client_wifi_version", Client, cause, better},
	ClientTxBytes:     {"client_tx_bytes", Client, symptom, neither},
	ClientRxBytes:     {"client_rx_bytes", Client, symptom, neither},

	ClientRSSI:            {"client_rssi", Wireless, cause, better},
	ClientRadioBand:       {"client_radio_band", Wireless, cause, better},
	ClientTxRates:         {"client_tx_rates", Wireless, symptom, better},
	ClientRxRates:         {"client_rx_rates", Wireless, symptom, better},
	ClientTxRetries:       {"client_tx_retries", Wireless, symptom, worse},
	ClientRxRetries:       {"client_rx_retries", Wireless, symptom, worse},
	APNumClients:          {"ap_num_clients", Wireless, cause, worse},
	RadioUtil:             {"radio_util", Wireless, cause, worse},
	RadioUtilInterference: {"radio_util_interference", Wireless, cause, worse},
	RadioBandwidth:        {"radio_bandwidth", Wireless, symptom, neither},
	RadioChannel:          {"radio_channel", Wireless, symptom, neither},
	RadioTxPower:          {"radio_tx_power", Wireless, symptom, neither},
	RadioAPChange:         {"radio_ap_change", Wireless, cause, worse},

	APRTT:              {"ap_rtt", SiteWAN, cause, worse},
	SiteNumClients:     {"site_num_clients", SiteWAN, cause, worse},
	WANRTT:             {"wan_rtt", SiteWAN, cause, worse},
	WANJitter:          {"wan_jitter", SiteWAN, cause, worse},
	WANLoss:            {"wan_loss", SiteWAN, cause, worse},
	WANAvgDownloadMbps: {"wan_avg_download_mbps", SiteWAN, cause, worse},
	WANAvgUploadMbps:   {"wan_avg_upload_mbps", SiteWAN, cause, worse},
}

// String is the feature's name in Mist's schema.
func (f Feature) String() string { return properties()[f].name }

// Bucket is where what the feature tells of is fixed.
func (f Feature) Bucket() correlate.Bucket { return properties()[f].bucket }

// Symptom reports whether the feature is shown beside its causes and never blamed.
func (f Feature) Symptom() bool { return properties()[f].role == symptom }

// The buckets besides [correlate.BucketUnknown].
const (
	Client   correlate.Bucket = "client"
	Wireless correlate.Bucket = "wireless"
	SiteWAN  correlate.Bucket = "site_wan"
	FarEnd   correlate.Bucket = "far_end"
)
