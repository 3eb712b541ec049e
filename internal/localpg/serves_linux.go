package localpg

import (
	"os"
	"strconv"
)

// servesDir reports whether process pid is the server of dataDir: a server works in its data directory.
func servesDir(pid int, dataDir string) bool {
	if !alive(pid) {
		return false
	}
	proc, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err != nil {
		return false // ended meanwhile, or belongs to another user and so is not the server
	}
	data, err := os.Stat(dataDir)
	return err == nil && os.SameFile(proc, data)
}
