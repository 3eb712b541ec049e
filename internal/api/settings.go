package api

import (
	"net/http"

	"callweave/internal/access"
	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/store"
)

// CallSettings is what makes a minute of an org bad: any value that is greater.
type CallSettings struct {
	LatencyMS float32 `json:"latency_ms"`
	JitterMS  float32 `json:"jitter_ms"`
	LossRatio float32 `json:"loss_ratio"`
	// MeetingsDue is how many stored meetings are still judged by earlier settings.
	MeetingsDue int `json:"meetings_due"`
}

// callSettingsChange is what is asked for; what is absent stays as it is.
type callSettingsChange struct {
	LatencyMS *float64 `json:"latency_ms"`
	JitterMS  *float64 `json:"jitter_ms"`
	LossRatio *float64 `json:"loss_ratio"`
}

// beyond reports whether a limit is given and is none.
func beyond(value *float64, most float64) bool {
	return value != nil && !store.ValidThreshold(*value, most)
}

func (s *Server) callSettings(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	org, err := s.store.Org(r.Context(), who.OrgID)
	if err != nil {
		return err
	}
	due, err := s.store.CountStaleVerdicts(r.Context(), provider.AccountRef{}, who.OrgID)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, CallSettings{
		LatencyMS: org.LatencyBadMs, JitterMS: org.JitterBadMs, LossRatio: org.LossBadRatio, MeetingsDue: due,
	})
	return nil
}

// setCallSettings changes the thresholds; what is stored is judged anew by the harvests that
// follow, the newest meetings first.
func (s *Server) setCallSettings(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	var asked callSettingsChange
	if err := readJSON(r, &asked); err != nil {
		return err
	}
	switch {
	case asked == callSettingsChange{}:
		return badRequest("body: want latency_ms, jitter_ms or loss_ratio")
	case beyond(asked.LatencyMS, store.MaxThresholdMS):
		return badRequest("latency_ms: want milliseconds, more than 0 and at most %d", store.MaxThresholdMS)
	case beyond(asked.JitterMS, store.MaxThresholdMS):
		return badRequest("jitter_ms: want milliseconds, more than 0 and at most %d", store.MaxThresholdMS)
	case beyond(asked.LossRatio, store.MaxThresholdRatio):
		return badRequest("loss_ratio: want a ratio, more than 0 and at most %d: 2 %% is 0.02", store.MaxThresholdRatio)
	}
	_, err := s.store.SetThresholds(r.Context(), who.OrgID, store.ThresholdChange{
		LatencyMS: measure.OfPtr(asked.LatencyMS), JitterMS: measure.OfPtr(asked.JitterMS), LossRatio: measure.OfPtr(asked.LossRatio),
	}, who.TokenID.String())
	if err != nil {
		return err
	}
	return s.callSettings(w, r, who)
}
