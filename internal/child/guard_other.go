//go:build unix && !linux

package child

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// startGuarded starts the child and a shell that signals it when the parent's end of a pipe closes,
// which the kernel does for a dying parent whatever killed it.
func startGuarded(cmd *exec.Cmd, onParentDeath syscall.Signal) (release func(), err error) {
	parentEnds, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe to watchdog: %w", err)
	}
	defer parentEnds.Close()
	if err := cmd.Start(); err != nil {
		ours.Close()
		return nil, err
	}
	watchdog := exec.Command("/bin/sh", "-c", `read -r _ || kill -s "$1" "$2"`, "watchdog",
		strconv.Itoa(int(onParentDeath)), strconv.Itoa(cmd.Process.Pid))
	watchdog.Stdin = parentEnds
	watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := watchdog.Start(); err != nil {
		ours.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	return func() {
		// A line makes the watchdog leave without signalling a process id that may be in use again.
		_, _ = ours.WriteString("\n")
		ours.Close()
		_ = watchdog.Wait()
	}, nil
}
