//go:build unix && !linux

package localpg

import (
	"os/exec"
	"strconv"
	"strings"
)

// servesDir reports whether process pid is the server of dataDir, judged by its command line.
func servesDir(pid int, dataDir string) bool {
	if !alive(pid) {
		return false
	}
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), dataDir)
}
