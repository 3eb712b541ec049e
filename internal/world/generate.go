package world

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

// index is what a world looks up besides its exported fields: fixed after New, but
// for the caches.
type index struct {
	seed        uint64
	permutation cipher.Block // of meeting UUIDs
	routes      []routes     // by number of the place
	physics     physics
	byOrg       map[uuid.UUID]*Org
	bySite      map[uuid.UUID]*Site
	byAccount   map[string]*Account
	byUser      map[string]*Person
	byMAC       map[macaddr.Addr]*Client
	days        *cache[accountDay, *dayPlan]
	tracks      *cache[personDay, *track]
	loads       *cache[siteDay, *siteLoad]
}

// New builds the world of a Config. Errors wrap [ErrConfig] and name the field.
func New(cfg Config) (*World, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	w := &World{Config: cfg}
	w.seed = hash(cfg.Seed, uint64(cfg.Orgs), uint64(cfg.SitesPerOrg), uint64(cfg.APsPerSite),
		uint64(cfg.Accounts), uint64(cfg.PeoplePerOrg), uint64(cfg.MeetingsPerDay))
	key := w.bytes(saltMeetingID)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("key meeting ids: %w", err)
	}
	w.permutation = block
	w.physics = newPhysics(cfg.Physics)
	w.routes = routesFrom(places())
	w.byOrg = make(map[uuid.UUID]*Org)
	w.bySite = make(map[uuid.UUID]*Site)
	w.byAccount = make(map[string]*Account)
	w.byUser = make(map[string]*Person)
	w.byMAC = make(map[macaddr.Addr]*Client)
	sites, people := cfg.Orgs*cfg.SitesPerOrg, cfg.Orgs*cfg.PeoplePerOrg
	w.days = newCache[accountDay, *dayPlan](24 * max(2, cfg.Accounts))
	w.tracks = newCache[personDay, *track](max(1000, 6*people))
	w.loads = newCache[siteDay, *siteLoad](max(24, 4*sites))

	for i := range cfg.Accounts {
		w.addAccount(i)
	}
	for i := range cfg.Orgs {
		w.addOrg(i)
	}
	w.addPeople()
	return w, nil
}

// bytes derives 16 bytes for a subject.
func (w *World) bytes(parts ...uint64) [16]byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], hash(w.seed, append(parts, 1)...))
	binary.BigEndian.PutUint64(b[8:], hash(w.seed, append(parts, 2)...))
	return b
}

