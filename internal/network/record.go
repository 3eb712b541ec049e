package network

// Record is one piece of a network's past that somebody else collected, as archives hold
// it: exactly one of Site, Device, Lease, Client, Radio and WAN is set.
//
// A [Source] shows a network as it is and is polled; a sequence of records is a network
// that tells its past by itself. Both end as the same rows.
type Record struct {
	Site   *Site
	Device *Device
	Lease  *Lease
	Client *ClientSample
	Radio  *RadioSample
	WAN    *WANSample
	// LeaseSource is how well the times of Lease are known, as package correlate names it;
	// "" is as well as the network itself knows them.
	LeaseSource string
	// Where the record was read, for people: a file and a line.
	Where string
}
