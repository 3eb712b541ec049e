package activities

import (
	"context"
	"net/netip"
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
)

// land turns legs into what is stored of them: with what earlier reads knew of the same
// people, without what identifies guests where no link keeps it, and sealed.
func (b *readBatch) land(legs []provider.Leg, known map[legKey]knownLeg) ([]store.LegLanding, error) {
	landings := make([]store.LegLanding, len(legs))
	for i, leg := range legs {
		before, again := known[legKeyOf(leg.ParticipantID, leg.JoinAt)]
		leg.Guest = leg.Guest && (!again || before.guest)
		redacted := leg.Guest && !b.keepGuests
		if redacted {
			redact(&leg)
		} else {
			complete(&leg.Person, before.person)
		}
		sealed := before.sealed
		if !again || leg.Person != before.person {
			var err error
			if sealed, err = b.key.SealPerson(fieldPerson, leg.Person); err != nil {
				return nil, err
			}
		}
		leg.Person = provider.Person{UserID: leg.Person.UserID}
		landings[i] = store.LegLanding{Leg: leg, PersonSealed: sealed, Redacted: redacted}
	}
	return landings, nil
}

// legKey is what makes a join the same in two reads of a meeting.
type legKey struct {
	participantID string
	joinMicros    int64 // as precise as the database is
}

func legKeyOf(participantID string, joinAt time.Time) legKey {
	return legKey{participantID, joinAt.UnixMicro()}
}

// knownLeg is who earlier reads of a meeting say a join was.
type knownLeg struct {
	guest  bool
	person provider.Person
	sealed []byte // the same
}

// known returns by meeting what earlier reads know.
func (b *readBatch) known(ctx context.Context, meetingIDs []string) (map[string]map[legKey]knownLeg, error) {
	if len(meetingIDs) == 0 {
		return nil, nil //nolint:nilnil // nobody is known of no meeting
	}
	rows, err := b.harvest.store.LegPersons(ctx, b.ref, meetingIDs...)
	if err != nil {
		return nil, err
	}
	known := make(map[string]map[legKey]knownLeg, len(meetingIDs))
	for _, row := range rows {
		person, err := b.key.OpenPerson(fieldPerson, row.PersonSealed)
		if err != nil {
			return nil, err
		}
		if known[row.MeetingID] == nil {
			known[row.MeetingID] = map[legKey]knownLeg{}
		}
		known[row.MeetingID][legKeyOf(row.ParticipantID, row.JoinAt)] = knownLeg{row.Guest, person, row.PersonSealed}
	}
	return known, nil
}

// complete fills in what is not known of somebody with what was known before.
func complete(person *provider.Person, before provider.Person) {
	if person.UserID == "" {
		person.UserID = before.UserID
	}
	for _, pair := range [...]struct {
		into *secret.Text
		from secret.Text
	}{{&person.Name, before.Name}, {&person.Email, before.Email}, {&person.Hostname, before.Hostname}} {
		if pair.into.IsZero() {
			*pair.into = pair.from
		}
	}
}

// redact takes away what identifies a guest: their name, e-mail, device and addresses.
func redact(leg *provider.Leg) {
	leg.Person = provider.Person{}
	leg.Location = ""
	leg.PublicIP, leg.PrivateIPs, leg.MAC = netip.Addr{}, nil, macaddr.Addr{}
}
