package world

import (
	"fmt"
	"strings"

	"callweave/internal/macaddr"
)

// homeWorkers is the share of people who are never in an office.
const homeWorkers = 0.15

func (w *World) addPeople() {
	names := &namer{taken: make(map[string]bool)}
	index := 0
	for _, org := range w.Orgs {
		accounts := accountsOfOrg(w.Config, org.index)
		for i := range w.Config.PeoplePerOrg {
			account := w.Accounts[accounts[i%len(accounts)]]
			w.addPerson(index, i, org, account, names)
			index++
		}
	}
	for _, account := range w.Accounts {
		account.Admins = account.People[:min(3, len(account.People)-1)]
	}
	for _, org := range w.Orgs {
		for _, site := range org.Sites {
			w.fillSite(site)
		}
	}
}

func (w *World) addPerson(index, inOrg int, org *Org, account *Account, names *namer) {
	s := newDraws(w.seed, saltIdentity, kindPerson, uint64(index))
	first, last := names.name(s)
	p := &Person{
		ZoomUserID: w.zoomID(saltIdentity, kindPerson, uint64(index), 7),
		FirstName:  first, LastName: last,
		Email:   strings.ToLower(first+"."+last) + "@" + domain(account.Company),
		Account: account, Org: org, Site: org.Sites[inOrg%len(org.Sites)],
		AtHome: inOrg >= len(org.Sites) && s.chance(homeWorkers),
		key:    hash(w.seed, kindPerson, uint64(index)),
		index:  index,
	}
	p.Clients = append(p.Clients, w.newLaptop(p, s))
	if !p.AtHome {
		switch draw := s.unit(); {
		case draw < 0.3:
			p.Clients = append(p.Clients, w.newDock(p))
		case draw < 0.55:
			p.Clients = append(p.Clients, w.newPhone(p, s))
		}
	}
	for _, c := range p.Clients {
		w.byMAC[c.MAC] = c
	}
	org.People = append(org.People, p)
	account.People = append(account.People, p)
	w.byUser[p.ZoomUserID] = p
}

func (w *World) newLaptop(p *Person, s *draws) *Client {
	c := w.newClient(p, 0)
	c.Device, c.OS = "Windows", "Windows 11"
	c.Hostname = fmt.Sprintf("LT-%s-%04X", strings.ToUpper(p.LastName[:4]), p.index)
	if s.chance(0.4) {
		c.Device, c.OS = "Mac", "macOS 26.2"
		c.Hostname = fmt.Sprintf("%ss-MacBook-%d", p.FirstName, p.index)
	}
	if unit(hash(c.key, saltName)) < unnamed {
		c.Hostname = nameAsBought(c.Device)
	}
	c.Proto, c.Streams = pick(s.next(), []string{"ac", "ax", "ax", "ax", "be"}), 2
	if s.chance(0.05) {
		c.Proto, c.Streams = "n", 1
	}
	// Private Wi-Fi addresses: the network sees a made-up address that Zoom's client
	// does not know of.
	if c.reported = c.MAC; s.chance(0.15) {
		c.MAC = w.clientMAC(true, c.key, 1)
	}
	return c
}

// unnamed is the share of people who never gave their laptop a name.
const unnamed = 0.05

// nameAsBought is what a laptop calls itself until somebody names it.
func nameAsBought(device string) string {
	if device == "Mac" {
		return "MacBook-Pro"
	}
	return "Laptop"
}

// Unnamed reports whether a hostname is one that laptops come with, which tells none from
// the others.
func Unnamed(hostname string) bool {
	return hostname == "" || hostname == nameAsBought("Mac") || hostname == nameAsBought("Windows")
}

func (w *World) newDock(p *Person) *Client {
	c := w.newClient(p, 1)
	c.Wired = true
	c.Device, c.OS, c.Hostname = p.Clients[0].Device, p.Clients[0].OS, p.Clients[0].Hostname
	c.reported = c.MAC
	return c
}

func (w *World) newPhone(p *Person, s *draws) *Client {
	c := w.newClient(p, 1)
	c.phone = true
	c.Device, c.OS = "iOS", "iOS 26.1"
	c.Hostname = fmt.Sprintf("%ss-iPhone-%d", p.FirstName, p.index)
	if s.chance(0.5) {
		c.Device, c.OS = "Android", "Android 16"
		c.Hostname = fmt.Sprintf("%ss-Pixel-%d", p.FirstName, p.index)
	}
	c.Proto, c.Streams = pick(s.next(), []string{"ac", "ax", "ax", "be"}), pick(s.next(), []int{1, 2, 2})
	c.MAC = w.clientMAC(true, c.key, 1) // phones use private addresses, and Zoom reports none for them
	return c
}

func (w *World) newClient(p *Person, nth int) *Client {
	c := &Client{Person: p, key: hash(p.key, kindClient, uint64(nth)), pool: make(map[*Site]int)}
	c.MAC = w.clientMAC(false, c.key)
	return c
}

// clientMAC draws a free address: of a laptop vendor's block, or a private one with
// the locally administered bit set and the group bit clear.
func (w *World) clientMAC(private bool, key uint64, more ...uint64) macaddr.Addr {
	vendors := [][3]byte{{0xa4, 0xc3, 0xf0}, {0x3c, 0x22, 0xfb}, {0x8c, 0x8d, 0x28}, {0xf8, 0x4d, 0x89}}
	for try := uint64(0); ; try++ {
		h := hash(key, append(more, saltMAC, try)...)
		vendor := pick(h>>24, vendors)
		mac := macaddr.Addr{vendor[0], vendor[1], vendor[2], byte(h >> 16), byte(h >> 8), byte(h)}
		if private {
			mac[0] = byte(h>>48)&0xfc | 0x02
			mac[1], mac[2] = byte(h>>40), byte(h>>32)
		}
		if _, taken := w.byMAC[mac]; !taken {
			w.byMAC[mac] = nil
			return mac
		}
	}
}

// fillSite lists the clients that may come to a site and gives each its place in the
// site's address pool.
func (w *World) fillSite(site *Site) {
	var visitors []*Client
	for _, p := range site.Org.People {
		switch {
		case p.AtHome:
		case p.Site == site:
			site.clients = append(site.clients, p.Clients...)
		default:
			visitors = append(visitors, p.Clients...)
		}
	}
	site.residents = len(site.clients)
	site.clients = append(site.clients, visitors...)
	for i, c := range site.clients {
		c.pool[site] = i
	}
}

// ClientsOf returns the clients that may ever be on the site's network.
func (w *World) ClientsOf(s *Site) []*Client { return s.clients }
