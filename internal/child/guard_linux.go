package child

import (
	"os/exec"
	"syscall"
)

// startGuarded lets the kernel signal the child when the calling thread dies.
func startGuarded(cmd *exec.Cmd, onParentDeath syscall.Signal) (release func(), err error) {
	cmd.SysProcAttr.Pdeathsig = onParentDeath
	return func() {}, cmd.Start() //nolint:wrapcheck // Start wraps it
}