// randomUUID derives a version 4 UUID for a subject.
func (w *World) randomUUID(parts ...uint64) uuid.UUID {
	id := uuid.UUID(w.bytes(parts...))
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// zoomID derives a 22-character id, as Zoom's account and user ids are.
func (w *World) zoomID(parts ...uint64) string {
	id := w.bytes(parts...)
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// Kinds of subject, as first part of a key.
const (
	kindOrg uint64 = iota + 100
	kindSite
	kindWLAN
	kindGateway
	kindAP
	kindAccount
	kindPerson
	kindClient
	kindGuest
)

func (w *World) addAccount(i int) {
	companies := []string{
		"Harrowgate Instruments", "Quillmere Logistics", "Tessarine Foods", "Wolverdine Marine",
		"Calderbrook Optics", "Penhallow Paper", "Ostrava Lakes Energy", "Brindlecombe Care",
	}
	a := &Account{
		ID:      w.zoomID(saltIdentity, kindAccount, uint64(i)),
		Number:  int64(10_000_000 + hash(w.seed, saltIdentity, kindAccount, uint64(i), 3)%90_000_000),
		Company: companies[i%len(companies)],
		index:   i,
		key:     hash(w.seed, kindAccount, uint64(i)),
	}
	if i >= len(companies) {
		a.Company = fmt.Sprintf("%s %d", a.Company, 1+i/len(companies))
	}
	w.Accounts = append(w.Accounts, a)
	w.byAccount[a.ID] = a
}

func (w *World) addOrg(i int) {
	names := []string{"Northpier", "Halden Works", "Sablefield", "Cinderbay", "Larkmoor", "Everstone", "Tidewell", "Ravensby"}
	org := &Org{
		ID:    w.randomUUID(saltIdentity, kindOrg, uint64(i)),
		Name:  names[i%len(names)],
		index: i,
	}
	if i >= len(names) {
		org.Name = fmt.Sprintf("%s %d", org.Name, 1+i/len(names))
	}
	for j := range w.Config.SitesPerOrg {
		org.Sites = append(org.Sites, w.newSite(org, j))
	}
	w.Orgs = append(w.Orgs, org)
	w.byOrg[org.ID] = org
}

func (w *World) newSite(org *Org, j int) *Site {
	at := org.index*w.Config.SitesPerOrg + j
	cities := places()
	placeNumber := at % len(cities)
	p := cities[placeNumber]
	site := &Site{
		ID: w.randomUUID(saltIdentity, kindSite, uint64(at)), Org: org,
		Name: p.city, Timezone: p.timezone, CountryCode: p.country, Lat: p.lat, Lng: p.lng,
		PublicIP: nthAddr("198.18.0.0", at*4+2),
		Subnet:   siteSubnet(j, w.Config.PeoplePerOrg),
		SSID:     org.Name + "-Corp",
		WLANID:   w.randomUUID(saltIdentity, kindWLAN, uint64(org.index)),
		place:    placeNumber,
		offset:   int64(p.offsetHours) * 3600,
		key:      hash(w.seed, kindSite, uint64(at)),
	}
	if at >= len(cities) {
		site.Name = fmt.Sprintf("%s %d", p.city, 1+at/len(cities))
	}
	site.uplinkMbps = pick(hash(site.key, saltWAN), []float64{50, 100, 100, 200})
	site.downlinkMbps = site.uplinkMbps * pick(hash(site.key, saltWAN, 1), []float64{1, 2, 5})
	gwMAC := w.deviceMAC(kindGateway, uint64(at))
	site.Gateway = &Gateway{
		ID: deviceID(gwMAC), MAC: gwMAC, Name: fmt.Sprintf("gw-%s-%d", p.country, at+1), Site: site, Port: "ge-0/0/0",
	}
	for k := range w.Config.APsPerSite {
		mac := w.deviceMAC(kindAP, uint64(at), uint64(k))
		site.APs = append(site.APs, &AP{
			ID: deviceID(mac), MAC: mac, Name: fmt.Sprintf("ap-%s-%d-%02d", p.country, at+1, k+1), Site: site,
			index: k, key: hash(w.seed, kindAP, uint64(at), uint64(k)),
		})
	}
	w.bySite[site.ID] = site
	return site
}

// siteSubnet is the subnet of the j-th site of every org: equal over orgs, so that a
// private address alone says nothing. Small sites have what home routers have too.
func siteSubnet(j, people int) netip.Prefix {
	bits := 24
	for needed := 3 * people; 1<<(32-bits)-32 < 2*needed && bits > 16; {
		bits--
	}
	if bits == 24 {
		third := []int{1, 10, 20, 0}[j%4]
		if j >= 4 {
			third = 100 + j
		}
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(third), 0}), bits)
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(20 + j), 0, 0}), bits)
}

// nthAddr counts addresses up from a base.
func nthAddr(base string, n int) netip.Addr { return addAddr(netip.MustParseAddr(base), n) }

func addAddr(base netip.Addr, n int) netip.Addr {
	b := base.As4()
	v := binary.BigEndian.Uint32(b[:]) + uint32(n)
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}

// deviceMAC is in 5c:5b:35, Mist's own block.
func (w *World) deviceMAC(parts ...uint64) macaddr.Addr {
	for try := uint64(0); ; try++ {
		h := hash(hash(w.seed, append(parts, saltMAC)...), try)
		mac := macaddr.Addr{0x5c, 0x5b, 0x35, byte(h >> 16), byte(h >> 8), byte(h)}
		if _, taken := w.byMAC[mac]; !taken {
			w.byMAC[mac] = nil
			return mac
		}
	}
}

// deviceID is how Mist makes a device id of a hardware address.
func deviceID(mac macaddr.Addr) uuid.UUID {
	id := uuid.UUID{8: 0x10}
	copy(id[10:], mac[:])
	return id
}

// Org returns the org of an id.
func (w *World) Org(id uuid.UUID) (*Org, bool) { o, ok := w.byOrg[id]; return o, ok }

// Site returns the site of an id.
func (w *World) Site(id uuid.UUID) (*Site, bool) { s, ok := w.bySite[id]; return s, ok }

// Account returns the Zoom account of an id.
func (w *World) Account(id string) (*Account, bool) { a, ok := w.byAccount[id]; return a, ok }

// User returns the person of a Zoom user id.
func (w *World) User(id string) (*Person, bool) { p, ok := w.byUser[id]; return p, ok }

// Client returns the network client of a hardware address.
func (w *World) Client(mac macaddr.Addr) (*Client, bool) {
	c := w.byMAC[mac]
	return c, c != nil
}
