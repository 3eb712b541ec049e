package console

import (
	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/store/db"
)

// facts are what the network and the device said of a minute; what is not known is left out.
func facts(m db.CallMinute, names deviceNames, gateways []string) []fact {
	var list []fact
	add := func(name string, v measure.Value, factor float64, suffix string) {
		if v.Known() {
			list = append(list, fact{name, written(v, factor, suffix)})
		}
	}
	if ap := macaddr.FromHardware(m.ApMac); !ap.IsZero() {
		text := names.of(ap)
		if m.Band != "" {
			text += ", " + bandName(m.Band)
		}
		list = append(list, fact{"Access point", text})
	}
	add("Wi-Fi signal", m.ClientRssiDbm, 1, " dBm")
	if generation, known := m.ClientWifiVersion.Get(); known {
		list = append(list, fact{"Wi-Fi generation", "Wi-Fi " + plain(generation)})
	}
	add("Signal over noise", m.ClientSnrDb, 1, " dB")
	add("Rate to the device", m.ClientTxRateMbps, 1, " Mbit/s")
	add("Rate from the device", m.ClientRxRateMbps, 1, " Mbit/s")
	add("Sent again to the device", m.ClientTxRetries, 1, " frames")
	add("Sent again by the device", m.ClientRxRetries, 1, " frames")
	add("Radio channel in use", m.RadioUtilRatio, 100, " %")
	add("of that by other radios", m.RadioUtilInterferenceRatio, 100, " %")
	add("Devices on the access point", m.ApNumClients, 1, "")
	if len(gateways) == 1 && (m.WanRttMs.Known() || m.WanLossRatio.Known()) {
		list = append(list, fact{"Gateway of the site", gateways[0]})
	}
	add("Internet line, round trip", m.WanRttMs, 1, " ms")
	add("Internet line, jitter", m.WanJitterMs, 1, " ms")
	add("Internet line, lost", m.WanLossRatio, 100, " %")
	add("Internet line, from the internet", m.WanDownloadMbps, 1, " Mbit/s")
	add("Internet line, to the internet", m.WanUploadMbps, 1, " Mbit/s")
	add("Device processor", m.ClientCpuPercent, 1, " %")
	if m.ClientVpn != nil {
		list = append(list, fact{"VPN", map[bool]string{true: "in use", false: "not in use"}[*m.ClientVpn]})
	}
	if others, known := m.OtherLegs.Get(); known && others > 0 && m.OtherLegsBad.Known() {
		list = append(list, fact{"Others in the meeting", plain(m.OtherLegsBad.Or(0)) + " of " + plain(others) + " bad as well"})
	}
	return list
}

// bandName turns Mist's name of a band (24, 5, 6) into one that is printed on devices.
func bandName(band string) string {
	switch band {
	case "24":
		return "2.4 GHz"
	case "5", "6":
		return band + " GHz"
	}
	return band
}
