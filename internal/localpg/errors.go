package localpg

import (
	"errors"
	"fmt"
)

var (
	// ErrNotInstalled says that no PostgreSQL server programs were found; the text names the install command.
	ErrNotInstalled = errors.New("postgresql server is not installed")
	// ErrVersion says that the data directory and the installed server do not fit together.
	ErrVersion = errors.New("postgresql version does not fit")
	// ErrInUse says that another process runs a cluster in the directory.
	ErrInUse = errors.New("directory is in use")
	// ErrPortInUse says that another program listens on the port.
	ErrPortInUse = errors.New("port is in use")
	// ErrUnreachableDir says that the user who must run the server cannot use the directory.
	ErrUnreachableDir = errors.New("directory cannot be used by the server")
)

func portInUse(port int) error {
	return fmt.Errorf("%w: another program listens on 127.0.0.1:%d: stop it or choose another port", ErrPortInUse, port)
}
