package workflows

// ResealInput begins a Reseal.
type ResealInput struct {
	KeyID   uint32       `json:"key_id,omitempty"` // the key to seal with; 0: the primary one of the worker that begins
	Carried ResealResult `json:"carried,omitzero"` // by continue-as-new; operators leave it out
}

// ResealCursor is how far a pass has come.
type ResealCursor struct {
	Place int    `json:"place"`
	After string `json:"after,omitempty"`
}

// ResealBatch asks for one batch.
type ResealBatch struct {
	KeyID uint32       `json:"key_id"`
	At    ResealCursor `json:"at"`
}

// ResealedBatch is what it did.
type ResealedBatch struct {
	Next       ResealCursor `json:"next"`
	Done       bool         `json:"done"` // the pass has seen every value
	Resealed   int64        `json:"resealed"`
	Unreadable int64        `json:"unreadable"`
}

// SealedCount is what is sealed with keys other than the primary one.
type SealedCount struct {
	KeyID uint32 `json:"key_id"` // the primary one
	Left  int64  `json:"left"`   // values sealed with other keys of the keyset
}

// ResealResult is what the status query of a Reseal answers, and ends one.
type ResealResult struct {
	KeyID      uint32 `json:"key_id"`
	Resealed   int64  `json:"resealed"`
	Left       int64  `json:"left"`       // still sealed with older keys, at the last count
	Unreadable int64  `json:"unreadable"` // values that no key of the keyset opens; they are left alone
	Passes     int    `json:"passes"`
	Schedules  int    `json:"schedules"` // whose input was sealed anew
	Links      int    `json:"links"`     // running Link workflows that were asked to begin anew
}

// ResealedRuns is what was done for the payloads that Temporal keeps for long.
type ResealedRuns struct {
	Schedules int `json:"schedules"`
	Links     int `json:"links"`
}
