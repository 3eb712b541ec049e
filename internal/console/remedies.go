package console

// remedyOf says what the network team can look at where many suffer from one thing.
func remedyOf(feature string) string {
	switch feature {
	case "radio_util", "ap_num_clients", "radio_bandwidth", "radio_channel", "radio_tx_power":
		return "More traffic than this radio can carry. Spread the devices over more access points or another band, or use narrower channels."
	case "radio_util_interference":
		return "Something that is not Wi-Fi fills this channel. Change the channel, and look for the source."
	case "client_rssi", "client_radio_band":
		return "Devices hear this access point badly. Look at where it hangs, at its power and its antenna, and at what covers the place otherwise."
	case "radio_ap_change":
		return "Devices move between access points in the middle of calls. Look at how their cells overlap, and at fast roaming."
	case "wan_rtt", "wan_jitter", "wan_loss":
		return "The site's way to the internet is slow, uneven or loses packets. Look at the gateway's uplink, and ask the provider of the line."
	case "wan_avg_upload_mbps", "wan_avg_download_mbps":
		return "The site's internet line is full. Find what fills it, give calls precedence, or get more bandwidth."
	case "ap_rtt", "site_num_clients":
		return "Look at what all of the site goes through: switches, the gateway, and what lies between it and the access points."
	}
	return "Look at what the people who are affected share."
}
