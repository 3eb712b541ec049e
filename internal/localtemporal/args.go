package localtemporal

import "strconv"

// dynamicConfig lifts limits that a development server of one history shard suffers from, and turns on fairness.
// Keys are case-sensitive, and a key the server does not know is ignored without a word.
func dynamicConfig() []string {
	return []string{
		// A shard may read its queues 20 times a second by default, which puts every task on a grid of 50 ms.
		"history.transferProcessorMaxPollRPS=2000",
		"history.timerProcessorMaxPollRPS=2000",
		"history.visibilityProcessorMaxPollRPS=2000",
		// A closed execution is deleted when the queues' read marks have passed its end: by default half a minute later.
		"history.transferProcessorUpdateAckInterval=\"1s\"",
		"history.visibilityProcessorUpdateAckInterval=\"1s\"",
		// With four partitions and few pollers tasks wait in a partition nobody polls, and rate limits per
		// fairness key are split by four.
		"matching.numTaskqueueReadPartitions=1",
		"matching.numTaskqueueWritePartitions=1",
		// Without these Priority and FairnessKey of tasks are ignored.
		"matching.useNewMatcher=true",
		"matching.enableFairness=true",
		// Clients of another release are not our business here.
		"frontend.enableServerVersionCheck=false",
	}
}

func (s *Server) args() []string {
	args := []string{
		"server", "start-dev",
		"--ip", loopback,
		"--port", strconv.Itoa(s.cfg.Port),
		"--namespace", s.cfg.Namespace,
		"--log-level", "warn",
		"--color", "never",
		// A profile of the user must not redirect what we start.
		"--disable-config-file", "--disable-config-env",
	}
	if s.cfg.UI {
		args = append(args, "--ui-ip", loopback, "--ui-port", strconv.Itoa(s.cfg.UIPort))
	} else {
		args = append(args, "--headless")
	}
	if s.cfg.UICodecEndpoint != "" {
		args = append(args, "--ui-codec-endpoint", s.cfg.UICodecEndpoint)
	}
	if s.state != nil {
		// Write-ahead logging: one flush per checkpoint instead of two per commit, and still consistent after a
		// power cut (sqlite.org/wal.html).
		args = append(args, "--db-filename", s.state.database(),
			"--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL")
	}
	for _, setting := range dynamicConfig() {
		args = append(args, "--dynamic-config-value", setting)
	}
	return args
}
