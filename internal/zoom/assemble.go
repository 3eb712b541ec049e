package zoom

import (
	"cmp"
	"slices"
	"time"

	"callweave/internal/measure"
	"callweave/internal/provider"
)

// legKey is what makes a join the same in both lists.
type legKey struct {
	userID string
	joinAt time.Time
}

// assembly is a meeting being put together.
type assembly struct {
	meetingID string
	legs      []*provider.Leg
	waiting   map[*provider.Leg]bool
	byKey     map[legKey]*provider.Leg
	byUUID    map[string]*provider.Leg
	byUser    map[string][]*provider.Leg
}

// assemble begins with everybody in the list of participants.
func assemble(meetingID string, participants []participantRow) (*assembly, error) {
	a := &assembly{
		meetingID: meetingID,
		waiting:   map[*provider.Leg]bool{},
		byKey:     make(map[legKey]*provider.Leg, len(participants)),
		byUUID:    make(map[string]*provider.Leg, len(participants)),
		byUser:    make(map[string][]*provider.Leg, len(participants)),
	}
	for i := range participants {
		row := &participants[i]
		if row.status == waitingRoom && row.joinTime == "" {
			continue
		}
		leg, err := a.add(row)
		if err != nil {
			return nil, err
		}
		a.waiting[leg] = row.status == waitingRoom
	}
	return a, nil
}

// add returns the leg of a row, a new one unless the row was seen before.
func (a *assembly) add(row *participantRow) (*provider.Leg, error) {
	leg, err := row.leg(a.meetingID)
	if err != nil {
		return nil, err
	}
	key := legKey{leg.ParticipantID, leg.JoinAt}
	if known := a.byKey[key]; known != nil {
		if known.LeaveAt.Before(leg.LeaveAt) {
			known.LeaveAt = leg.LeaveAt
		}
		return known, nil
	}
	if len(a.legs) > 0 && !sameMeeting(a.legs[0].JoinAt, leg.JoinAt) {
		return nil, &valueError{want: "a time within the meeting"}
	}
	a.legs = append(a.legs, &leg)
	a.byKey[key] = &leg
	a.byUser[key.userID] = append(a.byUser[key.userID], &leg)
	if row.uuid != "" {
		a.byUUID[row.uuid] = &leg
	}
	return &leg, nil
}

// measure puts what a page of the quality of service list measured on the legs that it
// was measured on. A row that belongs to no leg is one: late data may be in one list
// before it is in the other.
func (a *assembly) measure(rows []qosRow) error {
	for i := range rows {
		row := &rows[i]
		leg, err := a.find(&row.participantRow)
		if err != nil {
			return err
		}
		for j := range row.samples {
			if !sameMeeting(leg.JoinAt, row.samples[j].StartAt) {
				return &valueError{want: "a time within the meeting"}
			}
		}
		if leg.Samples == nil {
			leg.Samples = row.samples
		} else {
			leg.Samples = append(leg.Samples, row.samples...)
		}
	}
	return nil
}

func (a *assembly) find(row *participantRow) (*provider.Leg, error) {
	joinAt, err := parseTime(row.joinTime)
	if err != nil {
		return nil, err
	}
	if leg := a.byKey[legKey{row.userID, joinAt}]; leg != nil {
		return leg, nil
	}
	if leg := a.byUUID[row.uuid]; leg != nil && row.uuid != "" && (joinAt.IsZero() || leg.JoinAt.Equal(joinAt)) {
		return leg, nil
	}
	if same := a.byUser[row.userID]; len(same) == 1 && joinAt.IsZero() {
		return same[0], nil
	}
	return a.add(row)
}

// finish returns the legs ordered by join, with samples ordered by time. A list that was
// read twice in part changes nothing.
func (a *assembly) finish() []provider.Leg {
	legs := make([]provider.Leg, 0, len(a.legs))
	for _, leg := range a.legs {
		if a.waiting[leg] && len(leg.Samples) == 0 {
			continue // never in the meeting
		}
		leg.Samples = mergeSamples(leg.Samples)
		legs = append(legs, *leg)
	}
	slices.SortFunc(legs, func(x, y provider.Leg) int {
		return cmp.Or(x.JoinAt.Compare(y.JoinAt), cmp.Compare(x.ParticipantID, y.ParticipantID))
	})
	return legs
}

// mergeSamples orders samples by time and makes those of one minute one: what a later one
// measured and an earlier one did not is added.
func mergeSamples(samples []provider.MediaSample) []provider.MediaSample {
	slices.SortStableFunc(samples, func(x, y provider.MediaSample) int { return x.StartAt.Compare(y.StartAt) })
	merged := samples[:0]
	for i := range samples {
		if last := len(merged) - 1; last >= 0 && merged[last].StartAt.Equal(samples[i].StartAt) {
			fill(&merged[last], &samples[i])
			continue
		}
		merged = append(merged, samples[i])
	}
	return merged
}

func fill(into, from *provider.MediaSample) {
	for _, pair := range [...][2]*provider.Stream{
		{&into.AudioIn, &from.AudioIn},
		{&into.AudioOut, &from.AudioOut},
		{&into.VideoIn, &from.VideoIn},
		{&into.VideoOut, &from.VideoOut},
		{&into.ScreenIn, &from.ScreenIn},
		{&into.ScreenOut, &from.ScreenOut},
	} {
		fillStream(pair[0], pair[1])
	}
	for _, pair := range [...][2]*measure.Value{
		{&into.ClientCPUAvgPercent, &from.ClientCPUAvgPercent},
		{&into.ClientCPUMaxPercent, &from.ClientCPUMaxPercent},
		{&into.SystemCPUMaxPercent, &from.SystemCPUMaxPercent},
		{&into.WiFiRSSIAvgDBm, &from.WiFiRSSIAvgDBm},
		{&into.WiFiRSSIMinDBm, &from.WiFiRSSIMinDBm},
		{&into.WiFiRSSIMaxDBm, &from.WiFiRSSIMaxDBm},
	} {
		if !pair[0].Known() {
			*pair[0] = *pair[1]
		}
	}
}
